#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""runnel work: programs that do jobs, against a real core.

    test_cli_work.py BIN_DIR [unittest arguments]
"""
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import unittest

from cli_harness import (DEADLINE_S, Core, Piped, Proxy, Terminal, clean_env,
                         command, run)


FLOOD = """
import os, select
def write(wait_ms):
    if not poll.poll(wait_ms):
        return False
    os.write(1, bytes(4096))
    return True
poll = select.poll()
poll.register(1, select.POLLOUT)
os.write(1, b"up\\n")
open("%s").close()
written = 0
while written < 2500 and write(200):
    written += 1
with open("%s", "w") as full:
    print(written * 4096, file=full)
for i in range(written, 2500):
    write(None)
"""


# It is waited for, and a loaded machine must not lose it.
SHORT_LEASE = "2s"

# A block of output for each line of a fifo.
BLOCKS = """
import sys
block = "".join("%d " % n for n in range(int(sys.argv[2])))
with open(sys.argv[1]) as orders:
    for order in orders:
        print(order.strip() + ": " + block, flush=True)
"""


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

    def own_core(self, lease="30s"):
        """Of this test alone: it may be killed."""
        self.core = Core("127.0.0.1:0", "--lease", lease)
        self.addCleanup(self.core.stop)
        return self.core

    def worker(self, kind, *args, address=None):
        worker = Worker(address or self.core, kind, *args)
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

    def logs(self, job):
        return [e["log"]["message"] for e in self.events(job) if "log" in e]

    def job(self, job):
        return json.loads(run(self.core, "job", "get", job, "--json").stdout)

    def test_output_is_what_the_program_wrote_byte_for_byte(self):
        data = os.urandom(700_000)
        self.worker("copy", "--", "cat")
        self.assertEqual(self.output(self.create("copy", input=data)), data)
        self.assertEqual(self.output(self.create("copy")), b"")

    def test_ten_megabytes_of_bytes(self):
        """Made from a seed, since an input has at most 960 KiB."""
        source = ("import random, sys\n"
                  "g = random.Random(sys.stdin.read())\n"
                  "for i in range(160): sys.stdout.buffer.write("
                  "g.randbytes(65536 - i % 3))")
        self.worker("noise", "--", sys.executable, "-c", source)
        generator = random.Random("7")
        data = b"".join(generator.randbytes(65536 - i % 3) for i in range(160))
        self.assertEqual(self.output(self.create("noise", input=b"7")), data)

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
        errors = [e["state"]["error"] for e in self.events(job)
                  if "error" in e.get("state", {})]
        self.assertEqual([(e["code"], e["message"]) for e in errors],
                         [("CODE_UNAVAILABLE", "exit status 75")])
        self.assertEqual(self.output(job), b"second\n")

    def test_a_program_says_when_to_try_again(self):
        """Sooner than the backoff; what is wrong, or too long, is log."""
        self.worker("asks", "--shell", "--",
                    "echo ::retry-after 86400.001 >&2;"
                    "echo ::retry-after 7s >&2; echo ::retry-after 600 >&2;"
                    "echo ::retry-after 0.01 >&2; [ $RUNNEL_ATTEMPT = 2 ] ||"
                    "exit 75")
        job = self.create("asks", "--attempts", "2", "--backoff", "1h")
        self.assertEqual(self.events(job)[-1]["state"]["state"],
                         "JOB_STATE_SUCCEEDED")
        self.assertEqual(self.logs(job),
                         ["::retry-after 86400.001", "::retry-after 7s"] * 2)

    def test_a_delay_outlives_the_core(self):
        core = self.own_core()
        self.worker("slow", "--shell", "--",
                    'cat; [ "$RUNNEL_OPTION_wait" = "" ] || {'
                    ' echo ::retry-after 3600 >&2; exit 75; }',
                    address=core)
        waits = run(core, "job", "create", "--kind", "slow", "--attempts", "2",
                    "--option", "wait=1").stdout.decode().strip()
        watch = Piped(core, "job", "watch", waits, "--json")
        watch.line_with(b"exit status 75")
        watch.end(signal.SIGTERM)
        before = self.job(waits)
        core.restart()
        # The older one would be in front of it.
        done = run(core, "job", "create", "--kind", "slow", "--watch",
                   "--input", "next")
        self.assertEqual((done.returncode, done.stdout), (0, b"next"))
        after = self.job(waits)
        self.assertEqual((after["state"], after["attempt"]), ("JOB_STATE_QUEUED", 1))
        self.assertEqual(after["notBefore"], before["notBefore"])

    def fifo(self, name="fifo"):
        name = os.path.join(self.core.dir, self.id() + name)
        os.mkfifo(name)
        return name

    def test_every_attempt_that_failed_is_told(self):
        self.worker("poison", "--shell", "--",
                    "echo cause $RUNNEL_ATTEMPT >&2; exit 75")
        done = run(self.core, "job", "create", "--kind", "poison", "--attempts",
                   "3", "--backoff", "1ms", "--watch")
        self.assertEqual(done.returncode, 5)
        told = done.stderr.decode()
        for attempt in 1, 2:
            self.assertIn("attempt %d failed: exit status 75: cause %d\n"
                          % (attempt, attempt), told)
        self.assertTrue(told.endswith("exit status 75: cause 3\n"), told)

    def test_a_job_that_succeeds_in_the_end_is_told_without_an_error(self):
        self.worker("second", "--shell", "--",
                    "[ $RUNNEL_ATTEMPT -gt 1 ] || exit 75; echo done")
        done = run(self.core, "job", "create", "--kind", "second",
                   "--attempts", "2", "--backoff", "1ms", "--watch")
        self.assertEqual(done.returncode, 0)
        told = done.stderr.decode()
        self.assertIn("attempt 1 failed: exit status 75", told)
        self.assertRegex(told, r"succeeded after [^:]*, 5 B\n$")

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

    def test_a_person_is_told_that_nobody_serves_the_kind(self):
        screen = Terminal(self.core, "job", "create", "--kind", "lonely")
        screen.until(rb"nobody serves kind lonely now")
        self.assertEqual(screen.end(), 0)
        screen = Terminal(self.core, "job", "create", "--kind", "echo")
        self.assertEqual(screen.end(), 0)
        self.assertNotIn(b"nobody", screen.seen)
        done = run(self.core, "job", "create", "--kind", "lonely")
        self.assertEqual(done.stderr, b"")

    def test_content_type_and_progress_with_a_message(self):
        self.worker("typed", "--content-type", "application/json", "--", "sh",
                    "-c", "echo '{}'; echo '::progress 0.5 km half of it' >&2;"
                    " echo '::progress x' >&2; echo '::progress -1/2' >&2")
        job = self.create("typed")
        events = self.events(job)
        progress = [e["progress"] for e in events if "progress" in e]
        self.assertEqual([(p["done"], p["unit"], p["message"])
                          for p in progress], [(0.5, "km", "half of it")])
        self.assertEqual([e["log"]["message"] for e in events if "log" in e],
                         ["::progress x", "::progress -1/2"])
        self.assertEqual(self.job(job)["outputContentType"],
                         "application/json")

    def test_lines_of_any_length_and_an_input_of_another_kind(self):
        line = "ä" * 5000
        self.worker("long", "--", "sh", "-c", "cat >&2; echo $RUNNEL_KIND "
                    "$RUNNEL_CONTENT_TYPE $RUNNEL_LABEL_a_b ${RUNNEL_TOKEN-no}")
        job = self.create("long", "--label", "a.b=c", "--content-type",
                          "text/x", input=(line + "\n\nend").encode())
        events = self.events(job)
        logs = [e["log"]["message"] for e in events if "log" in e]
        self.assertEqual("".join(logs), line + "end")
        self.assertEqual(logs[-1], "end")
        self.assertTrue(all(len(l.encode()) <= 4096 for l in logs))
        self.assertEqual(self.output(job), b"long text/x c no\n")

    def test_a_program_may_close_its_pipes_before_it_ends(self):
        self.worker("closed", "--", "sh", "-c",
                    "echo out; exec >&- 2>&- <&-; exit 4")
        job = self.create("closed", input=bytes(100_000))
        self.assertEqual(self.output(job), b"out\n")
        self.assertEqual(self.job(job)["error"]["message"], "exit status 4")

    def test_what_a_program_leaves_running_is_stopped(self):
        """In its group: at once, when it has no pipe. Elsewhere: it cannot hold
        the job by a pipe for longer than --grace."""
        fifo = self.fifo()
        self.worker("leave", "--grace", "200ms", "--shell", "--",
                    "sleep 1000 >%s 2>&1 & echo a" % fifo)
        job = self.create("leave")
        with open(fifo, "rb") as group:
            self.assertEqual(group.read(), b"")
        self.assertEqual(self.output(job), b"a\n")
        self.worker("flee", "--grace", "200ms", "--shell", "--",
                    "setsid sh -c 'echo $$; exec sleep 1000' & sleep 0.01")
        job = self.create("flee")
        output = self.output(job)
        os.kill(int(output), signal.SIGKILL)
        self.assertEqual(self.job(job)["state"], "JOB_STATE_SUCCEEDED")
        self.assertIn("left running", self.logs(job)[-1])

    def test_a_deadline_stops_the_program(self):
        fifo = self.fifo()
        self.worker("late", "--shell", "--",
                    "exec 3>%s; echo up; sleep 1000" % fifo)
        job = self.create("late", "--deadline", "300ms")
        with open(fifo, "rb") as group:
            self.assertEqual(group.read(), b"")
        self.events(job)
        self.assertEqual(self.job(job)["state"], "JOB_STATE_EXPIRED")

    def test_the_script_of_the_docs(self):
        page = pathlib.Path(__file__).parents[2] / "docs" / "jobs.md"
        script = re.search(r"```sh\n(#!/bin/sh\n# wordfreq.*?)```",
                           page.read_text(), re.S)[1]
        name = os.path.join(self.core.dir, "wordfreq")
        with open(name, "w") as file:
            file.write(script)
        os.chmod(name, 0o755)
        self.worker("words", "--", name)
        job = self.create("words", "-o", "top=2", input=b"a b A, c; b a")
        self.assertEqual(self.output(job).split(), b"3 a 2 b".split())
        progress = self.job(job)["progress"]
        self.assertEqual((progress["done"], progress["unit"]), (2, "steps"))
        job = self.create("words", "-o", "top=many")
        self.events(job)
        self.assertEqual(self.job(job)["error"]["message"],
                         "exit status 2: top must be a number above 0")

    # --- what may break ---

    def attempts(self, job):
        """The output of each attempt, and its events without a hole."""
        events = self.events(job)
        outputs = []
        after = 0
        for event in events:
            self.assertEqual(event["firstSequence"], str(after + 1))
            after = int(event["sequence"])
            if event.get("state", {}).get("state") == "JOB_STATE_RUNNING":
                outputs.append(b"")
            if "delta" in event:
                outputs[-1] += event["delta"]["text"].encode()
        return outputs

    def test_a_worker_that_is_killed_loses_the_attempt_not_the_job(self):
        self.own_core(SHORT_LEASE)
        fifo = self.fifo()
        # exec, for nobody ends what a program that was killed has begun.
        worker = self.worker("lost", "--", "sh", "-c",
                             "echo begun; exec cat " + fifo)
        job = self.create("lost", "--backoff", "1ms")
        self.first_output(job)
        worker.process.kill()
        self.worker("lost", "--", "sh", "-c", "echo again; echo done")
        self.assertEqual(self.attempts(job), [b"begun\n", b"again\ndone\n"])
        errors = [e["state"]["error"] for e in self.events(job)
                  if "error" in e.get("state", {})]
        self.assertEqual([e["code"] for e in errors], ["CODE_UNAVAILABLE"])
        self.assertEqual(self.job(job)["state"], "JOB_STATE_SUCCEEDED")

    def test_a_cut_connection_loses_and_doubles_nothing(self):
        proxy = Proxy(self.core.address)
        self.addCleanup(proxy.stop)
        fifo = self.fifo()
        self.worker("cut", "--", "sh", "-c",
                    "seq 20000; cat %s; seq 20000" % fifo, address=proxy)
        job = self.create("cut")
        self.first_output(job)
        proxy.cut()
        with open(fifo, "w") as file:
            file.write("between\n")
        numbers = "".join("%d\n" % i for i in range(1, 20001)).encode()
        self.assertEqual(self.attempts(job),
                         [numbers + b"between\n" + numbers])

    def test_a_core_that_is_killed_goes_on_with_the_attempt(self):
        """Killed while output is on its way, again and again: all of it is
        there, once, and of one attempt."""
        core = self.own_core()
        fifo = self.fifo()
        worker = self.worker("blocks", "--", sys.executable, "-c", BLOCKS,
                             fifo, "20000")
        job = self.create("blocks")
        with open(fifo, "w", buffering=1) as orders:
            for i in range(6):
                print(i, file=orders)
                core.restart()
        block = "".join("%d " % n for n in range(20000))
        expected = "".join("%d: %s\n" % (i, block) for i in range(6))
        outputs = self.attempts(job)
        self.assertEqual(len(outputs), 1)
        self.assertEqual(outputs[0].decode(), expected)
        self.assertEqual(self.job(job)["outputBytes"], str(len(expected)))
        self.assertEqual(worker.end(), 0)

    def test_so_does_one_whose_beginning_has_gone(self):
        """The job keeps the newest 64 KiB."""
        core = self.own_core()
        fifo = self.fifo()
        worker = self.worker("blocks", "--", sys.executable, "-c", BLOCKS,
                             fifo, "20000")
        job = self.create("blocks", "--keep-newest", "64K")
        block = "".join("%d " % n for n in range(20000))
        expected = "".join("%d: %s\n" % (i, block) for i in range(4))
        with open(fifo, "w", buffering=1) as orders:
            for i in range(4):
                print(i, file=orders)
                while int(self.job(job).get("outputBytes", 0)) <= i * 100000:
                    self.assertNotIn("error", self.job(job))
                core.restart()
        self.assertEqual(worker.end(), 0)
        ended = self.job(job)
        self.assertEqual(ended["attempt"], 1)
        self.assertEqual(ended["outputBytes"], str(len(expected)))
        after = int(ended["firstSequence"]) - 1
        self.assertGreater(after, int(ended["attemptSequence"]))
        kept = run(core, "job", "watch", job, "--after", str(after)).stdout
        self.assertGreater(len(kept), 50000)
        self.assertTrue(expected.encode().endswith(kept))

    def test_what_a_core_had_and_could_not_say_is_not_there_twice(self):
        """It is killed with reports that it has written and that the worker,
        which has heard nothing, repeats. All of them are within its credit,
        since it hears of no more."""
        core = self.own_core()
        proxy = Proxy(core.address)
        self.addCleanup(proxy.stop)
        fifo = self.fifo()
        worker = self.worker("mute", "--", sys.executable, "-c", BLOCKS, fifo,
                             "3000", address=proxy)
        job = self.create("mute")
        watch = Piped(core, "job", "watch", job)
        block = "".join("%d " % n for n in range(3000))
        with open(fifo, "w", buffering=1) as orders:
            for i in range(4):
                proxy.muted = True
                print(i, file=orders)
                watch.line_with(b"%d: 0 1 " % i)
                core.process.kill()
                core.process.wait(DEADLINE_S)
                proxy.cut()
                proxy.muted = False
                core.restart(None)
                worker.note_with(b"connected again")
        watch.end()
        self.assertEqual([o.decode() for o in self.attempts(job)],
                         ["".join("%d: %s\n" % (i, block) for i in range(4))])

    def test_an_attempt_whose_worker_is_gone_too_is_lost(self):
        core = self.own_core(SHORT_LEASE)
        fifo = self.fifo()
        worker = self.worker("both", "--", "sh", "-c",
                             "echo begun; exec cat " + fifo)
        job = self.create("both", "--backoff", "1ms")
        self.first_output(job)
        worker.process.kill()
        core.restart()
        self.worker("both", "--", "echo", "again")
        self.assertEqual(self.attempts(job), [b"begun\n", b"again\n"])

    def test_a_second_signal_does_not_wait_for_a_core_that_is_away(self):
        core = self.own_core()
        fifo = self.fifo()
        worker = self.worker("away", "--", "cat", fifo)
        self.create("away")
        worker.note_with(b"begins")
        with open(fifo, "w") as file:
            core.stop(signal.SIGKILL)
            worker.note_with(b"connection lost")
            worker.process.send_signal(signal.SIGTERM)
            worker.note_with(b"1 to finish")
            file.write("done")
        worker.note_with(b": ended")
        worker.process.send_signal(signal.SIGTERM)
        worker.note_with(b"was not reported")
        self.assertEqual(worker.end(None), 3)

    def test_a_core_that_drains_takes_what_is_finished(self):
        core = self.own_core()
        fifo = self.fifo()
        worker = self.worker("drain", "--", "sh", "-c",
                             "echo begun; cat " + fifo)
        job = self.create("drain")
        self.first_output(job)
        core.process.send_signal(signal.SIGTERM)
        worker.note_with(b"the server is draining")
        with open(fifo, "w") as file:
            file.write("done\n")
        core.restart(None)
        self.assertEqual(self.attempts(job), [b"begun\ndone\n"])

    def test_a_core_that_stalls_stalls_the_program(self):
        """10 MB wait in the program, not in the worker. The program goes on
        when its pipe has had no room for 200 ms, or has taken all."""
        core = self.own_core()
        go, full = self.fifo("go"), self.fifo("full")
        self.worker("flood", "--", sys.executable, "-c",
                    FLOOD % (go, full))
        job = self.create("flood")
        self.first_output(job)
        core.process.send_signal(signal.SIGSTOP)
        open(go, "w").close()
        with open(full) as file:
            written = int(file.read())
        core.process.send_signal(signal.SIGCONT)
        self.assertLess(written, 4_000_000)
        self.assertEqual(len(self.output(job)), 3 + 10_240_000)

    # --- what is refused ---

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
