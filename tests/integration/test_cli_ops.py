# SPDX-License-Identifier: Apache-2.0
"""What operators do, through the real programs: turns and limits of jobs,
restarts, retention, backup and check."""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

from cli_harness import BIN, Core, clean_env, run


class WithStore(unittest.TestCase):
    """A folder that outlives the cores that use it."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="runnel-ops-")
        self.core = None

    def tearDown(self):
        if self.core is not None:
            self.core.stop()
        shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, *flags, data="data"):
        if self.core is not None:
            self.core.stop()
        self.core = Core("127.0.0.1:0", "--data", self.path(data), *flags)

    def ok(self, *args, **kwargs):
        done = run(self.core, *args, **kwargs)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout.decode()

    def json(self, *args):
        return [json.loads(line)
                for line in self.ok(*args, "--json").splitlines()]

    def create(self, *args):
        return self.ok("job", "create", "-q", *args).strip()

    def wait(self, job):
        return run(self.core, "job", "watch", job).returncode

    def job(self, job):
        (answer,) = self.json("job", "get", job)
        return answer.get("job", answer)


class Turns(WithStore):
    def test_turns_and_limits_survive_a_restart(self):
        """One echo at a time; the backlog of one team does not hold up the
        other, and after a restart the older jobs are still in front."""
        flags = ("--kind-concurrency", "echo=1", "--fair-label", "team")
        self.start(*flags)
        first = self.create("--kind", "echo", "--input", "x" * 64,
                            "--option", "chunk_bytes=1",
                            "--option", "pace_ms=60000")
        jobs = [(team, self.create("--kind", "echo", "--input", "hi",
                                   "--option", "chunk_bytes=1",
                                   "--option", "pace_ms=5",
                                   "--label", "team=" + team))
                for team in "aaaabb"]
        (info,) = self.json("info")
        self.assertEqual(info["fairLabel"], "team")
        echo = [k for k in info["kindInfos"] if k["kind"] == "echo"][0]
        self.assertEqual((echo["jobsRunning"], echo["jobsWaiting"],
                          echo["maxRunning"]), ("1", "6", 1))
        self.start(*flags)
        self.ok("job", "cancel", first)
        begun = []
        for team, job in jobs:
            self.assertEqual(self.wait(job), 0)
            begun.append((self.time_of_start(job), team, job))
        begun.sort()
        self.assertEqual([team for _, team, _ in begun],
                         ["a", "b", "a", "b", "a", "a"])
        for team in "ab":
            self.assertEqual([job for _, t, job in begun if t == team],
                             [job for t, job in jobs if t == team])

    def time_of_start(self, job):
        """Nanoseconds: the time of its RUNNING event in the store."""
        with sqlite3.connect("file:%s?mode=ro" % self.path("data/runnel.db"),
                             uri=True) as db:
            ((ns,),) = db.execute(
                "SELECT time_ns FROM job_event JOIN job"
                " ON number = job WHERE id = ? AND type = 4"
                " ORDER BY sequence LIMIT 1 OFFSET 1", (job,))
        return ns

    def test_bad_settings_are_refused_with_their_name(self):
        for flags, said in (
                (("--kind-concurrency", "echo=0"), "between 1 and 1000000"),
                (("--kind-concurrency", "echo"), "KIND=COUNT"),
                (("--fair-label", "x" * 65), "at most 64 bytes")):
            done = subprocess.run(
                [os.path.join(BIN, "runneld"), "--check-config", *flags],
                capture_output=True, env=clean_env(), timeout=30)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(flags[0][2:], done.stderr.decode())
            self.assertIn(said, done.stderr.decode())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
