#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attackers, many at once and of many kinds, while somebody else is served:
the bridge and the core. And what is refused before anybody looks: hosts, heads,
too many requests.

    test_bridge_attack.py BIN_DIR
"""
import os
import shutil
import socket
import subprocess
import sys
import threading
import unittest

import bridge_rig as rig
from bridge_rig import Bridge, Core, Events, echo, raw, request

TEXT = "".join("piece %05d\n" % i for i in range(100000))


class Victim(threading.Thread):
    """Follows a job and asks for things until told to stop; every answer must
    be right."""

    def __init__(self, bridge):
        super().__init__(daemon=True)
        self.bridge = bridge
        self.over = threading.Event()
        self.fault = None
        self.job = echo(bridge, "x" * 100000, chunk_bytes=1, pace_ms=5)
        self.served = threading.Semaphore(0)

    def run(self):
        try:
            with Events(self.bridge, "/v1/jobs/%s/events" % self.job) as events:
                # Each sequence is a byte of output, or another event; a reader
                # that lags gets several bytes at once.
                last = 0
                for event in events:
                    last += len(event.bytes()) or 1
                    if int(event.id) != last:
                        raise AssertionError("%s at %d" % (event.id, last))
                    self.ask()
                    if self.over.is_set():
                        return
                raise AssertionError("the events ended")
        except Exception as fault:  # Told by check().
            self.fault = fault
            self.served.release(1000)

    def ask(self):
        answer = request(self.bridge, "GET", "/v1/jobs/" + self.job)
        if answer.status != 200:
            raise AssertionError(answer)
        self.served.release()

    def check(self, count):
        """That many more answers come."""
        while self.served.acquire(blocking=False):
            pass
        for _ in range(count):
            if not self.served.acquire(timeout=rig.DEADLINE_S):
                raise AssertionError("the victim waits")
            if self.fault:
                raise self.fault

    def stop(self):
        self.over.set()
        self.join(rig.DEADLINE_S)
        request(self.bridge, "POST", "/v1/jobs/%s/cancel" % self.job)
        if self.fault:
            raise self.fault


class Attacks(rig.Pair):
    @classmethod
    def setUpClass(cls):
        rig.many_files()
        super().setUpClass()

    def setUp(self):
        self.victim = Victim(self.bridge)
        self.victim.start()
        self.victim.check(3)
        self.sockets = []

    def tearDown(self):
        self.victim.check(5)
        self.victim.stop()
        for sock in self.sockets:
            sock.close()
        self.bridge.until(lambda: rig.metrics(self.bridge)[
            "runnel_bridge_connections_open"] == 1)

    def hold(self, data, receive_bytes=None, target=None):
        """Sends and keeps the connection."""
        sock = socket.socket()
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.settimeout(rig.DEADLINE_S)
        sock.connect((target or self.bridge).target)
        sock.sendall(data)
        self.sockets.append(sock)
        return sock

    def test_senders_that_do_not_finish(self):
        """slowloris, in the head and in the body."""
        for number in range(400):
            self.hold(b"GET /v1/jobs HTTP/1.1\r\nhost: h\r\nx-a: b\r\n"[
                :1 + number % 40])
            self.hold(b"POST /v1/jobs HTTP/1.1\r\nhost: h\r\n"
                      b"content-type: application/json\r\n"
                      b"content-length: 1000000\r\n\r\n" + b"{" * number)
        self.victim.check(20)

    def test_readers_that_do_not_read(self):
        job = request(self.bridge, "POST", "/v1/jobs", kind="echo",
                      input={"text": TEXT[:900000]},
                      options={"chunk_bytes": "1000"}).json()["job"]["id"]
        before = self.bridge.rss_kib()
        for number in range(100):
            path = ("/v1/jobs/%s/events" % job, "/v1/jobs/%s/output" % job,
                    "/v1/events?job=%s" % job)[number % 3]
            self.hold(b"GET %s HTTP/1.1\r\nhost: h\r\n\r\n" % path.encode(),
                      receive_bytes=2048)
        self.victim.check(20)
        self.assertLess(self.bridge.rss_kib() - before, 96 * 1024)

    def test_heads_that_are_too_much(self):
        many = b"GET /v1/jobs HTTP/1.1\r\nhost: h\r\n" + b"".join(
            b"x-%d: y\r\n" % i for i in range(200)) + b"\r\n"
        large = b"GET /v1/jobs HTTP/1.1\r\nhost: h\r\n" + b"".join(
            b"x-%d: %s\r\n" % (i, b"y" * 4000) for i in range(60)) + b"\r\n"
        one = b"GET /v1/jobs HTTP/1.1\r\nhost: h\r\nx: " + b"y" * 300000
        for _ in range(20):
            self.assertRegex(raw(self.bridge, many, shut=True), rb"^HTTP/1.1 400")
            self.assertRegex(raw(self.bridge, large, shut=True),
                             rb"^HTTP/1.1 431")
            raw(self.bridge, one + b"\r\n\r\n", shut=True)
            self.hold(one)
        self.victim.check(10)

    def test_http_2_without_asking(self):
        """Its preface, and floods of its frames."""
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        frames = {
            "settings": b"\0\0\0\x04\0\0\0\0\0",
            "ping": b"\0\0\x08\x06\0\0\0\0\0" + b"p" * 8,
            "reset": b"\0\0\x01\x01\x05\0\0\0\x01\x82"
                     b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08",
            "continuation": b"\0\0\0\x01\0\0\0\0\x01" +
                            b"\0\0\0\x09\0\0\0\0\x01" * 10}
        for frame in frames.values():
            for _ in range(5):
                answer = send_all(self.bridge, preface + frame * 20000)
                self.assertNotIn(b" 200 ", answer)
        for upgrade in (b"h2c", b"websocket", b"HTTP/2.0", b"TLS/1.0"):
            answer = raw(self.bridge, b"GET /healthz HTTP/1.1\r\nhost: h\r\n"
                         b"connection: upgrade, http2-settings, close\r\n"
                         b"http2-settings: AAMAAABkAAQAAP__\r\nupgrade: "
                         + upgrade + b"\r\n\r\n")
            self.assertNotIn(b"101 ", answer)
        self.victim.check(5)

    def test_json_without_end(self):
        """Depth, width, and size of one value."""
        depth = 200000
        for body in (b"[" * depth, b'{"a":' * depth, b"[" * depth + b"]" * depth,
                     b'{"labels":' * 100 + b"{}" + b"}" * 100,
                     b'{"kind":"' + b"x" * 4000000 + b'"}',
                     b'{"priority":' + b"9" * 1000000 + b"}",
                     b'{"labels":{' + b",".join(
                         b'"%d":"x"' % i for i in range(100000)) + b"}}",
                     b'{"kind":"echo","kind":"echo"}', b'{"kind":"\\ud800"}',
                     b'{"kind":"a\\u0000b"}', b"\xff\xfe{}", b"nul",
                     b'{"kind":1e400}', b'{"priority":1e999999999}'):
            answer = request(self.bridge, "POST", "/v1/jobs", body)
            self.assertIn(answer.status, (400, 413), body[:40])
            self.assertEqual(answer.headers["content-type"],
                             "application/problem+json")
        for body in (b'{"events":[' + b"[" * depth,
                     b'{"events":[' + b'{"key":"a"},' * 70000 + b"{}]}"):
            answer = request(self.bridge, "POST", "/v1/streams/s/events", body)
            self.assertIn(answer.status, (400, 413))
        self.victim.check(5)

    def test_output_cannot_write_events(self):
        """Newlines of all kinds, in all that others may choose."""
        evil = "a\r\n\r\nevent: end\nid: 99999\ndata: {}\n\n\u2028\u0085\rretry: 1"
        job = request(self.bridge, "POST", "/v1/jobs", kind="echo",
                      input={"text": evil}, labels={"a": evil[:60]})
        self.assertIn(job.status, (201, 400), job)
        job = echo(self.bridge, evil, chunk_bytes=3)
        for path in ("/v1/jobs/%s/events" % job, "/v1/events?job=" + job):
            names, said, ids = set(), b"", []
            with Events(self.bridge, path) as events:
                for event in events:
                    names.add(event.name)
                    ids.append(event.id)
                    data = event.data.get("event", event.data)
                    said += data.get("delta", {}).get("text", "").encode()
                self.assertEqual(events.retry, 1000)
            self.assertLessEqual(names, {"delta", "status", "progress", "end"})
            self.assertEqual(said, evil.encode())
            self.assertNotIn("99999", "".join(ids))
        for path in ("/v1/jobs/%0Aevent:%20end/events",
                     "/v1/events?job=%0D%0Adata:%20x&stream=%0Aid:%201",
                     "/v1/jobs/{}/events?after=1%0Aevent:x".format(job)):
            with Events(self.bridge, path) as events:
                if events.status == 200:
                    for event in events:
                        self.assertIn(event.name, ("reset", "end", "stats"))
                        if event.name == "reset" and "stream" in event.data:
                            break
                else:
                    self.assertIn(events.status, (400, 404))

    def test_headers_cannot_be_written(self):
        for path in (b"/v1/jobs/a%0d%0ax-evil:%201", b"/a%0d%0ax-evil:%201",
                     b"//evil.example/%0d%0ax-evil:1"):
            answer = raw(self.bridge, b"GET %s HTTP/1.1\r\nhost: h\r\n"
                         b"connection: close\r\n\r\n" % path)
            self.assertNotIn(b"\r\nx-evil", answer.lower())
        answer = request(self.bridge, "POST", "/v1/streams",
                         config={"name": "a\r\nx-evil: 1"})
        self.assertEqual(answer.status, 400)

    def test_the_core_under_attack(self):
        """Its port too: silence, halves, garbage, lengths, a flood of calls
        that nobody reads the answers of."""
        hello = b"\x0a\x12\x08\x08\x01\x12\x04demo"
        call = b"\x24\x08\x01\x1a\x20\x0a\x1erunnel.v1.AdminService/GetInfo"
        for number in range(300):
            self.hold(hello[:number % 8], target=self.core)
        for data in (b"\xff" * 10, b"\x80" * 5, b"\xff\xff\xff\xff\x0f",
                     b"GET / HTTP/1.1\r\n\r\n", hello + b"\xff\xff\xff\x7f",
                     hello * 2, hello + call[:-1], bytes(range(256)) * 40):
            sock = self.hold(data, target=self.core)
            sock.shutdown(socket.SHUT_WR)
            rig.read_all(sock)
        before = self.core.rss_kib()
        for _ in range(10):
            self.hold(b"", receive_bytes=2048, target=self.core)
            flood(self.sockets[-1], hello)
        self.victim.check(20)
        self.assertLess(self.core.rss_kib() - before, 96 * 1024)


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


def flood(sock, hello):
    """Unary calls and Pings until the server does not take more."""
    method = b"runnel.v1.AdminService/GetInfo"
    data = bytearray(hello)
    for number in range(1, 20001, 2):
        stream = b"\x08" + varint(number)
        call = b"\x0a" + bytes([len(method)]) + method
        for frame in (stream + b"\x1a" + bytes([len(call)]) + call,
                      stream + b"\x22\0", stream + b"\x2a\0",
                      b"\x4a\x02\x08\x07"):
            data += varint(len(frame)) + frame
    sock.setblocking(False)
    try:
        sent = 0
        while sent < len(data):
            sent += sock.send(data[sent:])
    except (BlockingIOError, ConnectionError):
        pass
    sock.settimeout(rig.DEADLINE_S)


def send_all(bridge, data):
    """As much as the other side takes; all that it says."""
    with socket.create_connection(bridge.target, rig.DEADLINE_S) as sock:
        try:
            sock.sendall(data)
        except ConnectionError:
            pass
        return rig.read_all(sock)


class Gate(unittest.TestCase):
    def get(self, bridge, host, path="/v1/jobs", version=b"1.1"):
        head = b"" if host is None else b"host: %s\r\n" % host.encode()
        answer = raw(bridge, b"GET %s HTTP/%s\r\n%sconnection: close\r\n\r\n"
                     % (path.encode(), version, head))
        return int(answer.split()[1])

    def test_names_that_are_not_the_bridges(self):
        """DNS rebinding: a page of evil.example, whose name now leads here."""
        core = Core()
        bridge = Bridge(core, "--allowed-host", "runnel.example").ready()
        port = bridge.target[1]
        for host in ("127.0.0.1:%d" % port, "localhost", "localhost:1",
                     "[::1]:%d" % port, "runnel.example", "Runnel.Example:443"):
            self.assertEqual(self.get(bridge, host), 200, host)
        for path in ("/v1/jobs", "/", "/healthz", "/console.js"):
            for host in ("evil.example", "evil.example:%d" % port,
                         "127.0.0.1.evil.example", "0.0.0.0", "192.0.2.1"):
                self.assertEqual(self.get(bridge, host, path), 403, host)
        self.assertEqual(self.get(bridge, "evil.example",
                                  "http://evil.example/v1/jobs"), 403)
        # No browser, and no page's name.
        self.assertEqual(self.get(bridge, None, version=b"1.0"), 200)
        answer = request(bridge, "POST", "/v1/jobs", kind="echo", headers={
            "Host": "evil.example", "Origin": "http://evil.example"})
        self.assertEqual(answer.status, 403)
        bridge.stop()
        core.stop()

    def test_with_a_token_any_name_will_do_unless_there_is_a_list(self):
        core = Core("--token", "t")
        for flags, status in (((), 200), (("--allowed-host", "a.example"), 403)):
            bridge = Bridge(core, "--token", "t", *(
                flags or ("--allowed-host", "")))
            bridge.until(lambda: request(bridge, "GET", "/readyz").status
                         == 200)
            self.assertEqual(self.get(bridge, "b.example", "/healthz"), status)
            self.assertEqual(self.get(bridge, "a.example", "/healthz"), 200)
            bridge.stop()
        core.stop()

    def test_too_many_requests_of_a_token(self):
        core = Core("--token", "t")
        bridge = Bridge(core, "--token", "t", "--max-request-rate", "1").ready()
        headers = {"Authorization": "Bearer t"}
        statuses = []
        while 429 not in statuses:
            answer = request(bridge, "GET", "/v1/jobs", headers=headers)
            statuses.append(answer.status)
            self.assertIn(answer.status, (200, 429))
        self.assertGreaterEqual(len(statuses), 3)
        self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
        self.assertEqual(answer.json()["code"], "RESOURCE_EXHAUSTED")
        # Others, and those who show none from this machine, are not held up.
        answer = request(bridge, "GET", "/v1/jobs",
                         headers={"Authorization": "Bearer other"})
        self.assertEqual(answer.status, 401)
        for _ in range(10):
            self.assertEqual(request(bridge, "GET", "/healthz").status, 200)
        self.assertGreaterEqual(
            rig.metrics(bridge)["runnel_bridge_requests_limited_total"], 1)
        # And it is served again when it has waited.
        bridge.until(lambda: request(bridge, "GET", "/v1/jobs",
                                     headers=headers).status == 200)
        bridge.stop()
        core.stop()

    def test_limits_of_an_address(self):
        """In a network of its own, since this machine's is not counted."""
        alone = ["unshare", "-rn", "sh", "-c", "ip link set lo up && \"$@\"", ""]
        if not (shutil.which("unshare") and shutil.which("ip")) or \
                subprocess.run([*alone, "true"], capture_output=True,
                               timeout=rig.DEADLINE_S).returncode != 0:
            self.skipTest("no networks of one's own here")
        done = subprocess.run(
            [*alone, sys.executable, os.path.join(
                os.path.dirname(os.path.abspath(__file__)),
                "bridge_addresses.py"), rig.BIN],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=4 * rig.DEADLINE_S)
        self.assertEqual(done.returncode, 0, done.stdout.decode())

    def test_http2_is_refused_with_a_sentence(self):
        done = subprocess.run(
            [os.path.join(rig.BIN, "runnel-bridge"), "--http2"],
            capture_output=True, timeout=rig.DEADLINE_S, env=rig.clean_env())
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"http2: is not served", done.stderr)


if __name__ == "__main__":
    rig.main("__main__")
