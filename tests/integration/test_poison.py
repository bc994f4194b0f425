# SPDX-License-Identifier: Apache-2.0
"""Jobs that end the server: one that does so each time it runs is given up, and
an analysis that did so once goes on.

runneld is loaded with poison.c, which kills it when it reads a certain row.
"""
import json
import os
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unittest

from cli_harness import BIN, DEADLINE_S, clean_env, command

POISON = sys.argv[2]

# The attempt of its retry policy and 4 that were lost, each begun and gone on
# with; and one that had run before it was known that the job may be what ends
# the server.
DEATHS_MAX = 11


class Process:
    """A program whose end can be awaited beside other things."""

    def __init__(self, args, **kwargs):
        self.process = subprocess.Popen(args, **kwargs)
        self.fd = os.pidfd_open(self.process.pid)

    def fileno(self):
        return self.fd

    def end(self, number=None):
        """Its exit status."""
        if number is not None:
            self.process.send_signal(number)
        status = self.process.wait(DEADLINE_S)
        os.close(self.fd)
        return status


def first(*files):
    """Which of them has something to say first."""
    ready, _, _ = select.select(files, [], [], DEADLINE_S)
    if not ready:
        raise TimeoutError
    return ready[0]


class Poison(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="runnel-poison-")
        self.log = open(self.path("log"), "ab")
        self.core = None

    def tearDown(self):
        if self.core.process.returncode is None:
            self.core.end(signal.SIGKILL)
        self.log.close()
        shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, **env):
        """Whether the core has come to say that it is ready."""
        options = os.environ.get("ASAN_OPTIONS", "")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with notify:
            notify.bind(self.path("notify"))
            self.core = Process(
                [os.path.join(BIN, "runneld"), "--listen", "127.0.0.1:0",
                 "--port-file", self.path("port"),
                 "--data", self.path("data")],
                stderr=self.log,
                env=clean_env(
                    LD_PRELOAD=POISON, NOTIFY_SOCKET=notify.getsockname(),
                    **env,
                    ASAN_OPTIONS=options + ":verify_asan_link_order=0"))
            is_ready = first(notify, self.core) is notify
        os.unlink(self.path("notify"))
        with open(self.path("port"), encoding="utf-8") as file:
            self.address = file.read().strip()
        return is_ready

    def jobs(self):
        with sqlite3.connect(self.path("data/runnel.db")) as db:
            return db.execute("SELECT id, state, attempt, error FROM jobs"
                              ).fetchall()

    def outlives(self, job):
        """Whether a core is there until the job has ended."""
        if self.start():
            watch = Process(command(self.address, "job", "watch", job),
                            stdout=self.log, stderr=self.log)
            ended = first(watch, self.core) is watch
            status = watch.end(signal.SIGKILL)
            # 3: the core was gone before it was asked.
            if ended and status != 3:
                self.assertEqual(self.core.end(signal.SIGTERM), 0)
                return True
        self.assertEqual(self.core.end(), -signal.SIGKILL)
        return False

    def test_a_job_that_ends_the_server_is_given_up(self):
        """It never comes so far that its first start is written."""
        self.assertTrue(self.start())
        # The core may be gone before it answers.
        subprocess.run(
            command(self.address, "job", "create", "--kind", "analyze",
                    "--content-type", "application/x-ndjson",
                    "--option", "key=k", "--backoff", "1ms",
                    "--input", '{"k":"poison"}'),
            stdout=self.log, stderr=self.log, timeout=DEADLINE_S)
        self.assertEqual(self.core.end(), -signal.SIGKILL)
        ((job, *_),) = self.jobs()
        deaths = 1
        while not self.outlives(job):
            deaths += 1
            self.assertLessEqual(deaths, DEATHS_MAX, self.jobs())
        ((_, state, attempt, error),) = self.jobs()
        self.assertEqual((state, attempt), ("FAILED", 5))
        self.assertIn("restarted", error)

    def analyze(self, rows):
        return subprocess.run(
            command(self.address, "job", "create", "-q", "--kind", "analyze",
                    "--content-type", "application/x-ndjson",
                    "--option", "key=k", "--option", "value=v",
                    "--input", "-"),
            input=rows, stdout=subprocess.PIPE, stderr=self.log,
            timeout=DEADLINE_S).stdout.decode().strip()

    def events(self, job):
        """All of its events, when it has ended."""
        lines = subprocess.run(
            command(self.address, "job", "watch", job, "--json"),
            stdout=subprocess.PIPE, check=True, timeout=DEADLINE_S).stdout
        events = [json.loads(line) for line in lines.splitlines()]
        self.assertEqual(
            [int(event.get("sequence", 0)) for event in events],
            list(range(1, len(events) + 1)))
        return events

    def test_an_analysis_goes_on(self):
        """What it said before the end of the server is not said again, and all
        that it says is what it says undisturbed."""
        rows = [json.dumps({"k": "key %d" % (i * i % 997), "v": i / 7})
                for i in range(15000)]
        rows[100] = "no row"
        rows[12000] = json.dumps({"k": "poison", "v": 1})
        rows = "\n".join(rows).encode()
        fuse = self.path("fuse")
        open(fuse, "wb").close()
        self.assertTrue(self.start(POISON=fuse))
        cut = self.analyze(rows)
        self.assertEqual(self.core.end(), -signal.SIGKILL)
        ((job, *_),) = self.jobs()
        self.assertIn(cut, (job, ""))
        self.assertTrue(self.start(POISON=fuse))
        whole = self.analyze(rows)
        stories = []
        for name in job, whole:
            events = self.events(name)
            stories.append([
                {kind: event[kind] for kind in event
                 if kind in ("delta", "log", "progress", "state")}
                for event in events
                if "restarted" not in event.get("log", {}).get("message", "")])
            self.assertEqual(len(events) - len(stories[-1]), name == job)
        self.assertEqual(*stories)
        self.assertEqual(self.core.end(signal.SIGTERM), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
