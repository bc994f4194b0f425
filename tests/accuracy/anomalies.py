#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures hits and false alarms of the detectors for docs/accuracy.md: of
generated events with injected anomalies, and of a labelled series from the UCR
anomaly archive, which PyPI's package aeon carries. scripts/accuracy calls it.

    anomalies.py PROGRAM DATA_DIR FIGURE_DIR DOCUMENT [--quick]

Exit status 1: more false alarms than one in 20,000 panes, or an anomaly of a
stream of 5,000 events a second that was missed.
"""
import os
import re
import subprocess
import sys
import zipfile

PACKAGE = "aeon==1.6.0"
SERIES = "aeon/datasets/data/KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16"
# Its samples have no time; 20 a second make a pane of a third of a period.
HZ = 20

# Judged in a trial: ten minutes of four metrics.
PANES = 2400


def labelled(data):
    """The series as lines "value,label"; None without the package."""
    path = os.path.join(data, "ucr135.csv")
    if not os.path.exists(path):
        got = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
             "--disable-pip-version-check", "--dest", data, PACKAGE])
        if got.returncode != 0:
            return None
        wheel = next(f for f in os.listdir(data) if f.startswith("aeon-"))
        with zipfile.ZipFile(os.path.join(data, wheel)) as archive, \
                open(path, "w", encoding="ascii") as out:
            for part in "TRAIN", "TEST":
                text = archive.read("%s_%s.csv" % (SERIES, part)).decode()
                for line in text.splitlines()[1:]:
                    out.write(line.split(",", 1)[1] + "\n")
    return path


def run(program, *arguments):
    return subprocess.run([program, *arguments], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def judge(table):
    wrong = []
    alarms = panes = 0
    for line in table.splitlines()[1:]:
        name, rate, *rest = re.split(r"\s{2,}", line.replace(" %", "").strip())
        alarms += int(rest[-2])
        panes += int(rest[0]) * PANES
        if rate == "5000" and name != "nothing" and float(rest[1]) != 100:
            wrong.append("missed: " + line)
    if alarms * 20000 > panes:
        wrong.append("%d false alarms in %d panes" % (alarms, panes))
    return wrong


def write(document, table, series):
    with open(document, encoding="utf-8") as file:
        text = file.read()
    part = "<!-- anomalies -->\n```\n%s```\n\n%s<!-- /anomalies -->" % (
        table, series)
    text, found = re.subn(r"<!-- anomalies -->.*?<!-- /anomalies -->",
                          lambda _: part, text, flags=re.S)
    if not found:
        sys.exit("%s has no place for anomalies" % document)
    with open(document, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    program, data, _, document = sys.argv[1:5]
    quick = "--quick" in sys.argv
    table = run(program, "made", "2" if quick else "20")
    print(table)
    path = labelled(data)
    series = "" if path is None else "The labelled series:\n\n```\n%s```\n" % \
        run(program, "file", path, str(HZ))
    print(series)
    if not quick:
        write(document, table, series)
    wrong = judge(table)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


sys.exit(main())
