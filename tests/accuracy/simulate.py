#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what the detectors find of the incidents of the kind "simulate" for
docs/accuracy.md. scripts/accuracy calls it.

    simulate.py PROGRAM DATA_DIR FIGURE_DIR DOCUMENT [--quick]

Exit status 1: with 1,000 events a second and the default threshold an incident
was missed, or there were too many false alarms.
"""
import re
import subprocess
import sys


def write(document, table):
    with open(document, encoding="utf-8") as file:
        text = file.read()
    part = "<!-- simulate -->\n```\n%s```\n<!-- /simulate -->" % table
    text, found = re.subn(r"<!-- simulate -->.*?<!-- /simulate -->",
                          lambda _: part, text, flags=re.S)
    if not found:
        sys.exit("%s has no place for simulate" % document)
    with open(document, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    program, _, _, document = sys.argv[1:5]
    check = subprocess.run([program, "check"], text=True, check=False,
                           stdout=subprocess.PIPE)
    print(check.stdout)
    if "--quick" not in sys.argv:
        table = subprocess.run([program], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
        print(table)
        write(document, table)
    return 1 if check.returncode else 0


sys.exit(main())
