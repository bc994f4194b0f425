#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""runnel work: programs that do jobs, against a real core.

    test_cli_work.py BIN_DIR [unittest arguments]
"""
import json
import os
import signal
import subprocess
import sys
import unittest

from cli_harness import DEADLINE_S, Core, Piped, clean_env, command, run


class Worker:
    """runnel work in the background; its notes are on stderr."""

    def __init__(self, core, kind, *args):
        self.process = subprocess.Popen(
            command(core, "work", "--kind", kind, *args), bufsize=0,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=clean_env())

    def note_with(self, text):
        for line in self.process.stderr:
            if text in line:
                return line
        raise AssertionError("ended without %r" % text)

    def end(self, number=signal.SIGTERM):
        if number is not None:
            self.process.send_signal(number)
        self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode


class Work(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.core = Core()

    @classmethod
    def tearDownClass(cls):
        cls.core.stop()

    def worker(self, kind, *args):
        worker = Worker(self.core, kind, *args)
        self.addCleanup(worker.process.communicate)
        self.addCleanup(worker.process.kill)
        return worker

    def create(self, kind, *args, input=b""):
        done = run(self.core, "job", "create", "--kind", kind, "--input", "-",
                   *args, input=input)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode().strip()

    def events(self, job):
        """All of them, once it has ended."""
        done = run(self.core, "job", "watch", job, "--json")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def output(self, job):
        """Of a job, once it has ended."""
        self.events(job)
        return run(self.core, "job", "output", job).stdout

    def first_output(self, job):
        watch = Piped(self.core, "job", "watch", job, "--json")
        line = watch.line_with(b'"delta"')
        watch.end(signal.SIGKILL)
        return json.loads(line)["delta"]["text"]

    def job(self, job):
        return json.loads(run(self.core, "job", "get", job, "--json").stdout)

    def test_output_is_what_the_program_wrote_byte_for_byte(self):
        data = os.urandom(700_000)
        self.worker("copy", "--", "cat")
        self.assertEqual(self.output(self.create("copy", input=data)), data)
        self.assertEqual(self.output(self.create("copy")), b"")

    def test_a_program_that_does_not_read_its_input_does_its_job(self):
        self.worker("deaf", "--", "echo", "done")
        job = self.create("deaf", input=bytes(500_000))
        self.assertEqual(self.output(job), b"done\n")
        self.assertEqual(self.job(job)["state"], "JOB_STATE_SUCCEEDED")

    def test_options_and_the_job_are_in_the_environment(self):
        self.worker("env", "--", "sh", "-c",
                    'echo "$RUNNEL_JOB_ID $RUNNEL_ATTEMPT '
                    '$RUNNEL_OPTION_max_rows"')
        job = self.create("env", "--option", "max-rows=$(x) 7")
        self.assertEqual(self.output(job).decode(), job + " 1 $(x) 7\n")

    def test_stderr_is_log_and_progress(self):
        self.worker("talk", "--", "sh", "-c",
                    r"printf 'one\n::progress 2/5 rows\nb\377d\nlast' >&2")
        events = self.events(self.create("talk"))
        logs = [e["log"]["message"] for e in events if "log" in e]
        self.assertEqual(logs, ["one", "b?d", "last"])
        progress = [e["progress"] for e in events if "progress" in e]
        self.assertEqual([(p["done"], p["total"], p["unit"])
                          for p in progress], [(2, 5, "rows")])

    def test_an_exit_status_fails_the_job_with_the_last_line(self):
        self.worker("bad", "--", "sh", "-c", "echo why >&2; exit 3")
        job = self.create("bad", "--attempts", "3")
        self.events(job)
        job = self.job(job)
        self.assertEqual(job["state"], "JOB_STATE_FAILED")
        self.assertEqual(job["attempt"], 1)
        self.assertEqual(job["error"]["message"], "exit status 3: why")

    def test_a_signal_is_told(self):
        self.worker("kill", "--", "sh", "-c", "kill -9 $$")
        job = self.create("kill")
        self.events(job)
        self.assertEqual(self.job(job)["error"]["message"], "signal 9")

    def test_75_is_tried_again(self):
        self.worker("again", "--", "sh", "-c",
                    '[ $RUNNEL_ATTEMPT = 2 ] || exit 75; echo second')
        job = self.create("again", "--attempts", "2", "--backoff", "1ms")
        self.assertEqual(self.output(job), b"second\n")

    def fifo(self):
        name = os.path.join(self.core.dir, self.id())
        os.mkfifo(name)
        return name

    def test_cancel_stops_the_group_and_kills_what_stays(self):
        """The shell and its child ignore SIGTERM; the worker goes on. The fifo
        is at its end when nobody of the group is left."""
        fifo = self.fifo()
        worker = self.worker(
            "stay", "--grace", "100ms", "--shell", "--",
            "trap '' TERM; exec 3>%s; echo up; sleep 1000; sleep 1000" % fifo)
        job = self.create("stay")
        with open(fifo, "rb") as group:
            self.first_output(job)
            run(self.core, "job", "cancel", job)
            self.assertEqual(group.read(), b"")
        job = self.create("stay")
        with open(fifo, "rb") as group:
            self.first_output(job)
            worker.process.send_signal(signal.SIGTERM)
            worker.note_with(b"1 to finish")
            worker.process.send_signal(signal.SIGTERM)
            self.assertEqual(group.read(), b"")
        self.assertEqual(worker.end(None), 0)
        job = self.job(job)
        self.assertEqual(job["state"], "JOB_STATE_QUEUED")
        self.assertEqual(job["error"]["message"], "the worker was stopped")

    def test_a_signal_lets_the_job_in_hand_end(self):
        fifo = self.fifo()
        worker = self.worker("slow", "--", "cat", fifo)
        job = self.create("slow")
        worker.note_with(b"begins")
        worker.process.send_signal(signal.SIGTERM)
        worker.note_with(b"1 to finish")
        with open(fifo, "w") as file:
            file.write("in the end")
        self.assertEqual(worker.end(None), 0)
        self.assertEqual(self.output(job), b"in the end")

    def test_what_the_core_refuses_ends_it(self):
        worker = self.worker("echo", "--", "cat")
        worker.note_with(b"the server does itself")
        self.assertEqual(worker.end(None), 1)

    def test_a_worker_that_could_not_work_does_not_begin(self):
        for args, text in (
                (("--", "cat"), b"--kind is missing"),
                (("--kind", "a"), b"the program is missing"),
                (("--kind", "a", "--", "/no/such/program"),
                 b"/no/such/program: No such file or directory"),
                (("--kind", "a", "--", "/etc/passwd"),
                 b"/etc/passwd: Permission denied"),
                (("--kind", "a", "--shell", "--", "a", "b"),
                 b"--shell takes one operand"),
                (("--kind", "a", "--concurrency", "0", "--", "cat"),
                 b"--concurrency 0")):
            done = run(self.core, "work", *args)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
