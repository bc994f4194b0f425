#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workers of the Python package against a real core.

    test_python_worker.py BIN_DIR PYTHON_DIR [unittest arguments]

Exit status 77: python3-protobuf is not here.
"""
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

try:
    import google.protobuf  # noqa: F401
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists(
            "/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("python3-protobuf is not installed")
    sys.exit(77)

BIN, PYTHON = sys.argv[1:3]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
sys.path.insert(0, PYTHON)
from core import DEADLINE_S, Core, clean_env  # noqa: E402
from cut_proxy import CutProxy  # noqa: E402
import runnel  # noqa: E402
from runnel.v1 import jobs_pb2  # noqa: E402

EXAMPLE = os.path.join(HERE, "../../client/python/upper_worker.py")


class Workers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.core = Core(BIN)

    @classmethod
    def tearDownClass(cls):
        assert cls.core.stop() == 0

    def setUp(self):
        self.client = runnel.Client(self.core.address)
        self.addCleanup(self.client.close)

    def work(self, kind, handler, address=None, **options):
        """A worker in a thread; its end is checked with the test's."""
        client = runnel.Client(address or self.core.address)
        worker = runnel.Worker(client, [kind], handler, **options)
        ends = queue.Queue()

        def run():
            try:
                ends.put(worker.run())
            except BaseException as error:
                ends.put(error)
        threading.Thread(target=run, daemon=True).start()

        def stop():
            worker.stop()
            self.assertIsNone(ends.get(timeout=DEADLINE_S))
            client.close()
        self.addCleanup(stop)
        return worker

    def end_of(self, job):
        """The job as it has ended, and its events."""
        events = list(self.client.watch(job.id))
        return self.client.get_job(job.id), events

    def test_what_a_handler_yields_is_output(self):
        def handler(work):
            work.content_type = "text/x-test"
            work.log("begun with %s" % work.job.options["how"])
            for i, word in enumerate(work.input.decode().split(), 1):
                work.progress(i, 3, "words")
                yield word.upper() + "\n"
        self.work("words", handler)
        job = self.client.create_job("words", text="eins zwei grün",
                                     options={"how": "care"})
        ended, events = self.end_of(job)
        self.assertEqual(ended.state, jobs_pb2.JOB_STATE_SUCCEEDED)
        self.assertEqual(ended.output_content_type, "text/x-test")
        self.assertEqual([event.delta.text for event in events
                          if event.HasField("delta")],
                         ["EINS\n", "ZWEI\n", "GRÜN\n"])
        self.assertEqual([event.log.message for event in events
                          if event.HasField("log")], ["begun with care"])
        self.assertEqual(ended.progress.done, 3)

    def test_what_a_handler_returns_is_output(self):
        for kind, value in (("text", "täxt"), ("bytes", b"\xff\0" * 60000),
                            ("none", None)):
            self.work(kind, lambda work, value=value: value)
            job = self.client.create_job(kind)
            output, state = self.client.output(job.id)
            self.assertEqual(state, jobs_pb2.JOB_STATE_SUCCEEDED)
            self.assertEqual(output, value.encode() if isinstance(value, str)
                             else value or b"")

    def test_an_exception_fails_the_job(self):
        def handler(work):
            yield "a"
            raise ValueError("no such thing as %s" % work.input.decode())
        self.work("bad", handler)
        ended, _ = self.end_of(self.client.create_job(
            "bad", text="luck", retry={"max_attempts": 3}))
        self.assertEqual(ended.state, jobs_pb2.JOB_STATE_FAILED)
        self.assertEqual((ended.attempt, ended.error.code),
                         (1, runnel.Code.UNKNOWN))
        self.assertIn("no such thing as luck", ended.error.message)

    def test_what_is_no_output_fails_the_job(self):
        def untyped(work):
            work.content_type = 5
            return "x"
        for kind, handler, name in (
                ("number", lambda work: iter([5]), "output"),
                ("line", lambda work: work.log(5), "line"),
                ("done", lambda work: work.progress("half"), "done"),
                ("type", untyped, "content_type")):
            self.work(kind, handler)
            ended, _ = self.end_of(self.client.create_job(kind))
            self.assertEqual(ended.state, jobs_pb2.JOB_STATE_FAILED)
            self.assertIn(name + " must be", ended.error.message)

    def test_unavailable_is_tried_again(self):
        def handler(work):
            if work.lease.attempt < 3:
                raise runnel.Error(runnel.Code.UNAVAILABLE, "not yet")
            return "done"
        self.work("later", handler)
        retry = {"max_attempts": 3, "initial_backoff": {"nanos": 1000000}}
        ended, events = self.end_of(self.client.create_job("later",
                                                           retry=retry))
        self.assertEqual((ended.state, ended.attempt),
                         (jobs_pb2.JOB_STATE_SUCCEEDED, 3))

    def test_a_handler_says_when_to_try_again(self):
        """Instead of the backoff, with whatever code."""
        def handler(work):
            if work.lease.attempt < 2:
                raise runnel.Error(runnel.Code.RESOURCE_EXHAUSTED, "busy",
                                   retry_delay_ms=5)
            return "done"
        self.work("asks", handler)
        retry = {"max_attempts": 2, "initial_backoff": {"seconds": 3600}}
        ended, events = self.end_of(self.client.create_job("asks",
                                                           retry=retry))
        self.assertEqual((ended.state, ended.attempt),
                         (jobs_pb2.JOB_STATE_SUCCEEDED, 2))

    def test_cancel_reaches_the_handler(self):
        ends = queue.Queue()

        def handler(work):
            try:
                while True:
                    yield "tick\n"
            finally:
                ends.put(work.job.id)
        self.work("ticks", handler)
        job = self.client.create_job("ticks")
        for event in self.client.watch(job.id):
            if event.HasField("delta"):
                self.client.cancel_job(job.id, "enough")
        self.assertEqual(event.state.state, jobs_pb2.JOB_STATE_CANCELLED)
        self.assertEqual(ends.get(timeout=DEADLINE_S), job.id)

    def test_a_released_job_is_begun_again(self):
        """A lost attempt: it needs no retry policy."""
        after = queue.Queue()

        def handler(work):
            if work.lease.attempt > 1:
                yield "done"
                return
            yield "part "
            try:
                work.release("no room here")
            except runnel.Stopped:
                try:
                    work.log("too late")
                except runnel.Stopped:
                    after.put("stopped")
                raise
            after.put("went on")
        self.work("let-go", handler)
        ended, events = self.end_of(self.client.create_job("let-go"))
        self.assertEqual((ended.state, ended.attempt),
                         (jobs_pb2.JOB_STATE_SUCCEEDED, 2))
        self.assertEqual(after.get(timeout=DEADLINE_S), "stopped")
        [why] = [event.state.error for event in events
                 if event.state.state == jobs_pb2.JOB_STATE_QUEUED
                 and event.state.HasField("error")]
        self.assertIn("no room here", why.message)
        self.assertFalse([event for event in events if event.HasField("log")])

    def test_a_worker_that_stops_gives_back_what_it_did_not_begin(self):
        """That is no attempt. The worker's thread hears of both at once."""
        def handler(work):
            worker = work.worker
            wake, worker.wake = worker.wake, lambda: None
            worker.stop()
            worker.wake = wake
            work.release("going down")
        job = self.client.create_job("back")
        with runnel.Client(self.core.address) as client:
            runnel.Worker(client, ["back"], handler).run()
        given_back = self.client.get_job(job.id)
        self.assertEqual((given_back.state, given_back.attempt),
                         (jobs_pb2.JOB_STATE_QUEUED, 0))
        self.work("back", lambda work: "done")
        self.assertEqual(self.client.output(job.id)[0], b"done")
        self.assertEqual(self.client.get_job(job.id).attempt, 1)

    def test_several_jobs_at_once(self):
        """Each waits for the others: one at a time would never end."""
        together = threading.Barrier(4)

        def handler(work):
            together.wait(DEADLINE_S)
            return work.input
        self.work("many", handler, concurrency=4)
        jobs = [self.client.create_job("many", text=str(i)) for i in range(4)]
        self.assertEqual([self.client.output(job.id)[0] for job in jobs],
                         [b"0", b"1", b"2", b"3"])

    def test_reports_over_cut_connections_count_once(self):
        lines = ["line %d of the output\n" % i for i in range(2000)]
        proxy = CutProxy(self.core.port, 50000, seed=7)
        self.addCleanup(proxy.close)
        self.work("cut", lambda work: iter(lines), proxy.address,
                  concurrency=2)
        jobs = [self.client.create_job("cut") for _ in range(2)]
        for job in jobs:
            output, state = self.client.output(job.id)
            self.assertEqual(state, jobs_pb2.JOB_STATE_SUCCEEDED)
            self.assertEqual(output.decode(), "".join(lines))
            self.assertEqual(self.client.get_job(job.id).attempt, 1)
        self.assertGreaterEqual(proxy.cuts, 3)

    def test_a_lease_is_kept_by_heartbeats(self):
        """So many of them take longer than the lease."""
        core = Core(BIN, "127.0.0.1:0", "--lease", "1500ms")
        self.addCleanup(core.stop)
        self.client = runnel.Client(core.address)
        self.addCleanup(self.client.close)
        go = threading.Event()
        worker = self.work("silent", lambda work: go.wait(DEADLINE_S) and "x",
                           core.address)
        beats, send = queue.Queue(), worker.send

        def count(stream, **report):
            if report.get("heartbeat", {}).get("leases"):
                beats.put(report)
            send(stream, **report)
        worker.send = count
        job = self.client.create_job("silent")
        for _ in range(4):
            beats.get(timeout=DEADLINE_S)
        go.set()
        self.assertEqual(self.client.output(job.id)[0], b"x")
        self.assertEqual(self.client.get_job(job.id).attempt, 1)

    def test_a_killed_core_goes_on_with_the_attempt(self):
        with tempfile.TemporaryDirectory() as data:
            core = Core(BIN, "127.0.0.1:0", "--data", data)
            self.client = runnel.Client(core.address)
            self.addCleanup(self.client.close)
            go = threading.Event()

            def handler(work):
                yield "one "
                go.wait(DEADLINE_S)
                yield "two"
            self.work("down", handler, core.address)
            job = self.client.create_job("down")
            for event in self.client.watch(job.id):
                if event.HasField("delta"):
                    break
            core.process.kill()
            core.process.wait(DEADLINE_S)
            again = Core(BIN, core.address, "--data", data)
            self.addCleanup(again.stop)
            shutil.rmtree(core.dir)
            go.set()
            self.assertEqual(self.client.output(job.id)[0], b"one two")
            self.assertEqual(self.client.get_job(job.id).attempt, 1)

    def test_stop_finishes_the_job_in_hand(self):
        begun, go = threading.Event(), threading.Event()

        def handler(work):
            begun.set()
            go.wait(DEADLINE_S)
            return work.input
        worker = self.work("last", handler)
        first = self.client.create_job("last", text="a")
        self.assertTrue(begun.wait(DEADLINE_S))
        worker.stop()
        second = self.client.create_job("last", text="b")
        go.set()
        self.assertEqual(self.client.output(first.id)[0], b"a")
        self.assertEqual(self.client.get_job(second.id).state,
                         jobs_pb2.JOB_STATE_QUEUED)

    def test_a_kind_that_the_core_does_itself_is_refused(self):
        worker = runnel.Worker(self.client, ["echo"], print)
        with self.assertRaises(runnel.Error) as caught:
            worker.run()
        self.assertEqual(caught.exception.code, runnel.Code.INVALID_ARGUMENT)

    def test_the_example(self):
        worker = subprocess.Popen(
            [sys.executable, EXAMPLE, self.core.address],
            env=clean_env(PYTHONPATH=PYTHON))
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        job = self.client.create_job("upper", text="hello, worker\n")
        self.assertEqual(self.client.output(job.id)[0], b"HELLO, WORKER\n")
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(DEADLINE_S), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
