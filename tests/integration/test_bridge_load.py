#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many watchers, those that do not read, and the bounds of what is followed.

    test_bridge_load.py BIN_DIR [unittest arguments]

Figures are printed, not judged, but for the bounds of memory.
"""
import re
import selectors
import socket
import threading
import time
import unittest

import bridge_rig as rig
from bridge_rig import Bridge, Core, Events, echo, request

# What a reader that stops may cost beyond its share of the ring: the
# kernel's part is not in it. A sanitizer's shadow and quarantine are.
GROWTH_KIB_MAX = 96 * 1024


class Watcher:
    """A reader over HTTP/1.0, whose body is not chunked: cheap to follow by
    the thousand. Keeps the text of deltas."""

    def __init__(self, bridge, path, receive_bytes=None):
        self.sock = rig.small_socket(bridge, receive_bytes or 1 << 20)
        self.sock.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
        self.rest = b""
        self.text = []
        self.ended = False
        self.ids = []

    def feed(self, chunk):
        chunk = self.rest + chunk
        cut = chunk.rfind(b"\n\n") + 2 if b"\n\n" in chunk else 0
        self.rest = chunk[cut:]
        whole = chunk[:cut]
        self.text += re.findall(rb'"text":"([^"]*)"', whole)
        self.ids += re.findall(rb"^id: (\d+)$", whole, re.M)
        self.ended = self.ended or b"event: end\n" in whole

    def read(self):
        """Reads once; False at the end."""
        chunk = self.sock.recv(65536)
        self.feed(chunk)
        return bool(chunk)

    def read_all(self):
        while self.read():
            pass

    def read_to_the_end(self, bridge, path):
        """As a client does: goes on after its last id when it was dropped for
        having taken nothing, as happens on a machine that is slow enough.
        With as little room as it had until then, less than a segment, the
        kernel would send to it once in 200 ms only."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        while not self.ended:
            try:
                self.read_all()
            except ConnectionError:
                pass
            if not self.ended:
                self.sock.close()
                rest = Watcher(bridge, "%s?after=%d" % (
                    path, int(self.ids[-1]) if self.ids else 0))
                self.sock, self.rest = rest.sock, b""

    def output(self):
        return b"".join(self.text)


def read_together(watchers):
    selector = selectors.DefaultSelector()
    for watcher in watchers:
        selector.register(watcher.sock, selectors.EVENT_READ, watcher)
    left = len(watchers)
    while left:
        ready = selector.select(rig.DEADLINE_S)
        if not ready:
            raise AssertionError("%d watchers get nothing more" % left)
        for key, _ in ready:
            if not key.data.read():
                selector.unregister(key.fileobj)
                left -= 1
    selector.close()


