#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""runnel work on a server of chat completions: a real core, a real worker, and
tests/support/llm_server.py, which keeps to the specification or breaks it.

    test_cli_llm.py BIN_DIR [unittest arguments]
"""
import datetime
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from cli_harness import DEADLINE_S, Core, Piped, clean_env, command, run

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import llm_server  # noqa: E402

KEY = "sk-secret-4711"
QUESTION = "How deep is the sea? 🌊"
ANSWER = "".join(llm_server.answer_to(QUESTION))
BUSY = (429, [("Retry-After", "1")],
        {"message": "slow down", "type": "requests",
         "code": "rate_limit_exceeded"})
AGAIN = ("--attempts", "2", "--backoff", "10ms")
UNKNOWN_PORT = "http://127.0.0.1:1/v1"


def env(**more):
    kept = clean_env(**more)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        if name not in more:
            kept.pop(name, None)
    # A proxy of the machine is not for loopback.
    kept["NO_PROXY"] = kept["no_proxy"] = "127.0.0.1"
    return kept


class Llm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.core = Core()
        cls.kinds = 0

    @classmethod
    def tearDownClass(cls):
        cls.core.stop()

    def serve(self, *faults, **options):
        server = llm_server.Server(faults, **options)
        self.addCleanup(server.stop)
        return server

    def work(self, url, *args, key=None, core=None):
        """A worker of a kind of its own."""
        cls = type(self)
        cls.kinds += 1
        self.kind = "llm-%d" % cls.kinds
        more = {} if key is None else {"OPENAI_API_KEY": key}
        self.notes = tempfile.TemporaryFile()
        worker = subprocess.Popen(
            command(core or self.core, "work", "--kind", self.kind,
                    "--openai-base-url", url, "--model", "test", *args),
            stdin=subprocess.DEVNULL, stderr=self.notes, env=env(**more))
        self.addCleanup(self.end, worker)
        return worker

    def end(self, worker):
        """In order, so that a sanitizer tells what was not freed."""
        worker.terminate()
        try:
            status = worker.wait(DEADLINE_S)
        finally:
            worker.kill()
        self.notes.seek(0)
        self.assertEqual(status, 0, self.notes.read())

    def start(self, *faults, args=(), **options):
        """A server with its worker."""
        server = self.serve(*faults, **options)
        self.worker = self.work(server.url, *args, key=options.get("key"))
        return server

    def create(self, *args, input=QUESTION):
        done = run(self.core, "job", "create", "--kind", self.kind,
                   "--input", "-", *args, input=input.encode())
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode().strip()

    def events(self, job):
        """All of them, once it has ended."""
        done = run(self.core, "job", "watch", job, "--json")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def end_of(self, *args, **more):
        """A job, once it has ended; self.log has the lines of its log."""
        job = self.create(*args, **more)
        events = self.events(job)
        self.log = [event["log"]["message"] for event in events
                    if "log" in event]
        self.progress = [event["progress"] for event in events
                         if "progress" in event]
        return json.loads(run(self.core, "job", "get", job, "--json").stdout)

    def output(self, job):
        return run(self.core, "job", "output", job["id"]).stdout.decode()

    def succeeds(self, *args, **more):
        job = self.end_of(*args, **more)
        self.assertEqual(job["state"], "JOB_STATE_SUCCEEDED", job)
        return job

    def fails(self, code, message, *args, **more):
        job = self.end_of(*args, **more)
        self.assertEqual(job["state"], "JOB_STATE_FAILED", job)
        self.assertEqual(job["error"]["code"], "CODE_" + code, job)
        self.assertIn(message, job["error"]["message"])
        return job

    # --- answers ---

    def test_the_answer_streams_into_the_job(self):
        server = self.start()
        done = run(self.core, "job", "create", "--kind", self.kind, "--input",
                   QUESTION, "--watch", "--option", "temperature=0.5",
                   "--option", "system=Be brief.")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.decode(), ANSWER)
        self.assertEqual(server.requests, [{
            "messages": [{"role": "system", "content": "Be brief."},
                         {"role": "user", "content": QUESTION}],
            "model": "test", "temperature": 0.5, "stream": True,
            "stream_options": {"include_usage": True}}])

    def test_usage_is_progress_and_log(self):
        self.start()
        job = self.succeeds()
        count = len(llm_server.answer_to(QUESTION))
        self.assertEqual([(p["done"], p["total"], p["unit"])
                          for p in self.progress], [(count, count, "tokens")])
        self.assertRegex(self.log[-1], r"^stop: %d tokens after %d of the "
                         r"request, by test; first text after " % (count,
                                                                   count))
        self.assertEqual(job["outputContentType"],
                         "text/plain; charset=utf-8")

    def test_pieces_come_as_they_are_made(self):
        """The server sends two pieces and waits: they are there already."""
        server = self.start(("hang", 2))
        watch = Piped(self.core, "job", "watch", self.create(), "--json")
        text = ""
        while text != "You said":
            event = json.loads(watch.line_with(b"delta"))
            text += event["delta"]["text"]
        run(self.core, "job", "cancel", watch_id(watch))
        self.assertEqual(watch.end()[0], 6)
        self.assertEqual(server.closed.get(timeout=DEADLINE_S), "read")

    def test_every_way_to_cut_the_stream(self):
        faults = ["bytewise", ("line_end", "\r\n"), ("line_end", "\r"),
                  "noise", "bare"]
        self.start(*faults)
        for fault in faults:
            with self.subTest(fault=fault):
                self.assertEqual(self.output(self.succeeds()), ANSWER)

    def test_a_connection_is_used_again(self):
        """Though the body ends a byte at a time after the job."""
        server = self.start(*["bytewise"] * 4)
        for _ in range(4):
            self.assertEqual(self.output(self.succeeds()), ANSWER)
        # Not 1: a job may be quicker than the end of the body before.
        self.assertLess(server.connections, 4)

    def test_done_is_the_end_whatever_the_server_does_then(self):
        server = self.start("linger")
        self.assertEqual(self.output(self.succeeds()), ANSWER)
        self.assertEqual(server.closed.get(timeout=DEADLINE_S), "read")

    def test_length_is_told(self):
        self.start()
        job = self.succeeds("--option", "max_tokens=3")
        self.assertEqual(self.output(job),
                         "".join(llm_server.answer_to(QUESTION)[:3]))
        self.assertIn("cut at max_tokens", self.log[-1])

    def test_a_whole_body_and_chunks(self):
        server = self.start()
        body = {"messages": [{"role": "user", "content": [
            {"type": "text", "text": QUESTION}]}], "tools": [], "stop": ["X"]}
        job = self.succeeds("--content-type", "application/json", "--option",
                            "output=chunks", input=json.dumps(body))
        chunks = [json.loads(line) for line in self.output(job).splitlines()]
        self.assertEqual("".join(
            chunk["choices"][0]["delta"].get("content", "")
            for chunk in chunks if chunk["choices"]), ANSWER)
        self.assertEqual(job["outputContentType"], "application/x-ndjson")
        self.assertEqual(server.requests[0]["stop"], ["X"])

    def test_a_bad_job_is_refused_without_a_request(self):
        server = self.start()
        self.fails("INVALID_ARGUMENT", "options.temperature must be",
                   "--option", "temperature=3")
        self.fails("INVALID_ARGUMENT", "options.model: this worker has test",
                   "--option", "model=gold")
        self.fails("INVALID_ARGUMENT", "input is no JSON",
                   "--content-type", "application/json", input="{")
        self.assertEqual(server.requests, [])

    def test_many_jobs_at_once(self):
        """All answers wait in the server until the last job has come."""
        server = self.start(*[("hang", 1)] * 20, args=("--concurrency", "20"))
        jobs = [self.create() for _ in range(20)]
        watches = [Piped(self.core, "job", "watch", job) for job in jobs]
        for watch in watches:
            self.assertEqual(watch.process.stdout.read(3), b"You")
        for job in jobs:
            run(self.core, "job", "cancel", job)
        for watch in watches:
            self.assertEqual(watch.end()[0], 6)
            server.closed.get(timeout=DEADLINE_S)
        self.assertEqual(self.output(self.succeeds()), ANSWER)

    # --- failures ---

    def test_a_cut_stream_is_a_failed_attempt(self):
        for fault in (("cut", 3), ("end", 3), ("raw", b""),
                      ("raw", b"data: {\"choices\n\n")):
            with self.subTest(fault=fault):
                self.start(fault, fault)
                job = self.end_of(*AGAIN)
                self.assertEqual((job["state"], job["attempt"]),
                                 ("JOB_STATE_FAILED", 2))
                self.assertIn(job["error"]["code"],
                              ("CODE_UNAVAILABLE", "CODE_DATA_LOSS"))

    def test_an_attempt_that_was_cut_is_repeated(self):
        self.start(("cut", 3))
        job = self.succeeds(*AGAIN)
        self.assertEqual(job["attempt"], 2)
        self.assertEqual(self.output(job), "".join(
            llm_server.answer_to(QUESTION)[:3]) + ANSWER)

    def test_an_error_in_the_middle(self):
        self.start(("error", {"message": "overloaded", "code": 503}))
        self.assertEqual(self.succeeds(*AGAIN)["attempt"], 2)
        self.start(("error", {"message": "no good %s" % KEY, "code": None,
                              "type": "invalid_request_error"}), key=KEY)
        job = self.fails("INVALID_ARGUMENT", "no good [key]", *AGAIN)
        self.assertEqual(job["attempt"], 1)

    def test_the_content_filter_fails_the_job(self):
        self.start(("finish", "content_filter"))
        self.fails("FAILED_PRECONDITION", "content filter", *AGAIN)

    def test_429_with_retry_after_is_waited_for(self):
        quick = (503, [("Retry-After", "9"), ("Retry-After-Ms", "5")], b"")
        server = self.start(("refuse", BUSY), ("refuse", quick))
        job = self.succeeds()
        self.assertEqual(job["attempt"], 1)
        self.assertEqual(self.output(job), ANSWER)
        self.assertEqual(len(server.requests), 3)
        before, after, _ = server.request_times
        self.assertGreaterEqual(after - before, 0.99)
        self.assertIn("429: slow down; trying again in 1 s", self.log[0])

    def test_what_is_too_long_to_wait_for_fails_the_attempt(self):
        later = (503, [("Retry-After", "3600")], b"maintenance")
        server = self.start(("refuse", later))
        # It is what the attempt asks for, instead of the backoff.
        job = self.create(*AGAIN)
        watch = Piped(self.core, "job", "watch", job, "--json")
        watch.line_with(b"maintenance")
        watch.end(signal.SIGTERM)
        shown = run(self.core, "job", "get", job, "--json").stdout
        then = datetime.datetime.strptime(
            json.loads(shown)["notBefore"][:19] + "+0000",
            "%Y-%m-%dT%H:%M:%S%z")
        wait_s = then.timestamp() - time.time()
        self.assertTrue(3000 < wait_s <= 3600, wait_s)
        self.assertEqual(len(server.requests), 1)
        run(self.core, "job", "cancel", job)

    def test_a_job_that_waits_can_be_cancelled(self):
        wait = (429, [("Retry-After", "50")], b"")
        server = self.start(("refuse", wait))
        job = self.create()
        watch = Piped(self.core, "job", "watch", job, "--json")
        watch.line_with(b"trying again in 50 s")
        run(self.core, "job", "cancel", job)
        self.assertEqual(watch.end()[0], 6)
        self.assertEqual(self.output(self.succeeds()), ANSWER)
        self.assertEqual(len(server.requests), 2)

    def test_what_will_fail_again_is_not_repeated(self):
        cases = (
            ((400, [], {"message": "bad", "type": "invalid_request_error"}),
             "INVALID_ARGUMENT", "the server answered 400: bad"),
            ((404, [], {"message": "no such model"}), "NOT_FOUND", "no such"),
            ((429, [("Retry-After", "0")],
              {"message": "pay", "code": "insufficient_quota"}),
             "RESOURCE_EXHAUSTED", "pay"))
        for refusal, code, message in cases:
            server = self.start(("refuse", refusal))
            job = self.fails(code, message, *AGAIN)
            self.assertEqual(job["attempt"], 1)
            self.assertEqual(len(server.requests), 1)

    def test_a_server_that_does_not_stream(self):
        self.start("no_stream")
        self.fails("FAILED_PRECONDITION", "does not stream: its answer is "
                   "application/json")

    def test_no_server(self):
        self.work(UNKNOWN_PORT)
        self.fails("UNAVAILABLE", "cannot be reached")

    def test_a_silent_server(self):
        """Two workers: a slow machine must not run into the other limit."""
        self.start(("hang", 0), args=("--first-byte-timeout", "300ms"))
        self.fails("DEADLINE_EXCEEDED", "sent nothing for 0.3 s")
        server = self.start(("hang", 2), args=("--idle-timeout", "200ms"))
        self.fails("DEADLINE_EXCEEDED", "sent nothing for 0.2 s")
        # Not left open.
        server.closed.get(timeout=DEADLINE_S)

    def test_cancel_before_the_answer_begins_closes_the_connection(self):
        server = self.start(("hang", 0))
        job = self.create()
        watch = Piped(self.core, "job", "watch", job, "--json")
        watch.line_with(b"RUNNING")
        run(self.core, "job", "cancel", job)
        self.assertEqual(watch.end()[0], 6)
        # Or the cancel was quicker than the request.
        if server.requests:
            server.closed.get(timeout=DEADLINE_S)
        self.succeeds()

    def test_memory_is_bounded_when_nobody_takes_the_output(self):
        server = self.start(("flood", 0.5))
        job = self.create()
        watch = Piped(self.core, "job", "watch", job)
        self.assertEqual(watch.process.stdout.read(3), b"You")
        self.core.process.send_signal(signal.SIGSTOP)
        try:
            sent = server.stalled.get(timeout=DEADLINE_S)
        finally:
            self.core.process.send_signal(signal.SIGCONT)
        with open("/proc/%d/status" % self.worker.pid) as status:
            peak_kb = int(re.search(r"VmHWM:\s+(\d+)", status.read())[1])
        if "asan" not in sys.argv[1]:
            self.assertLess(peak_kb, 64 * 1024)
        self.assertLess(sent, 64 << 20)
        self.assertEqual(watch.end()[0], 5)

    # --- the key ---

    def test_the_key_is_sent_and_never_told(self):
        server = self.start(key=KEY)
        self.assertEqual(self.output(self.succeeds()), ANSWER)
        with tempfile.NamedTemporaryFile("w", suffix=".key") as file:
            file.write("sk-wrong-1\nsecond line\n")
            file.flush()
            self.work(server.url, "--openai-key-file", file.name, key=KEY)
            job = self.fails("UNAUTHENTICATED", "[key]", *AGAIN)
        self.assertEqual(job["attempt"], 1)
        self.assertNotIn("sk-wrong", json.dumps(self.events(job["id"])))
        self.notes.seek(0)
        self.assertNotIn(b"sk-wrong", self.notes.read())

    def test_the_key_follows_no_redirect(self):
        other = self.serve()
        self.start(("redirect", other.url + "/chat/completions"), key=KEY)
        self.fails("FAILED_PRECONDITION", "where the key is not taken")
        self.assertEqual(other.requests, [])

    def test_certificates_are_checked(self):
        with tempfile.TemporaryDirectory() as place:
            cert, key = (os.path.join(place, name) for name in ("c", "k"))
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:prime256v1", "-nodes",
                 "-subj", "/CN=127.0.0.1", "-addext",
                 "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                check=True, capture_output=True, timeout=DEADLINE_S)
            server = self.serve(tls=(cert, key))
            self.work(server.url)
            self.fails("FAILED_PRECONDITION", "certificate", *AGAIN)
            self.assertEqual(server.requests, [])
            self.work(server.url, "--openai-ca-file", cert)
            self.assertEqual(self.output(self.succeeds()), ANSWER)

    # --- the command line ---

    def expect_usage(self, message, *args, **more):
        done = run(self.core, "work", "--kind", "llm", *args, env=env(**more))
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(message, done.stderr)

    def test_a_wrong_command_line_is_told(self):
        url = ("--openai-base-url", UNKNOWN_PORT)
        self.expect_usage(b"or give --openai-base-url")
        self.expect_usage(b"--model must be given", *url)
        self.expect_usage(b"--model must be given",
                          OPENAI_BASE_URL=UNKNOWN_PORT)
        self.expect_usage(b"do not go together", *url, "--", "cat")
        self.expect_usage(b"printable ASCII", *url, "--model", "m",
                          OPENAI_API_KEY="a\nb")
        for bad, why in (("127.0.0.1:80", b"must begin with http"),
                         ("ftp://a/v1", b"must begin with http"),
                         ("https://", b"must begin with http"),
                         ("http://me:pw@a/v1", b"user or password"),
                         ("http://a/v1?k=v", b"must not have a query"),
                         ("http://a/v1#f", b"must not have a fragment")):
            self.expect_usage(why, "--openai-base-url", bad, "--model", "m")
        done = run(self.core, "work", "--kind", "llm", *url, "--model", "m",
                   "--openai-key-file", "/nonexistent", env=env())
        self.assertEqual(done.returncode, 4)

    def test_sigterm_finishes_the_answer(self):
        server = self.start(pace_s=0.02)
        job = self.create()
        watch = Piped(self.core, "job", "watch", job)
        self.assertEqual(watch.process.stdout.read(3), b"You")
        self.worker.send_signal(signal.SIGTERM)
        status, out, _ = watch.end()
        self.assertEqual((status, "You" + out.decode()), (0, ANSWER))
        self.assertEqual(self.worker.wait(DEADLINE_S), 0)
        self.assertEqual(len(server.requests), 1)


def watch_id(watch):
    """The id of the job that a Piped watch has as its argument."""
    return watch.process.args[watch.process.args.index("watch") + 1]


if __name__ == "__main__":
    socket.setdefaulttimeout(DEADLINE_S)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
