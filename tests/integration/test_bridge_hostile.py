#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peers that do not mean well, or do not speak HTTP.

    test_bridge_hostile.py BIN_DIR [unittest arguments]
"""
import os
import random
import re
import select
import socket
import time
import unittest

import bridge_rig as rig
from bridge_rig import Bridge, Core, Events, echo, raw, request

BODY = b'{"kind":"echo"}'
HIDDEN = b"GET /v1/hidden HTTP/1.1\r\nhost: h\r\n\r\n"


def post(*headers, body=BODY, version=b"1.1"):
    lines = [b"POST /v1/jobs HTTP/" + version, b"host: h",
             b"content-type: application/json", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class Hostile(rig.Pair):
    @classmethod
    def setUpClass(cls):
        rig.many_files()
        super().setUpClass()

    def tearDown(self):
        """Whatever was done, others are served, and nothing is left."""
        self.assertEqual(request(self.bridge, "GET", "/v1/jobs").status, 200)
        self.bridge.until(lambda: rig.metrics(self.bridge)[
            "runnel_bridge_connections_open"] == 1)

    def assert_refused(self, data):
        """One 400, nothing of a second request, and the end."""
        answer = raw(self.bridge, data)
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        return answer

    def test_a_length_given_twice(self):
        length = b"content-length: %d" % len(BODY)
        chunked = b"transfer-encoding: chunked"
        hidden = b"0\r\n\r\n" + HIDDEN
        for data in (
                post(length, chunked, body=hidden),
                post(chunked, length, body=hidden),
                post(b"Content-Length: 5", b"Transfer-Encoding: chunked",
                     body=hidden),
                post(length, length),
                post(length, b"content-length: 0", body=BODY + HIDDEN),
                post(b"content-length: 0", length, body=HIDDEN),
                post(chunked, chunked, body=hidden),
                post(chunked, body=hidden, version=b"1.0")):
            self.assert_refused(data)

    def test_a_length_that_is_none(self):
        for value in (b"-1", b"+5", b"5, 5", b"0x10", b"five", b"1e3", b"",
                      b"99999999999999999999999"):
            answer = raw(self.bridge, post(b"content-length: " + value))
            self.assertRegex(answer, rb"^HTTP/1.1 4(00|13) ", value)
            self.assertEqual(answer.count(b"HTTP/1.1 "), 1, value)

    def test_an_encoding_that_is_none(self):
        for value in (b"xchunked", b"gzip, chunked", b"chunked, identity",
                      b"identity", b"\x0bchunked", b"chunked;x=1"):
            data = post(b"transfer-encoding: " + value,
                        body=b"0\r\n\r\n" + HIDDEN)
            self.assert_refused(data)
        self.assert_refused(post(b"transfer-encoding : chunked"))
        for chunk in (b"zz\r\nab\r\n0\r\n\r\n", b"-1\r\n", b"fffffffffffffffff",
                      b"5;" + b"x" * 20 + b"\nabcde"):
            answer = raw(self.bridge, post(b"transfer-encoding: chunked",
                                           body=chunk), shut=True)
            self.assertNotIn(b"HTTP/1.1 2", answer)

    def test_the_next_request_begins_where_the_body_ends(self):
        """Bodies in several forms, one after the other on one connection."""
        chunked = b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in BODY)
        data = (post(b"content-length: %d" % len(BODY)) +
                post(b"transfer-encoding: chunked",
                     body=chunked + b"0\r\n\r\n") +
                b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n" +
                b"GET /v1/none HTTP/1.1\r\nhost: h\r\nconnection: close"
                b"\r\n\r\n")
        answer = raw(self.bridge, data)
        statuses = re.findall(rb"HTTP/1\.1 (\d+) ", answer)
        self.assertEqual(statuses, [b"201", b"201", b"200", b"404"])

    def test_garbage(self):
        seed = int(os.environ.get("RUNNEL_SEED", time.time_ns()))
        chance = random.Random(seed)
        print("seed %d" % seed)
        for data in (b"\x00" * 100, b"\x16\x03\x01\x02\x00\x01\x00",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 64,
                     b"GET\r\n\r\n", b"GET / HTTP/3.0\r\n\r\n",
                     b"G\x00T / HTTP/1.1\r\n\r\n",
                     b"GET /\x01 HTTP/1.1\r\nhost: h\r\n\r\n",
                     b"GET / HTTP/1.1\r\nx\r\n\r\n",
                     b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 200 + b"\r\n",
                     *(chance.randbytes(chance.randrange(1, 2000))
                       for _ in range(100))):
            answer = raw(self.bridge, data, shut=True)
            self.assertNotIn(b" 200 ", answer[:20], (seed, data))

    def test_mutated_requests(self):
        """A byte changed, cut or doubled in a good request."""
        seed = int(os.environ.get("RUNNEL_SEED", time.time_ns()))
        chance = random.Random(seed)
        print("seed %d" % seed)
        good = post(b"content-length: %d" % len(BODY), b"last-event-id: 7",
                    b"connection: close")
        for _ in range(300):
            data = bytearray(good)
            for _ in range(chance.randrange(1, 4)):
                at = chance.randrange(len(data))
                data[at:at + chance.randrange(3)] = chance.randbytes(
                    chance.randrange(3))
            answer = raw(self.bridge, bytes(data), shut=True)
            self.assertNotIn(b"HTTP/1.1 5", answer, (seed, bytes(data)))

    def test_a_head_without_end(self):
        with socket.create_connection(self.bridge.target,
                                      rig.DEADLINE_S) as sock:
            answer = b""
            try:
                for _ in range(2000):
                    sock.sendall(b"x-header: " + b"y" * 1000 + b"\r\n")
                answer = rig.read_all(sock)
            except ConnectionError:
                pass
        self.assertNotIn(b" 200 ", answer[:20])

    def test_what_is_upgraded_to_nothing(self):
        answer = raw(self.bridge, b"GET /healthz HTTP/1.1\r\nhost: h\r\n"
                     b"connection: upgrade, http2-settings, close\r\n"
                     b"upgrade: h2c\r\n"
                     b"http2-settings: AAMAAABkAAQAAP__\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)

    def test_a_type_cannot_write_headers(self):
        for kind in ("text/plain\r\nX-Evil: 1", "text/plain\nX-Evil: 1",
                     "a\u0000b", "\u00e4/\u00f6"):
            answer = request(self.bridge, "POST", "/v1/jobs", kind="echo",
                             input={"text": "x", "contentType": kind})
            if answer.status == 400:
                continue
            self.assertEqual(answer.status, 201, answer)
            job = answer.json()["job"]["id"]
            rig.wait_end(self.bridge, job)
            answer = request(self.bridge, "GET", "/v1/jobs/%s/output" % job)
            self.assertNotIn("x-evil", answer.headers)

    def test_pipelined_bytes_after_a_stream_are_bounded(self):
        """A watcher that talks is cut off; the next request is not run."""
        job = echo(self.bridge, "ab", chunk_bytes=1, pace_ms=60000)
        head = b"GET /v1/jobs/%s/events HTTP/1.1\r\nhost: h\r\n\r\n" % (
            job.encode())
        with socket.create_connection(self.bridge.target,
                                      rig.DEADLINE_S) as sock:
            sock.sendall(head)
            sock.recv(1000)
            try:
                for _ in range(200):
                    sock.sendall(b"GET /v1/hidden HTTP/1.1\r\n\r\n" * 100)
            except ConnectionError:
                pass
            answer = rig.read_all(sock)
        self.assertNotIn(b"HTTP/1.1 404", answer)
        request(self.bridge, "POST", "/v1/jobs/%s/cancel" % job)

    def test_peers_that_reset(self):
        import struct
        job = echo(self.bridge, "x" * 100000, chunk_bytes=100, pace_ms=1)
        path = b"/v1/jobs/%s/events" % job.encode()
        for _ in range(200):
            sock = socket.create_connection(self.bridge.target)
            sock.sendall(b"GET %s HTTP/1.1\r\nhost: h\r\n\r\n" % path)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
            sock.close()
        request(self.bridge, "POST", "/v1/jobs/%s/cancel" % job)


class Slow(unittest.TestCase):
    """What only time shows: the bridge's own limits of tens of seconds. The
    waits run side by side."""

    def test_slow_senders_are_closed_and_idle_streams_kept(self):
        core = Core()
        bridge = Bridge(core).ready()
        job = echo(bridge, "ab", chunk_bytes=1, pace_ms=60000)
        events = Events(bridge, "/v1/jobs/%s/events" % job)
        lines = Events(bridge, "/v1/jobs/%s/events" % job,
                       Accept="application/x-ndjson")
        events.next("delta")
        slow = [socket.create_connection(bridge.target) for _ in range(50)]
        for number, sock in enumerate(slow):
            sock.sendall(b"POST /v1/jobs HTTP/1.1\r\nhost: h\r\n"
                         b"content-length: 1000\r\n\r\n{"[:5 + number * 2])
        # Two keep-alives come, 15 s after each other, while nothing else
        # does; then the slow ones are closed, and the stream is not.
        start = time.monotonic()
        while events.line() != b": keep-alive\n":
            pass
        print("keep-alive after %.1f s" % (time.monotonic() - start))
        while lines.line() != b"\n":
            pass
        left = set(slow)
        while left:
            ready, _, _ = select.select(list(left), [], [], rig.DEADLINE_S)
            self.assertTrue(ready, "%d slow senders stay" % len(left))
            for sock in ready:
                answer = sock.recv(4096)
                if not answer:
                    left.remove(sock)
                    sock.close()
            self.assertEqual(request(bridge, "GET", "/healthz").status, 200)
        print("slow senders closed after %.1f s" % (time.monotonic() - start))
        request(bridge, "POST", "/v1/jobs/%s/cancel" % job)
        self.assertEqual(list(events)[-1].name, "end")
        for reader in (events, lines):
            reader.close()
        bridge.stop()
        core.stop()


if __name__ == "__main__":
    rig.main("__main__")
