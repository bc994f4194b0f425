#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Methods called by Connect and gRPC-Web, byte by byte: forms, errors, limits,
readers that stop, peers that leave. Stock clients are in tests/connect.

    test_bridge_rpc.py BIN_DIR [unittest arguments]
"""
import base64
import gzip
import http.client
import json
import threading
import unittest
import urllib.parse

import bridge_rig as rig
from bridge_rig import Bridge, Core, echo, request

JOBS = "/runnel.v1.JobService/"
STREAMED = "application/connect+json"
WEB = "application/grpc-web+json"
WEB_TEXT = "application/grpc-web-text"
END, TRAILERS = 2, 0x80
BIG = "x" * 900000


def envelope(message, flags=0):
    data = message if isinstance(message, bytes) else json.dumps(
        message).encode()
    return bytes([flags]) + len(data).to_bytes(4, "big") + data


def opened(body):
    """The envelopes of a body as (flags, bytes)."""
    found = []
    while body:
        length = int.from_bytes(body[1:5], "big")
        assert len(body) >= 5 + length, body
        found.append((body[0], body[5:5 + length]))
        body = body[5 + length:]
    return found


def untext(body):
    """Base64 that was made in pieces, each with its own padding."""
    return b"".join(base64.b64decode(body[at:at + 4])
                    for at in range(0, len(body), 4))


def trailers(data):
    assert data.endswith(b"\r\n"), data
    return dict(line.split(": ", 1)
                for line in data.decode().strip().split("\r\n"))


def call(bridge, method, body, kind="application/json", **headers):
    """POST of a method; method may be a whole path."""
    path = method if method.startswith("/") else JOBS + method
    if isinstance(body, dict):
        body = json.dumps(body) if kind == "application/json" else (
            envelope(body))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return request(bridge, "POST", path, body,
                   {"content-type": kind, **named})


def error_of(answer):
    """The code of an error, whatever its form."""
    kind = answer.headers["content-type"]
    if kind.startswith("application/grpc-web"):
        body = answer.body
        if "-text" in kind:
            body = untext(body)
        flags, last = opened(body)[-1]
        assert answer.status == 200 and flags == TRAILERS, answer
        return int(trailers(last)["grpc-status"])
    if kind.startswith("application/connect+"):
        flags, last = opened(answer.body)[-1]
        assert answer.status == 200 and flags == END, answer
        return json.loads(last)["error"]["code"]
    assert kind == "application/json" and answer.status >= 400, answer
    return answer.json()["code"]


class Pair(rig.Pair):
    flags = ("--max-body-bytes", "100000", "--cors-origin", "https://a.example")

    def new_job(self, text="abc", **options):
        return echo(self.bridge, text, **options)


class Forms(Pair):
    def test_a_unary_call_of_connect(self):
        answer = call(self.bridge, "CreateJob", {
            "kind": "echo", "input": {"text": "hello"}},
            connect_protocol_version="1", connect_timeout_ms="10000")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["content-type"], "application/json")
        job = answer.json()["job"]["id"]
        answer = call(self.bridge, "GetJob", b"\x0a\x1a" + job.encode(),
                      "application/proto")
        self.assertEqual(answer.headers["content-type"], "application/proto")
        self.assertIn(job.encode(), answer.body)
        answer = call(self.bridge, "DeleteJob", {"jobId": job},
                      "application/json; charset=utf-8")
        if answer.status == 200:  # It may run still.
            self.assertEqual(answer.json(), {})

    def test_a_get_of_a_method_without_side_effects(self):
        job = self.new_job()
        by_json = {"encoding": "json", "connect": "v1",
                   "message": json.dumps({"jobId": job}), "other": "x"}
        packed = b"\x0a\x1a" + job.encode()
        by_proto = {"encoding": "proto", "base64": "1", "message":
                    base64.urlsafe_b64encode(packed).decode().rstrip("=")}
        for query in (by_json, by_proto):
            path = JOBS + "GetJob?" + urllib.parse.urlencode(query)
            answer = request(self.bridge, "GET", path)
            self.assertEqual(answer.status, 200, answer)
            self.assertIn(job.encode(), answer.body)
            head = request(self.bridge, "HEAD", path)
            self.assertEqual((head.status, head.body), (200, b""))
            answer = request(self.bridge, "GET", path.replace("Get", "Delete"))
            self.assertEqual(answer.status, 405)
            self.assertEqual(answer.headers["allow"], "POST")

    def test_a_get_that_says_too_little(self):
        for query, status in (("", 415), ("encoding=xml&message=", 415),
                              ("encoding=json", 400),
                              ("encoding=json&message=%7b", 400),
                              ("encoding=json&message=%7b%7d&connect=v2", 400),
                              ("encoding=json&message=%7b%7d"
                               "&compression=br", 501),
                              ("encoding=proto&base64=1&message=!", 400)):
            answer = request(self.bridge, "GET", JOBS + "GetJob?" + query)
            self.assertEqual(answer.status, status, (query, answer))

    def watched(self, kind, body):
        answer = call(self.bridge, "WatchJob", body, kind)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["content-type"].removesuffix("+proto"),
                         kind)
        return opened(untext(answer.body) if kind == WEB_TEXT
                      else answer.body)

    def test_a_stream_in_each_form(self):
        job = self.new_job("abcdef", chunk_bytes=2)
        found = self.watched(STREAMED, {"jobId": job})
        self.assertEqual(found[-1], (END, b"{}"))
        events = [json.loads(data)["event"] for _, data in found[:-1]]
        self.assertEqual("".join(event["delta"]["text"] for event in events
                                 if "delta" in event), "abcdef")
        found = self.watched(WEB, {"jobId": job, "afterSequence": "2"})
        self.assertEqual(found[-1], (TRAILERS, b"grpc-status: 0\r\n"))
        again = [json.loads(data)["event"] for _, data in found[:-1]]
        self.assertEqual(again, events[2:])
        packed = base64.b64encode(envelope(b"\x0a\x1a" + job.encode()))
        found = self.watched(WEB_TEXT, packed)
        self.assertEqual(found[-1], (TRAILERS, b"grpc-status: 0\r\n"))
        self.assertEqual(len(found), len(events) + 1)

    def test_a_unary_call_of_grpc_web(self):
        job = self.new_job()
        answer = call(self.bridge, "GetJob", {"jobId": job}, WEB,
                      grpc_timeout="10S", x_grpc_web="1")
        message, last = opened(answer.body)
        self.assertEqual(json.loads(message[1])["job"]["id"], job)
        self.assertEqual(last, (TRAILERS, b"grpc-status: 0\r\n"))

    def test_base64_that_is_asked_for(self):
        job = self.new_job()
        body = envelope(b"\x0a\x1a" + job.encode())
        answer = call(self.bridge, "GetJob", body, "application/grpc-web",
                      accept=WEB_TEXT)
        self.assertEqual(answer.headers["content-type"], WEB_TEXT + "+proto")
        message, last = opened(untext(answer.body))
        self.assertIn(job.encode(), message[1])
        self.assertEqual(last, (TRAILERS, b"grpc-status: 0\r\n"))

    def test_another_type_is_told_those_that_there_are(self):
        for method, kind in (("GetJob", "text/plain"), ("GetJob", STREAMED),
                             ("WatchJob", "application/json"),
                             ("WatchJob", "application/proto"),
                             ("GetJob", "application/grpc")):
            answer = call(self.bridge, method, "{}", kind)
            self.assertEqual(answer.status, 415, answer)
            self.assertIn("application/connect+json",
                          answer.headers["accept-post"])

    def test_a_method_that_the_client_streams_to(self):
        for kind, want in ((STREAMED, "unimplemented"), (WEB, 12)):
            for path in ("/runnel.v1.EventService/Ingest",
                         "/runnel.v1.WorkerService/Work"):
                answer = call(self.bridge, path, {}, kind)
                self.assertEqual(error_of(answer), want)

    def test_a_method_that_there_is_not(self):
        for path in ("/runnel.v1.JobService/Nope", "/runnel.v1.Nope/GetJob",
                     "/runnel.v1.JobService/GetJob/more", "/runnel.v1.x"):
            answer = call(self.bridge, path, {})
            self.assertEqual((answer.status, error_of(answer)),
                             (501, "unimplemented"))
            self.assertEqual(error_of(call(self.bridge, path, {}, STREAMED)),
                             "unimplemented")
            self.assertEqual(error_of(call(self.bridge, path, {}, WEB)), 12)

    def test_metadata_reaches_the_core(self):
        made = [call(self.bridge, "CreateJob", {"kind": "echo", "input":
                                                {"text": "once"}},
                     idempotency_key="a-key").json() for _ in range(2)]
        self.assertEqual(made[0]["job"]["id"], made[1]["job"]["id"])
        self.assertTrue(made[1]["existing"])


class Errors(Pair):
    def test_fields_and_codes_in_each_form(self):
        bad = {"kind": "echo", "options": {"pace_ms": "-1"}}
        answer = call(self.bridge, "CreateJob", bad)
        self.assertEqual((answer.status, error_of(answer)),
                         (400, "invalid_argument"))
        detail = answer.json()["details"][0]
        self.assertEqual(detail["type"], "google.rpc.BadRequest")
        self.assertEqual(detail["debug"]["fieldViolations"][0]["field"],
                         "options.pace_ms")
        answer = call(self.bridge, "CreateJob", bad, WEB)
        self.assertEqual(error_of(answer), 3)
        last = trailers(opened(answer.body)[-1][1])
        self.assertIn("pace_ms", last["grpc-message"])
        self.assertIn(b"google.rpc.BadRequest", base64.b64decode(
            last["grpc-status-details-bin"] + "=="))
        for kind, want in ((STREAMED, "not_found"), (WEB, 5)):
            answer = call(self.bridge, "WatchJob", {"jobId": rig.NO_JOB}, kind)
            self.assertEqual(error_of(answer), want)

    def test_a_message_that_cannot_be_read(self):
        for body in ("", "{", "[]", '{"nope":1}', '{"jobId":7}'):
            answer = call(self.bridge, "GetJob", body)
            self.assertEqual((answer.status, error_of(answer)),
                             (400, "invalid_argument"), body)
        answer = call(self.bridge, "GetJob", b"\xff\xff", "application/proto")
        self.assertEqual((answer.status, error_of(answer)),
                         (400, "invalid_argument"))

    def test_an_envelope_that_cannot_be_opened(self):
        job = {"jobId": rig.NO_JOB}
        for body, code, number in (
                (b"", "unimplemented", 12),
                (envelope(job) * 2, "unimplemented", 12),
                (envelope(job)[:-1], "invalid_argument", 3),
                (b"\0\xff\xff\xff\xff", "invalid_argument", 3),
                (envelope(job, flags=1), "internal", 13),
                (envelope(job, flags=0x40), "invalid_argument", 3)):
            answer = call(self.bridge, "WatchJob", body, STREAMED)
            self.assertEqual(error_of(answer), code, body)
            answer = call(self.bridge, "WatchJob", body, WEB)
            self.assertEqual(error_of(answer), number, body)
        answer = call(self.bridge, "WatchJob", "!!!!", WEB_TEXT)
        self.assertEqual(error_of(answer), 3)

    ENCODINGS = (("application/json", "content-encoding"),
                 (STREAMED, "connect-content-encoding"),
                 (WEB, "grpc-encoding"))

    def test_an_encoding_that_is_not_known(self):
        job = {"jobId": rig.NO_JOB}
        for kind, name in self.ENCODINGS:
            method = "GetJob" if kind != STREAMED else "WatchJob"
            answer = call(self.bridge, method, job, kind, **{name: "br"})
            self.assertIn(error_of(answer), ("unimplemented", 12))
            self.assertIn(b"identity, gzip", answer.body)
            self.assertEqual(answer.headers["accept-encoding"],
                             "identity, gzip")
            answer = call(self.bridge, method, job, kind, **{name: "identity"})
            self.assertIn(error_of(answer), ("not_found", 5))
        answer = call(self.bridge, "GetJob", job, accept_encoding="gzip, br")
        self.assertEqual(error_of(answer), "not_found")
        self.assertNotIn("content-encoding", answer.headers)

    def gzipped(self, data, **more):
        """Calls in each form, with data in gzip; the errors."""
        for kind, name in self.ENCODINGS:
            method = "GetJob" if kind != STREAMED else "WatchJob"
            body = data if kind == "application/json" else envelope(data, 1)
            yield error_of(call(self.bridge, method, body, kind,
                                **{name: "gzip"}, **more))

    def test_a_request_in_gzip(self):
        job = json.dumps({"jobId": rig.NO_JOB}).encode()
        for got in self.gzipped(gzip.compress(job)):
            self.assertIn(got, ("not_found", 5))
        for got in self.gzipped(gzip.compress(job)[:-1]):
            self.assertIn(got, ("invalid_argument", 3))
        for got in self.gzipped(job):
            self.assertIn(got, ("invalid_argument", 3))
        # A megabyte of spaces in a kilobyte, above the limit of the body.
        for got in self.gzipped(gzip.compress(job + b" " * 1000000)):
            self.assertIn(got, ("resource_exhausted", 8))
        # Without the flag a message is as it is, and nothing is not gzip.
        answer = call(self.bridge, "WatchJob", {"jobId": rig.NO_JOB}, STREAMED,
                      connect_content_encoding="gzip")
        self.assertEqual(error_of(answer), "not_found")
        answer = call(self.bridge, "/runnel.v1.AdminService/GetInfo", b"",
                      "application/proto", content_encoding="gzip")
        self.assertEqual(answer.status, 200, answer)
        packed = {"encoding": "json", "compression": "gzip", "base64": "1",
                  "message": base64.urlsafe_b64encode(gzip.compress(job))}
        answer = request(self.bridge, "GET", JOBS + "GetJob?"
                         + urllib.parse.urlencode(packed))
        self.assertEqual(error_of(answer), "not_found")

    def test_versions_and_timeouts(self):
        job = {"jobId": rig.NO_JOB}
        answer = call(self.bridge, "GetJob", job, connect_protocol_version="2")
        self.assertEqual(error_of(answer), "invalid_argument")
        for value in ("-1", "soon", "10000000000", ""):
            answer = call(self.bridge, "GetJob", job, connect_timeout_ms=value)
            self.assertEqual(error_of(answer), "invalid_argument", value)
        answer = call(self.bridge, "GetJob", job, WEB, grpc_timeout="1")
        self.assertEqual(error_of(answer), 3)
        answer = call(self.bridge, "GetJob", job, connect_timeout_ms="0")
        self.assertEqual((answer.status, error_of(answer)),
                         (504, "deadline_exceeded"))

    def test_a_stream_ends_at_its_timeout(self):
        job = self.new_job("abc", chunk_bytes=1, pace_ms=60000)
        answer = call(self.bridge, "WatchJob", {"jobId": job}, STREAMED,
                      connect_timeout_ms="100")
        self.assertEqual(error_of(answer), "deadline_exceeded")
        self.assertEqual(opened(answer.body)[0][0], 0)
        answer = call(self.bridge, "WatchJob", {"jobId": job}, WEB,
                      grpc_timeout="100m")
        self.assertEqual(error_of(answer), 4)
        call(self.bridge, "CancelJob", {"jobId": job})

    def test_limits_are_told_in_the_form(self):
        big = {"kind": "echo", "input": {"text": "x" * 100000}}
        answer = call(self.bridge, "CreateJob", big)
        self.assertEqual((answer.status, error_of(answer)),
                         (429, "resource_exhausted"))
        self.assertEqual(error_of(call(self.bridge, "CreateJob", big, WEB)), 8)

    def test_what_is_refused_at_the_gate_is_told_in_the_form(self):
        job = {"jobId": rig.NO_JOB}
        for kind, codes in (("application/json", ("permission_denied",
                                                  "resource_exhausted")),
                            (WEB, (7, 8))):
            answer = call(self.bridge, "GetJob", job, kind,
                          host="evil.example")
            self.assertEqual(error_of(answer), codes[0])
            answer = call(self.bridge, "GetJob", job, kind,
                          x_long="x" * 70000)
            self.assertEqual(error_of(answer), codes[1])

    def test_pages_of_other_origins(self):
        job = {"jobId": rig.NO_JOB}
        answer = call(self.bridge, "GetJob", job, origin="https://a.example")
        self.assertEqual(error_of(answer), "not_found")
        exposed = answer.headers["access-control-expose-headers"]
        for name in ("grpc-status", "grpc-message", "grpc-status-details-bin"):
            self.assertIn(name, exposed)
        answer = call(self.bridge, "GetJob", job, origin="https://b.example")
        self.assertEqual((answer.status, error_of(answer)),
                         (403, "permission_denied"))
        answer = request(self.bridge, "OPTIONS", JOBS + "GetJob", None, {
            "origin": "https://a.example",
            "access-control-request-method": "POST"})
        self.assertEqual(answer.status, 204)
        self.assertEqual(answer.headers["access-control-allow-methods"],
                         "GET, HEAD, POST")
        for name in ("connect-protocol-version", "connect-timeout-ms",
                     "x-grpc-web", "x-user-agent", "grpc-timeout"):
            self.assertIn(name, answer.headers["access-control-allow-headers"])


class Readers(unittest.TestCase):
    """Slow ones, those that leave, a core or a bridge that does."""

    def setUp(self):
        self.core = Core()
        self.bridge = Bridge(self.core).ready()
        self.addCleanup(lambda: self.core.stop())
        self.addCleanup(lambda: self.bridge.stop())

    def open(self, job, receive_bytes=None, kind=STREAMED):
        """A connection whose answer has begun."""
        connection = http.client.HTTPConnection(*self.bridge.target,
                                                timeout=rig.DEADLINE_S)
        self.addCleanup(connection.close)
        if receive_bytes is not None:
            connection.sock = rig.small_socket(self.bridge, receive_bytes)
        connection.request("POST", JOBS + "WatchJob",
                           envelope({"jobId": job}), {"content-type": kind})
        return connection, connection.getresponse()

    def next(self, response):
        head = response.read(5)
        if len(head) < 5:
            raise AssertionError("the stream was cut: %r" % head)
        return head[0], response.read(int.from_bytes(head[1:], "big"))

    def streams(self):
        """Calls that are open at the core, but for the one that asks."""
        return int(request(self.bridge, "GET", "/v1/info").json().get(
            "streamsOpen", 0)) - 1

    def test_events_come_while_the_job_runs(self):
        job = echo(self.bridge, "abc", chunk_bytes=1, pace_ms=60000)
        _, response = self.open(job)
        while "delta" not in json.loads(self.next(response)[1])["event"]:
            pass
        state = rig.job_of(self.bridge, job)["state"]
        self.assertEqual(state, "JOB_STATE_RUNNING")

    def test_who_leaves_is_gone_at_once(self):
        job = echo(self.bridge, "abc", chunk_bytes=1, pace_ms=60000)
        kept = self.open(job)
        for _ in range(20):
            connection, response = self.open(job)
            self.next(response)
            response.close()
            connection.close()
        self.bridge.until(lambda: self.streams() == 1)
        self.assertEqual(rig.metrics(self.bridge)[
            "runnel_bridge_call_streams_open"], 1)
        self.bridge.until(lambda: rig.metrics(self.bridge)[
            "runnel_bridge_connections_open"] == 2)
        self.assertEqual(self.next(kept[1])[0], 0)

    def test_a_slow_reader_stops_its_own_stream_only(self):
        """Of 70 MB that 80 readers have asked for and do not read, the bridge
        keeps the credit of each; others get theirs; then it gets all."""
        job = echo(self.bridge, BIG)
        rig.wait_end(self.bridge, job)
        before = self.bridge.rss_kib()
        slow = [self.open(job, receive_bytes=4096) for _ in range(80)]
        answer = call(self.bridge, "WatchJob", {"jobId": job}, STREAMED)
        self.assertEqual(opened(answer.body)[-1], (END, b"{}"))
        grown = self.bridge.rss_kib() - before
        print("80 that do not read: %d KiB" % grown)
        if "asan" not in rig.BIN and "tsan" not in rig.BIN:
            self.assertLess(grown, 80 * (256 + 64 + 128))
        for _, response in slow[:3]:
            text = ""
            while (got := self.next(response))[0] == 0:
                text += json.loads(got[1])["event"].get(
                    "delta", {}).get("text", "")
            self.assertEqual(text, BIG)
            self.assertEqual(got[1], b"{}")

    def test_a_bridge_that_ends_says_so(self):
        job = echo(self.bridge, "abc", chunk_bytes=1, pace_ms=60000)
        open_now = [self.open(job, kind=kind) for kind in (STREAMED, WEB)]
        for _, response in open_now:
            self.next(response)
        ender = threading.Thread(target=self.bridge.stop)
        ender.start()
        ends = []
        for _, response in open_now:
            while (got := self.next(response))[0] == 0:
                pass
            ends.append(got)
        ender.join()
        self.assertEqual(json.loads(ends[0][1])["error"]["code"],
                         "unavailable")
        self.assertEqual(trailers(ends[1][1])["grpc-status"], "14")
        self.bridge = Bridge(self.core).ready()

    def test_a_core_that_ends_ends_its_streams(self):
        job = echo(self.bridge, "abc", chunk_bytes=1, pace_ms=60000)
        _, response = self.open(job)
        self.core.process.kill()
        while (got := self.next(response))[0] == 0:
            pass
        self.assertEqual(got[0], END)
        self.assertEqual(json.loads(got[1])["error"]["code"], "unavailable")
        answer = call(self.bridge, "GetJob", {"jobId": job})
        self.assertEqual((answer.status, error_of(answer)),
                         (503, "unavailable"))
        self.assertIsNotNone(answer.headers["retry-after"])
        self.assertEqual(error_of(call(self.bridge, "WatchJob",
                                       {"jobId": job}, WEB)), 14)
        self.core.stop(expect=-9)
        self.core = Core()

    def test_more_streams_than_the_core_takes(self):
        core = Core("--max-streams", "16")
        self.addCleanup(core.stop)
        bridge = self.bridge
        self.bridge = Bridge(core).ready()
        job = echo(self.bridge, "abc", chunk_bytes=1, pace_ms=60000)
        kept = [self.open(job) for _ in range(14)]
        answer = call(self.bridge, "WatchJob", {"jobId": job}, STREAMED)
        self.assertEqual(error_of(answer), "resource_exhausted")
        kept[0][1].close()
        kept[0][0].close()
        self.bridge.until(lambda: self.streams() == 13)
        _, response = self.open(job)
        self.assertEqual(self.next(response)[0], 0)
        self.bridge.stop()
        self.bridge = bridge


if __name__ == "__main__":
    rig.main("__main__")
