#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/rest.md and docs/connect.md are true: their commands are run in order,
in one shell, and what they print has the form of what the page shows.

    test_bridge_docs.py BIN_DIR [unittest arguments]

Of JSON the names and types are compared, of other text all but ids, times and
numbers that differ from run to run.
"""
import json
import os
import re
import shutil
import subprocess
import unittest

import bridge_rig as rig
from bridge_rig import Bridge, Core

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs")
CHANGING = [(r"\b[0-9a-z]{26}\b", "JOB"),
            (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
            (r"\b[0-9a-f]{8}/", "EPOCH/")]


def examples(page):
    """(language, text) of each fenced block."""
    with open(os.path.join(DOCS, page), encoding="utf-8") as file:
        return re.findall(r"^```(\w+)\n(.*?)^```$", file.read(), re.M | re.S)


def shape(value):
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return "number" if isinstance(value, (int, float)) else type(
        value).__name__


def fixed(text):
    for pattern, name in CHANGING:
        text = re.sub(pattern, name, text)
    return text


class Page(unittest.TestCase):
    maxDiff = None

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_every_example(self):
        for page, least in (("rest.md", 6), ("connect.md", 3)):
            with self.subTest(page):
                self.run_page(page, least)

    def run_page(self, page, least):
        core = Core()
        bridge = Bridge(core).ready()
        shell = subprocess.Popen(
            ["bash", "-eu"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=rig.clean_env())
        printed, count = "", 0
        for language, text in examples(page):
            if language == "sh":
                printed = self.run_one(shell, text, bridge.address)
                count += 1
            elif language == "json":
                self.assertEqual(shape(json.loads(printed)),
                                 shape(json.loads(text)), text)
            elif language == "text":
                self.assertEqual(fixed(printed).rstrip("\n"),
                                 fixed(text).rstrip("\n"))
        self.assertGreaterEqual(count, least)
        shell.stdin.close()
        self.assertEqual(shell.wait(rig.DEADLINE_S), 0)
        shell.stdout.close()
        bridge.stop()
        core.stop()

    def run_one(self, shell, command, address):
        command = command.replace("localhost:7480", address)
        shell.stdin.write(command + "\nprintf '\\n--done--\\n'\n")
        shell.stdin.flush()
        out = ""
        while not out.endswith("\n--done--\n"):
            line = shell.stdout.readline()
            self.assertTrue(line, "the shell ended at: " + command + out)
            out += line
        return out.removesuffix("\n--done--\n")


if __name__ == "__main__":
    rig.main("__main__")
