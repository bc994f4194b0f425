#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/ are true: the commands of a page are run in order, in
one shell, in a folder that looks like that of the sources.

    test_bridge_docs.py BIN_DIR [unittest arguments]

Where a page shows what a command prints, the two have the same form: of JSON the
names and types are compared, of other text all but ids, times and numbers that
differ from run to run. Of the other pages each block prints what SAYS has.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import bridge_rig as rig
from bridge_rig import Bridge, Core

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(ROOT, "tests/interop"))
from redis_server import RedisServer  # noqa: E402

CHANGING = [(r"\b[0-9a-z]{26}\b", "JOB"),
            (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
            (r"\b[0-9a-f]{8}/", "EPOCH/")]
# A part of what each block of a page prints, and the programs that it needs.
SAYS = {
    "jobs.md": (["curl", "xz"], [
        "succeeded", "event: end", "\n50000", "begins", "", "succeeded",
        '"JOB_STATE_QUEUED"', '"final":true', "You said:"]),
    "operations.md": (["curl"], [
        "{", "limits", "runnel-20", "", "nothing is wrong", "now"]),
    "streams.md": (["curl", "redis-cli", "redis-server"], [
        "stream visitors", '"count":"2"', "runnel.v1."]),
}


def examples(page):
    """(language, text) of each fenced block."""
    with open(os.path.join(ROOT, "docs", page), encoding="utf-8") as file:
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


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def end_group(shell):
    """What a page has left running ends with its shell."""
    try:
        os.killpg(shell.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    shell.wait()
    shell.stdin.close()
    shell.stdout.close()


class Page(unittest.TestCase):
    maxDiff = None

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_every_example(self):
        for page, least in (("rest.md", 6), ("connect.md", 3)):
            with self.subTest(page):
                self.run_page(page, least)

    def start(self):
        """A core, a bridge, and a shell beside them in a folder of sources."""
        core = Core()
        bridge = Bridge(core).ready()
        folder = tempfile.mkdtemp(dir=core.dir)
        for name in ("README.md", "tests"):
            os.symlink(os.path.join(ROOT, name), os.path.join(folder, name))
        shell = subprocess.Popen(
            ["bash", "-eu"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, cwd=folder,
            start_new_session=True,
            env=rig.clean_env(RUNNEL_CORE=core.address,
                              PATH=rig.BIN + ":" + os.environ["PATH"]))
        self.addCleanup(end_group, shell)
        return core, bridge, shell

    def end(self, core, bridge, shell):
        shell.stdin.close()
        self.assertEqual(shell.wait(rig.DEADLINE_S), 0)
        bridge.stop()
        core.stop()

    def test_the_command_line(self):
        for page, (programs, says) in SAYS.items():
            missing = [name for name in programs if not shutil.which(name)]
            with self.subTest(page):
                if missing:
                    self.skipTest("not installed: " + " ".join(missing))
                self.run_commands(page, programs, says)

    def run_commands(self, page, programs, says):
        core, bridge, shell = self.start()
        redis = RedisServer() if "redis-server" in programs else None
        blocks = [text for language, text in examples(page)
                  if language == "sh"]
        self.assertEqual(len(blocks), len(says), page)
        model = free_port()
        for text, part in zip(blocks, says):
            if text.startswith("#!"):
                text = self.saved(text)
            text = text.replace("8000", model)
            if redis is not None:
                text = text.replace("redis-cli", "redis-cli -s %s/s" %
                                    redis.dir)
            self.assertIn(part, self.run_one(shell, text, bridge.address),
                          text)
        if redis is not None:
            redis.close()
        self.end(core, bridge, shell)

    @staticmethod
    def saved(script):
        """What the page tells the reader to do with a program."""
        name = re.search(r"^# (\w+):", script, re.M).group(1)
        return "cat > %s <<'---'\n%s---\nchmod +x %s\n" % (
            name, script, name)

    def run_page(self, page, least):
        core, bridge, shell = self.start()
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
        self.end(core, bridge, shell)

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
