#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs each example of examples/ against a real core.

    test_examples.py RUNNELD_DIR EXAMPLES_DIR [unittest arguments]
"""
import os
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from core import DEADLINE_S, Core, clean_env  # noqa: E402

BIN, EXAMPLES = map(os.path.abspath, sys.argv[1:3])


def command(name, *args):
    return [os.path.join(EXAMPLES, "example-" + name), *args]


def run(name, *args, text=""):
    return subprocess.run(command(name, *args), input=text, text=True,
                          capture_output=True, timeout=DEADLINE_S,
                          env=clean_env())


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.core = Core(BIN)

    @classmethod
    def tearDownClass(cls):
        assert cls.core.stop() == 0

    def check(self, done, output, errors=""):
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, output, errors))

    def test_watch_job(self):
        self.check(run("watch_job", "one two three\n", self.core.address),
                   "one two three\n")

    def test_watch_job_is_interrupted(self):
        """Ctrl-C in the middle cancels the job and waits for its end."""
        with subprocess.Popen(command("watch_job", "x" * 100000,
                                      self.core.address),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=clean_env()) as process:
            self.assertEqual(process.stdout.read(8), b"x" * 8)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=DEADLINE_S)
            self.assertEqual(process.returncode, 1)
            self.assertLess(len(out), 99992)
            self.assertIn(b"the job ended CANCELLED", err)

    def test_watch_job_without_a_core(self):
        done = run("watch_job", "x", "127.0.0.1:1")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr,
                         "cannot create a job: cannot connect to 127.0.0.1:1: "
                         "Connection refused (UNAVAILABLE)\n")

    def test_watch_job_with_a_bad_address(self):
        done = run("watch_job", "x", "127.0.0.1:port")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr.startswith("address must be"), done.stderr)

    def test_resume(self):
        done = run("resume", self.core.address)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        parts = re.findall(r"to event (\d+): '(.*)'", done.stdout)
        self.assertEqual(parts[0][0], "4")
        self.assertTrue(parts[1][1].startswith(parts[0][1]))
        self.assertLess(len(parts[0][1]), len(parts[1][1]))
        self.assertEqual(parts[1][1],
                         "What was said once need not be said again.")

    def test_ingest_and_stats_watch(self):
        self.check(run("ingest", "web", self.core.address,
                       text="a 1\nb 2\na 3\n"),
                   "3 events, 2 keys, mean 2\n       2  a\n       1  b\n")
        done = run("stats_watch", "web", "1", self.core.address)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^3 events, [\d.]+/s, 2 keys, mean 2\n$")
        done = run("stats_watch", "nosuch", "1", self.core.address)
        self.assertIn("nosuch (NOT_FOUND)", done.stderr)

    def test_ingest_refuses_an_event(self):
        done = run("ingest", "web", self.core.address, text=" 1\n")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr,
                         "an event was refused: event 0: the key must have 1 "
                         "to 256 bytes (INVALID_ARGUMENT)\n")

    def job(self, *args):
        """Watches a job of the example's kind to its end."""
        return subprocess.run(
            [os.path.join(BIN, "runnel"), "--core", self.core.address, "job",
             "create", "--kind", "primes", "--watch", *args],
            capture_output=True, text=True, timeout=DEADLINE_S,
            env=clean_env())

    def test_worker(self):
        with subprocess.Popen(command("worker", self.core.address),
                              env=clean_env()) as worker:
            done = self.job("--input", "30")
            self.assertEqual(done.stdout, "2\n3\n5\n7\n11\n13\n17\n19\n23\n29\n")
            primes = self.job("--input", "200000").stdout.split()
            self.assertEqual((len(primes), primes[-1]), (17984, "199999"))
            done = self.job("--input", "many")
            self.assertEqual(done.returncode, 5)
            self.assertIn("not a number above 1", done.stderr)
            # Without an end: it must hear of its deadline.
            done = self.job("--input", "4000000000", "--deadline", "200ms")
            self.assertEqual(done.returncode, 6)
            self.assertEqual(self.job("--input", "2").stdout, "2\n")
            worker.terminate()

    def test_poll_loop(self):
        self.check(run("poll_loop", self.core.address, text="from a loop\n"),
                   "from a loop\n")

    def test_event_loop(self):
        if not os.path.exists(command("event_loop")[0]):
            self.skipTest("libuv is not installed")
        # The id of a job comes from another example's core, by the CLI.
        made = subprocess.run(
            [os.path.join(BIN, "runnel"), "--core", self.core.address, "job",
             "create", "--kind", "echo", "--input", "for libuv"],
            capture_output=True, text=True, timeout=DEADLINE_S,
            env=clean_env())
        self.assertEqual(made.returncode, 0, made.stderr)
        job_id = re.search(r"[0-9a-z]{26}", made.stdout).group()
        self.check(run("event_loop", job_id, self.core.address), "for libuv",
                   "OK \n")
        done = run("event_loop", "0" * 26, self.core.address)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr.startswith("NOT_FOUND "), done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