class Load(unittest.TestCase):
    def setUp(self):
        rig.many_files()
        self.core = Core()
        self.bridge = Bridge(self.core).ready()

    def tearDown(self):
        try:
            self.bridge.stop()
        finally:
            self.core.stop()

    def test_a_thousand_watchers_and_one_that_does_not_read(self):
        """1,200 deltas and as much progress: more than a ring holds, so that
        the one that stops has to be given the rest by a replay."""
        text = "".join("%07d" % i + "x" * 293 for i in range(1200))
        job = echo(self.bridge, text, chunk_bytes=300, pace_ms=2)
        path = "/v1/jobs/%s/events" % job
        stuck = Watcher(self.bridge, path, receive_bytes=4096)
        watchers = [Watcher(self.bridge, path) for _ in range(999)]
        before = self.bridge.rss_kib()
        start = time.monotonic()
        read_together(watchers)
        took = time.monotonic() - start
        grown = self.bridge.rss_kib() - before
        for watcher in watchers:
            self.assertTrue(watcher.ended)
            self.assertEqual(watcher.output(), text.encode())
            self.assertEqual(sorted(set(watcher.ids), key=int), sorted(
                set(watcher.ids), key=watcher.ids.index))
        self.assertLess(grown, GROWTH_KIB_MAX)
        metric = rig.metrics(self.bridge)
        print("999 watchers: %.1f s, %.0f events/s, memory grew by %d KiB, "
              "%d fell behind" % (took, 999 * len(watchers[0].ids) / took,
                                  grown, metric["runnel_bridge_fallbacks_total"]
                                  ))
        stuck.read_to_the_end(self.bridge, path)
        self.assertEqual(stuck.output(), text.encode())
        for watcher in watchers + [stuck]:
            watcher.sock.close()

    def test_replays_that_are_not_taken_make_room(self):
        """A watcher at the head keeps the ring there, so that each other one
        needs a replay. More of them than replays run at once stop reading;
        one that reads must not wait until they are dropped."""
        text = "".join("%07d" % i + "y" * 4089 for i in range(220))
        job = echo(self.bridge, text, chunk_bytes=4096, pace_ms=30)
        path = "/v1/jobs/%s/events" % job
        with Events(self.bridge, path) as events:
            while int(events.next().id) < 170:
                pass
            at = events.last_id
        head = Watcher(self.bridge, path + "?after=" + at)
        head.read()
        stuck = [Watcher(self.bridge, path, receive_bytes=4096)
                 for _ in range(80)]
        for watcher in stuck:
            watcher.sock.recv(16)
        start = time.monotonic()
        reader = Watcher(self.bridge, path)
        reader.read_all()
        self.assertEqual(reader.output(), text.encode())
        print("a reader behind 80 that stopped: %.1f s"
              % (time.monotonic() - start))
        # A parked one goes on as soon as it reads.
        stuck[0].read_to_the_end(self.bridge, path)
        self.assertEqual(stuck[0].output(), text.encode())
        for watcher in stuck + [head, reader]:
            watcher.sock.close()

    def test_more_jobs_than_the_core_lets_follow(self):
        """Calls that stay must leave room for those that do not."""
        self.bridge.stop()
        self.core.stop()
        self.core = Core("--max-streams", "16")
        self.bridge = Bridge(self.core).ready()
        jobs = [echo(self.bridge, "ab", chunk_bytes=1, pace_ms=60000)
                for _ in range(16)]
        watchers, refused = [], []
        for job in jobs:
            events = Events(self.bridge, "/v1/jobs/%s/events" % job)
            (watchers if events.status == 200 else refused).append(events)
        self.assertEqual(len(watchers), 14)
        self.assertEqual([e.status for e in refused], [429, 429])
        self.assertEqual(refused[0].response.headers["retry-after"], "1")
        answer = request(self.bridge, "GET", "/v1/jobs/%s/output" % jobs[0])
        self.assertEqual(answer.status, 429)
        answer = request(self.bridge, "GET", "/v1/events?job=" + jobs[-1])
        self.assertEqual(answer.status, 429)
        # A job that is followed already takes no more.
        with Events(self.bridge, "/v1/jobs/%s/events?after=1"
                    % jobs[0]) as events:
            self.assertEqual(events.status, 200)
            events.next()
        self.assertEqual(request(self.bridge, "GET", "/v1/jobs").status, 200)
        for events in watchers[:2] + refused:
            events.close()
        self.bridge.until(lambda: rig.metrics(self.bridge)[
            "runnel_bridge_topics_open"] <= 12)
        with Events(self.bridge, "/v1/jobs/%s/events" % jobs[-1]) as events:
            self.assertEqual(events.status, 200)
        for events in watchers[2:]:
            events.close()
        for job in jobs:
            request(self.bridge, "POST", "/v1/jobs/%s/cancel" % job)

    def test_watchers_come_and_go(self):
        """Each goes on where it left, at another place each time."""
        text = "".join("%05d," % i for i in range(3000))
        job = echo(self.bridge, text, chunk_bytes=60, pace_ms=3)
        path = "/v1/jobs/%s/events" % job
        failures = []

        def come_and_go(stride):
            try:
                last, seen = None, b""
                while True:
                    with Events(self.bridge, path, last) as events:
                        if events.status == 204:
                            break
                        for number, event in enumerate(events):
                            seen += event.bytes()
                            last = event.id
                            if event.name != "end" and number == stride:
                                break
                if seen != text.encode():
                    failures.append((stride, len(seen)))
            except Exception as error:
                failures.append((stride, error))

        threads = [threading.Thread(target=come_and_go, args=(stride,))
                   for stride in (1, 3, 7, 11, 13, 29, 57, 91)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * rig.DEADLINE_S)
        self.assertEqual(failures, [])

    def test_connections_above_the_limit_are_closed(self):
        self.bridge.stop()
        self.bridge = Bridge(self.core, "--max-connections", "20").ready()
        open_ones = [socket.create_connection(self.bridge.target)
                     for _ in range(30)]
        closed = 0
        for sock in open_ones[20:]:
            sock.settimeout(rig.DEADLINE_S)
            closed += sock.recv(1) == b""
        self.assertGreaterEqual(closed, 10)
        for sock in open_ones:
            sock.close()
        self.bridge.until(self.served)

    def served(self):
        try:
            return request(self.bridge, "GET", "/healthz").status == 200
        except OSError:
            return False

    def test_json_that_grows_in_memory(self):
        """Two bytes of it take a hundred: a limit of its own keeps 64 MiB from being 3 GiB."""
        body = ('{"kind":"echo","labels":[%s[]]}' % ("[]," * 2700000)).encode()
        self.assertLess(len(body), 8 << 20)
        before = self.bridge.rss_kib()
        for path in ("/v1/jobs", "/v1/streams/s/events"):
            answer = request(self.bridge, "POST", path, body)
            self.assertEqual(answer.status, 413, answer)
            self.assertEqual(answer.json()["code"], "RESOURCE_EXHAUSTED")
        grown = self.bridge.rss_kib("VmHWM") - before
        print("JSON of %d bytes: %d KiB" % (len(body), grown))
        if "asan" not in rig.BIN and "tsan" not in rig.BIN:
            self.assertLess(grown, 340 * 1024)
        self.assertEqual(request(self.bridge, "POST", "/v1/jobs",
                                 kind="echo").status, 201)

    def test_few_descriptors_are_a_lower_limit_of_connections(self):
        """Without it accept() fails again and again, and takes a core."""
        self.bridge.stop()
        self.bridge = Bridge(self.core, files=(64, 200))
        self.assertIn("few_descriptors allowed=200", self.bridge.logged())
        idle = [socket.create_connection(self.bridge.target)
                for _ in range(150)]
        selector = selectors.DefaultSelector()
        for sock in idle:
            selector.register(sock, selectors.EVENT_READ)
        self.assertTrue(selector.select(rig.DEADLINE_S), "none was closed")
        selector.close()
        for sock in idle:
            sock.close()
        self.bridge.until(self.served)


if __name__ == "__main__":
    rig.main("__main__")
