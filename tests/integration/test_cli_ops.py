# SPDX-License-Identifier: Apache-2.0
"""What operators do, through the real programs: turns and limits of jobs,
restarts, retention, what calls are counted as, backup and check; a core that
refuses events."""
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from cli_harness import (BIN, DEADLINE_S, Core, Piped, RefusingCore,
                         clean_env, run)


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

    def create(self, *args, **kwargs):
        return self.ok("job", "create", "-q", *args, **kwargs).strip()

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
                (("--max-store-bytes", "100M"), "twice max-job-output"),
                (("--fair-label", "x" * 65), "at most 64 bytes")):
            done = subprocess.run(
                [os.path.join(BIN, "runneld"), "--check-config", *flags],
                capture_output=True, env=clean_env(), timeout=30)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(flags[0][2:], done.stderr.decode())
            self.assertIn(said, done.stderr.decode())


class Restarts(WithStore):
    TEXT = "".join("%d \u20ac " % i for i in range(2000)).encode()
    BYTES = bytes((i * 167 + i // 256) % 256 for i in range(len(TEXT)))

    def test_a_built_in_job_goes_on_where_it_was_killed(self):
        """In the same attempt, no byte twice, no sequence missing; also for
        who watches all the time."""
        self.start()
        jobs = [self.create("--kind", "echo", "--input", "-",
                            "--option", "chunk_bytes=50",
                            "--option", "pace_ms=10", input=given)
                for given in (self.TEXT, self.BYTES)]
        watches = [Piped(self.core, "job", "watch", job) for job in jobs]
        for kill in range(1, 8):
            self.await_output(jobs[1], len(self.BYTES) * kill // 16)
            self.core.restart()
        for job, watch, given in zip(jobs, watches, (self.TEXT, self.BYTES)):
            status, output, said = watch.end()
            self.assertEqual(status, 0, said)
            self.assertEqual(output, given)
            done = run(self.core, "job", "watch", job)
            self.assertEqual(done.stdout, given)
            ended = self.job(job)
            self.assertEqual(ended["attempt"], 1)
            self.assertEqual(ended["outputBytes"], str(len(given)))
            events = self.json("job", "watch", job)
            notes = [event for event in events
                     if "restarted" in event.get("log", {}).get("message", "")]
            self.assertEqual(len(notes), 7)

    def test_a_second_attempt_that_drops_output_goes_on(self):
        """Its start is no more in the log when the server is killed."""
        self.start()
        given = self.BYTES * 16
        job = self.create("--kind", "echo", "--input", "-",
                          "--keep-newest", "64K", "--attempts", "2",
                          "--backoff", "1ms", "--option", "fail_attempts=1",
                          "--option", "chunk_bytes=1000",
                          "--option", "pace_ms=2", input=given)
        while self.job(job).get("attempt", 0) < 2:
            pass
        self.await_output(job, len(given) // 2)
        before = self.job(job)
        self.assertGreater(int(before["firstSequence"]),
                           int(before["attemptSequence"]))
        self.core.restart()
        run(self.core, "job", "watch", job, "--after",
            self.job(job)["lastSequence"])
        ended = self.job(job)
        self.assertEqual(ended["attempt"], 2)
        self.assertEqual(ended["state"], "JOB_STATE_SUCCEEDED")
        self.assertEqual(ended["outputBytes"], str(len(given)))
        for name in "attemptSequence", "attemptTime":
            self.assertEqual(ended[name], before[name])

    def test_a_simulation_counts_each_event_once(self):
        """Killed again and again: its stream has what one that was left alone
        has, to the last digit."""
        self.start()

        def simulate(stream, rate):
            options = ("stream=" + stream, "rate=%d" % rate, "duration_s=0",
                       "count=20000", "incident_every_s=0")
            return self.create("--kind", "simulate", *(
                word for option in options for word in ("--option", option)))

        cut = simulate("cut", 4000)
        for _ in range(3):
            # An attempt goes on only when something that it has said since
            # the last time is in the file: a watcher has it only then.
            seen = self.job(cut)["lastSequence"]
            watch = Piped(self.core, "job", "watch", cut, "--json",
                          "--after", seen)
            watch.line_with(b'"delta"')
            watch.end(signal.SIGKILL)
            self.core.restart()
        whole = simulate("whole", 100000)
        self.assertEqual([self.wait(cut), self.wait(whole)], [0, 0])
        self.assertEqual(self.job(cut)["attempt"], 1)
        stats = [self.json("stats", "get", name)[0]["stats"]
                 for name in ("cut", "whole")]
        self.assertEqual(stats[0]["count"], "20000")
        for name in "topKeys", "value", "latencyMs":
            self.assertEqual(stats[0][name], stats[1][name])

    def await_output(self, job, count):
        while int(self.job(job).get("outputBytes", 0)) < count:
            self.assertEqual(self.job(job)["state"], "JOB_STATE_RUNNING")


class Retention(WithStore):
    TEXT = "".join("%07d\n" % i for i in range(100000))

    def kept(self, job):
        """The output from the first event that is kept."""
        done = run(self.core, "job", "watch", job)
        self.assertNotEqual(done.returncode, 0, done)
        self.assertIn(b"OUT_OF_RANGE", done.stderr)
        first = int(self.job(job)["firstSequence"])
        self.assertGreater(first, 1)
        self.assertIn(b"--after %d" % (first - 1), done.stderr)
        return self.ok("job", "watch", job, "--after", str(first - 1))

    def test_the_newest_output_is_kept_over_a_restart(self):
        self.start("--max-job-output-bytes", "200K")
        job = self.create("--kind", "echo", "--input", "-",
                          "--option", "chunk_bytes=1000",
                          "--keep-newest", "64K", input=self.TEXT.encode())
        while self.job(job)["state"] != "JOB_STATE_SUCCEEDED":
            run(self.core, "job", "watch", job, "--after",
                self.job(job)["lastSequence"])
        output = self.kept(job)
        self.assertTrue(self.TEXT.endswith(output))
        self.assertGreater(len(output), 60000)
        self.assertLess(len(output), 80000)
        self.await_sweep()
        rows = self.query(
            "SELECT min(sequence), count(*), last_sequence - first_sequence + 1"
            " FROM job_event JOIN job ON number = job WHERE kind = 'echo'")
        self.assertEqual(rows[0][0], int(self.job(job)["firstSequence"]))
        self.assertEqual(rows[0][1], rows[0][2])
        self.assertIn("nothing is wrong", self.ok("admin", "check"))
        self.start()
        self.assertEqual(self.kept(job), output)
        self.assertEqual(self.job(job)["outputBytes"], str(len(self.TEXT)))

    def test_ended_jobs_make_room_in_the_order_of_their_ends(self):
        self.start("--max-store-bytes", "1M", "--max-job-output-bytes", "400K")
        text = b"x" * 100000
        jobs = []
        for _ in range(12):
            jobs.append(self.create("--kind", "echo", "--input", "-",
                                    "--option", "chunk_bytes=8192",
                                    input=text))
            self.assertEqual(self.wait(jobs[-1]), 0)
        listed = [job["id"] for job in self.json("job", "list")]
        self.assertIn(len(listed), (4, 5))
        self.assertEqual(listed, jobs[:-1 - len(listed):-1])
        (info,) = self.json("info")
        self.assertLessEqual(int(info["storeInfo"]["bytes"]), 1 << 20)
        self.assertEqual(info["storeInfo"]["maxBytes"], str(1 << 20))

    def query(self, sql):
        db = sqlite3.connect("file:%s?mode=ro" % self.path("data/runnel.db"),
                             uri=True, timeout=DEADLINE_S)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def await_sweep(self):
        deadline = time.monotonic() + DEADLINE_S
        while self.query("SELECT 1 FROM job_trash"):
            self.assertLess(time.monotonic(), deadline)
            # Each is a group, after which a step is made.
            self.ok("job", "cancel", self.create("--kind", "later"))

    def test_many_events_go_step_by_step_whatever_comes_between(self):
        """Deleted at once for everybody, from the file bit by bit; new jobs and
        a restart in between see nothing of it."""
        self.start()
        old = [self.create("--kind", "echo", "--input", "-", "--option",
                           "chunk_bytes=10", input=b"x" * 30000)
               for _ in range(3)]
        for job in old:
            self.assertEqual(self.wait(job), 0)
        for job in old:
            self.ok("job", "delete", job)
            self.assertEqual(run(self.core, "job", "get", job).returncode, 4)
        new = self.create("--kind", "echo", "--input", "new")
        self.assertEqual(self.wait(new), 0)
        self.assertIn("nothing is wrong", self.ok("admin", "check"))
        self.start()
        more = self.create("--kind", "echo", "--input", "more")
        self.assertEqual(self.wait(more), 0)
        self.assertEqual(self.ok("job", "output", new), "new")
        self.assertEqual(self.ok("job", "output", more), "more")
        self.assertIn("nothing is wrong", self.ok("admin", "check"))
        self.await_sweep()
        self.assertEqual(
            self.query("SELECT count(DISTINCT job) FROM job_event"),
            self.query("SELECT count(*) FROM job"))

    def test_a_size_that_is_none_is_a_usage_error(self):
        self.start()
        for size in ("x", "64k", "-1", "64KK", "99999999999999T", ""):
            done = run(self.core, "job", "create", "--kind", "echo",
                       "--keep-newest", size)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(b"--keep-newest", done.stderr)
        done = run(self.core, "job", "create", "--kind", "echo",
                   "--keep-newest", "1K")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(b"keep_newest_bytes", done.stderr)

    def test_a_file_of_the_first_version_is_migrated(self):
        self.start()
        job = self.create("--kind", "echo", "--input", "kept")
        self.assertEqual(self.wait(job), 0)
        self.core.stop()
        with sqlite3.connect(self.path("data/runnel.db")) as db:
            # Whatever later versions have added.
            for kind, name in db.execute(
                    "SELECT type, name FROM sqlite_master WHERE type = 'view'"
                    " OR type = 'table' AND name NOT IN"
                    " ('meta', 'job', 'job_input', 'job_event')").fetchall():
                db.execute("DROP %s %s" % (kind, name))
            db.execute("ALTER TABLE job DROP COLUMN first_sequence")
            db.execute("PRAGMA user_version = 1")
        db.close()
        self.start()
        self.assertEqual(self.ok("job", "watch", job), "kept")
        self.assertEqual(self.job(job)["firstSequence"], "1")


class Calls(WithStore):
    """What the stream _rpc says of them."""

    def keys(self, pattern):
        """Its keys, once one of them has the pattern."""
        watch = Piped(self.core, "stats", "watch", "_rpc", "--interval",
                      "100ms", "--window", "all", "--json", "--wait")
        try:
            for line in watch.process.stdout:
                keys = {top["key"] for window in
                        json.loads(line).get("snapshot", {}).get("windows", [])
                        for top in window.get("topKeys", [])}
                if any(re.search(pattern, key) for key in keys):
                    return keys
        finally:
            watch.end(signal.SIGINT)
        raise AssertionError("no call of " + pattern)

    def test_an_ingest_that_succeeded(self):
        self.start()
        self.ok("ingest", "web", "-f", "lines", input=b"a\nb\n")
        self.assertIn("runnel.v1.EventService/Ingest", self.keys("Ingest"))

    def test_a_caller_that_went_away(self):
        self.start()
        watch = Piped(self.core, "stats", "watch", "_rpc", "--wait", "--json")
        self.ok("info")
        watch.line_with(b"GetInfo")
        watch.process.kill()
        self.assertIn("runnel.v1.StatsService/WatchStats CANCELLED",
                      self.keys("WatchStats (CANC|UNAV)"))
        watch.end()


class Listing(WithStore):
    def test_pages_stay_while_jobs_come_and_go(self):
        """Each page asks where the last one ended; in between jobs are created
        and deleted. Nothing that was there all the time is missed, nothing
        comes twice."""
        self.start()
        jobs = [self.create("--kind", "later", "--label", "n=%d" % i)
                for i in range(40)]
        token = ""
        seen = []
        while True:
            *page, last = self.json("job", "list", "--limit", "7",
                                    "--page-token", token)
            seen += [job["id"] for job in page]
            token = last.get("nextPageToken", "")
            self.create("--kind", "later")
            gone = self.create("--kind", "later")
            self.ok("job", "cancel", gone)
            self.ok("job", "delete", gone)
            if not token:
                break
        self.assertEqual(seen, jobs[::-1])
        done = run(self.core, "job", "list", "--limit", "7")
        token = re.search(rb"--page-token (\w+) goes on", done.stderr)[1]
        (job,) = self.json("job", "list", "--limit", "1", "--label", "n=0")
        self.assertEqual(job["id"], jobs[0])
        rest = self.ok("job", "list", "--page-token", token.decode())
        self.assertIn(jobs[0], rest)
        (seventh,) = re.findall(r"^(\w{26}) ", done.stdout.decode(), re.M)[-1:]
        self.assertNotIn(seventh, rest)

    def test_filters(self):
        self.start()
        done = self.create("--kind", "echo", "--input", "x", "--label", "a=1")
        self.assertEqual(self.wait(done), 0)
        cancelled = self.create("--kind", "later", "--label", "a=1",
                                "--label", "b=2")
        self.ok("job", "cancel", cancelled)
        queued = self.create("--kind", "later", "--label", "b=2")
        for flags, jobs in (
                ((), [queued, cancelled, done]),
                (("--state", "queued"), [queued]),
                (("--state", "queued", "--state", "succeeded"),
                 [queued, done]),
                (("--kind", "later"), [queued, cancelled]),
                (("--label", "a=1"), [cancelled, done]),
                (("--label", "a=1", "--label", "b=2"), [cancelled]),
                (("--label", "b=2", "--state", "queued"), [queued]),
                (("--limit", "1"), [queued])):
            self.assertEqual([job["id"] for job in self.json("job", "list",
                                                             *flags)], jobs)
        for flags in (("--state", "none"), ("--page-token", "x"),
                      ("--limit", "0")):
            self.assertNotEqual(
                run(self.core, "job", "list", *flags).returncode, 0)


class Upkeep(WithStore):
    def fill(self, count):
        jobs = [self.create("--kind", "echo", "--input", "-",
                            "--option", "chunk_bytes=100",
                            input=b"%06d " % i * 3000)
                for i in range(count)]
        for job in jobs:
            self.assertEqual(self.wait(job), 0)
        return jobs

    def test_a_backup_is_a_store_of_its_own(self):
        self.start()
        jobs = self.fill(5)
        queued = self.create("--kind", "later", "--input", "waits")
        outputs = {job: self.ok("job", "output", job) for job in jobs}
        (before,) = self.json("info")
        os.mkdir(self.path("copy"))
        said = self.ok("admin", "backup", self.path("copy/runnel.db"))
        self.assertIn("runnel.db", said)
        self.assertEqual(os.stat(self.path("copy/runnel.db")).st_mode & 0o777,
                         0o600)
        after = self.create("--kind", "echo", "--input", "not in the copy")
        self.assertEqual(sorted(os.listdir(self.path("copy"))), ["runnel.db"])
        self.assertFalse([name for name in os.listdir(self.path("data"))
                          if name.startswith("runnel.backup")])
        self.start(data="copy")
        self.assertEqual({job: self.ok("job", "output", job) for job in jobs},
                         outputs)
        self.assertEqual(self.job(queued)["state"], "JOB_STATE_QUEUED")
        self.assertEqual(run(self.core, "job", "get", after).returncode, 4)
        (restored,) = self.json("info")
        self.assertNotEqual(restored["epoch"], before["epoch"])
        self.assertIn("nothing is wrong", self.ok("admin", "check"))
        more = self.create("--kind", "echo", "--input", "it goes on")
        self.assertEqual(self.wait(more), 0)

    def test_a_backup_is_of_one_moment_whatever_is_written(self):
        self.start()
        going = True

        def work():
            while going:
                self.wait(self.create("--kind", "echo", "--input", "busy"))

        busy = threading.Thread(target=work)
        busy.start()
        try:
            for i in range(3):
                os.mkdir(self.path("copy%d" % i))
                self.ok("admin", "backup", self.path("copy%d/runnel.db" % i))
        finally:
            going = False
            busy.join()
        for i in range(3):
            self.start(data="copy%d" % i)
            self.assertIn("nothing is wrong", self.ok("admin", "check"))

    def test_a_backup_replaces_nothing_unasked_and_leaves_nothing(self):
        self.start()
        self.fill(1)
        path = self.path("copy.db")
        with open(path, "w") as file:
            file.write("precious")
        done = run(self.core, "admin", "backup", path)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(b"--force", done.stderr)
        with open(path) as file:
            self.assertEqual(file.read(), "precious")
        (answer,) = self.json("admin", "backup", "--force", path)
        self.assertEqual(os.path.getsize(path), int(answer["bytes"]))
        done = run(self.core, "admin", "backup", self.path("none/copy.db"))
        self.assertEqual(done.returncode, 1, done)
        # The server stops in the middle of it, or before.
        self.core.stop()
        done = run(self.core, "admin", "backup", self.path("other.db"))
        self.assertNotEqual(done.returncode, 0, done)
        self.assertEqual(sorted(os.listdir(self.dir)), ["copy.db", "data"])

    def test_a_check_finds_what_was_done_to_the_file(self):
        self.start()
        jobs = self.fill(4)
        (clean,) = self.json("admin", "check")
        self.assertEqual((clean["jobs"], clean["problemCount"]), ("4", "0"))
        with sqlite3.connect(self.path("data/runnel.db")) as db:
            number = "(SELECT number FROM job WHERE id = ?)"
            db.execute("DELETE FROM job_event WHERE sequence = 3 AND job = "
                       + number, jobs[0:1])
            db.execute("UPDATE job_event SET data = 'x' WHERE sequence = 3"
                       " AND job = " + number, jobs[1:2])
            db.execute("UPDATE job SET record = x'ff' WHERE id = ?", jobs[2:3])
            db.execute("DELETE FROM job_event WHERE type = 6 AND job = "
                       + number, jobs[3:4])
        db.close()
        done = run(self.core, "admin", "check")
        self.assertEqual(done.returncode, 1, done)
        for job, said in zip(jobs, ("1 of the events 1 to ", "its events have",
                                    "its record cannot be decoded",
                                    "it has the events")):
            self.assertIn("job %s: %s" % (job, said), done.stdout.decode())
        self.assertIn("5 findings", done.stdout.decode())

    def test_compacting_gives_room_back(self):
        self.start()
        for job in self.fill(30)[:25]:
            self.ok("job", "delete", job)
        (answer,) = self.json("admin", "compact")
        self.assertLess(int(answer["bytesAfter"]),
                        int(answer["bytesBefore"]) // 2)
        self.assertIn("nothing is wrong", self.ok("admin", "check"))

    def test_a_store_in_memory_has_no_files(self):
        self.start("--durability", "memory")
        for command in (("backup", self.path("copy.db")), ("check",),
                        ("compact",)):
            done = run(self.core, "admin", *command)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(b"in memory", done.stderr)
        self.assertEqual(os.listdir(self.dir), [])


class Refused(unittest.TestCase):
    def test_an_ingest_tells_that_the_core_refuses(self):
        """Once, however often it is refused; and that it goes on."""
        core = RefusingCore()
        ingest = Piped(core, "ingest", "s", "-f", "lines")
        ingest.process.stdin.write(b"one\n")
        self.assertEqual(ingest.process.stderr.readline(),
                         b"the core takes nothing for now: disk is full\n")
        self.assertTrue(core.refused_often.wait(DEADLINE_S))
        core.taking.set()
        self.assertEqual(ingest.process.stderr.readline(),
                         b"the core takes events again\n")
        status, out, err = ingest.end()
        self.assertEqual((status, err), (0, b""))
        self.assertIn(b"1 event accepted", out)
        core.stop()

    def test_an_ingest_gives_up_on_a_core_that_refuses(self):
        core = RefusingCore()
        ingest = Piped(core, "ingest", "s", "-f", "lines", "--timeout", "1s")
        ingest.process.stdin.write(b"one\n")
        ingest.process.stderr.readline()
        status, _, err = ingest.end(signal.SIGINT)
        self.assertEqual(status, 1)
        self.assertIn(b"not taken everything that was read: disk is full", err)
        core.stop()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
