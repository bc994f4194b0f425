#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs as server-sent events: resume, end, cancel, restarts.

    test_bridge_sse.py BIN_DIR [unittest arguments]
"""
import os
import signal
import socket
import threading
import time
import unittest

import bridge_rig as rig
from bridge_rig import Bridge, Core, Events, create, echo, request

TEXT = "".join("line %d of a longer text, ünïcödé too\n" % i
               for i in range(400))


def events_path(job_id):
    return "/v1/jobs/%s/events" % job_id


def output(bridge, job_id):
    answer = request(bridge, "GET", "/v1/jobs/%s/output" % job_id)
    assert answer.status == 200, answer
    return answer.body


def drop_after(bridge, path, count, last_id=None):
    """Reads so many events, leaves in the middle; what was read."""
    seen = []
    with Events(bridge, path, last_id) as events:
        for event in events:
            seen.append(event)
            if len(seen) == count:
                break
    return seen


class Watching(rig.Pair):
    def check_ids(self, events):
        """Each event comes after the one before, with nothing left out."""
        last = 0
        for event in events:
            if event.name == "end":
                self.assertEqual(int(event.id), last)
                continue
            first = int(event.data.get("firstSequence",
                                       event.data["sequence"]))
            self.assertEqual(first, last + 1)
            last = int(event.data["sequence"])
            self.assertEqual(event.id, str(last))

    def test_a_job_from_its_first_event_to_its_end(self):
        job = echo(self.bridge, TEXT, chunk_bytes=64)
        with Events(self.bridge, events_path(job)) as events:
            self.assertEqual(events.status, 200)
            self.assertEqual(events.response.headers["content-type"],
                             "text/event-stream")
            self.assertEqual(events.response.headers["cache-control"],
                             "no-store")
            seen = list(events)
            self.assertEqual(events.retry, 1000)
            self.assertFalse(events.cut)
        self.check_ids(seen)
        names = [event.name for event in seen]
        self.assertEqual(names[:2], ["status", "status"])
        self.assertEqual(names[-2:], ["status", "end"])
        self.assertEqual(seen[-1].data, seen[-2].data)
        self.assertEqual(seen[-1].data["state"]["state"],
                         "JOB_STATE_SUCCEEDED")
        whole = b"".join(event.bytes() for event in seen)
        self.assertEqual(whole, TEXT.encode())
        self.assertEqual(output(self.bridge, job), TEXT.encode())

    def test_one_event_a_delta_while_it_runs(self):
        job = echo(self.bridge, "abcdefgh", chunk_bytes=1, pace_ms=5)
        with Events(self.bridge, events_path(job)) as events:
            seen = list(events)
        self.check_ids(seen)
        deltas = [event.bytes() for event in seen if event.name == "delta"]
        self.assertEqual(deltas, [b"a", b"b", b"c", b"d", b"e", b"f", b"g",
                                  b"h"])

    def test_two_parts_joined_are_the_output(self):
        """Leaves at many places, of a job that runs, and goes on by the
        header or by the query."""
        job = echo(self.bridge, TEXT, chunk_bytes=50, pace_ms=1)
        path = events_path(job)
        for count in (1, 2, 3, 17, 60, 150):
            first = drop_after(self.bridge, path, count)
            last_id = first[-1].id
            with Events(self.bridge, path, last_id) as events:
                by_header = list(events)
            with Events(self.bridge, path + "?after=" + last_id) as events:
                by_query = list(events)
            for rest in (by_header, by_query):
                self.check_ids(first + rest)
                joined = b"".join(e.bytes() for e in first + rest)
                self.assertEqual(joined, output(self.bridge, job))

    def test_after_each_single_event(self):
        job = echo(self.bridge, TEXT[:600], chunk_bytes=20)
        rig.wait_end(self.bridge, job)
        with Events(self.bridge, events_path(job)) as events:
            whole = [e for e in events if e.name != "end"]
        for at in range(len(whole) - 1):
            with Events(self.bridge, events_path(job), whole[at].id) as rest:
                tail = [e for e in rest if e.name != "end"]
            self.check_ids(whole[:at + 1] + tail)
            self.assertEqual(b"".join(e.bytes() for e in whole[:at + 1] + tail),
                             TEXT[:600].encode())

    def test_the_header_counts_more_than_the_query(self):
        job = echo(self.bridge, "abc", chunk_bytes=1)
        rig.wait_end(self.bridge, job)
        with Events(self.bridge, events_path(job) + "?after=1", 4) as events:
            self.assertEqual(events.next().id, "5")

    def test_nothing_more_to_come_is_204(self):
        job = echo(self.bridge, "abc")
        last = rig.wait_end(self.bridge, job)["lastSequence"]
        for path, headers in ((events_path(job), {"Last-Event-ID": last}),
                              (events_path(job) + "?after=" + last, {})):
            answer = request(self.bridge, "GET", path, headers=headers)
            self.assertEqual((answer.status, answer.body), (204, b""))
            self.assertNotIn("content-length", answer.headers)
            self.assertNotIn("transfer-encoding", answer.headers)

    def test_a_sequence_that_is_not_there_yet_is_a_reset(self):
        job = echo(self.bridge, "abc")
        rig.wait_end(self.bridge, job)
        with Events(self.bridge, events_path(job), 1000) as events:
            self.assertEqual(events.status, 200)
            event, = list(events)
        self.assertEqual((event.name, event.id), ("reset", ""))
        self.assertEqual(event.data["firstAvailableSequence"], "1")

    def test_a_cursor_that_is_no_number_is_refused_by_name(self):
        job = echo(self.bridge, "abc")
        for path, headers, field in (
                ("?after=x", {}, "after"), ("?after=-1", {}, "after"),
                ("?after=x", {"Last-Event-ID": "0"}, "after"),
                ("?after=1,2", {}, "after"), ("?afer=7", {}, "afer"),
                ("", {"Last-Event-ID": "7a"}, "Last-Event-ID"),
                ("", {"Last-Event-ID": "99999999999999999999"},
                 "Last-Event-ID")):
            answer = request(self.bridge, "GET", events_path(job) + path,
                             headers=headers)
            self.assertEqual(answer.status, 400)
            self.assertEqual(answer.json()["violations"][0]["field"], field)

    def test_no_such_job(self):
        for what in ("events", "output"):
            answer = request(self.bridge, "GET",
                             "/v1/jobs/%s/%s" % (rig.NO_JOB, what))
            self.assertEqual(answer.status, 404)
            self.assertEqual(answer.json()["code"], "NOT_FOUND")

    def test_a_deleted_job_is_a_reset_to_who_asks_again(self):
        job = echo(self.bridge, "abc")
        rig.wait_end(self.bridge, job)
        request(self.bridge, "DELETE", "/v1/jobs/" + job)
        answer = request(self.bridge, "GET", events_path(job))
        self.assertEqual(answer.status, 404)

    def test_cancel_is_seen_by_all_watchers(self):
        """The time is printed, not judged."""
        job = echo(self.bridge, TEXT, chunk_bytes=1, pace_ms=20)
        times, failures = [], []

        def watch(events):
            try:
                last = list(events)[-1]
                times.append(time.monotonic())
                if last.name != "end" or last.data["state"]["state"] != \
                        "JOB_STATE_CANCELLED":
                    failures.append(last)
            except Exception as error:  # seen by the case, not the thread
                failures.append(error)

        watchers = [Events(self.bridge, events_path(job)) for _ in range(50)]
        for events in watchers:
            events.next("delta")
        threads = [threading.Thread(target=watch, args=(events,))
                   for events in watchers]
        for thread in threads:
            thread.start()
        asked = time.monotonic()
        answer = request(self.bridge, "POST", "/v1/jobs/%s/cancel" % job,
                         reason="enough")
        self.assertEqual(answer.status, 200)
        for thread in threads:
            thread.join(rig.DEADLINE_S)
        for events in watchers:
            events.close()
        self.assertEqual(failures, [])
        self.assertEqual(len(times), 50)
        print("cancel to the last of 50 watchers: %.1f ms"
              % ((max(times) - asked) * 1000))

    def test_output_of_a_running_job_streams_to_its_end(self):
        job = echo(self.bridge, TEXT, chunk_bytes=400, pace_ms=5)
        self.assertEqual(output(self.bridge, job), TEXT.encode())

    def test_output_so_far_ends_at_once(self):
        """It ends while the job stands still after its first piece."""
        job = echo(self.bridge, "abc", chunk_bytes=1, pace_ms=60000)
        path = "/v1/jobs/%s/output?follow=" % job
        with Events(self.bridge, events_path(job)) as events:
            events.next("delta")
        answer = request(self.bridge, "GET", path + "false")
        self.assertEqual((answer.status, answer.body), (200, b"a"))
        self.assertEqual(answer.headers["content-type"],
                         "text/plain; charset=utf-8")
        self.assertEqual(rig.job_of(self.bridge, job)["state"],
                         "JOB_STATE_RUNNING")
        for value in ("", "no", "0"):
            answer = request(self.bridge, "GET", path + value)
            self.assertEqual(answer.status, 400, value)
            self.assertEqual(answer.json()["violations"][0]["field"],
                             "follow")
        request(self.bridge, "POST", "/v1/jobs/%s/cancel" % job)
        self.assertEqual(request(self.bridge, "GET", path + "true").body,
                         b"a")
        # Longer than what is sent at once, and of a job that has ended.
        job = echo(self.bridge, TEXT * 20, chunk_bytes=100)
        rig.wait_end(self.bridge, job)
        answer = request(self.bridge, "GET",
                         "/v1/jobs/%s/output?follow=false" % job)
        self.assertEqual(answer.body, (TEXT * 20).encode())

    def test_bytes_that_are_no_text(self):
        import base64
        data = bytes(range(256)) * 20
        job = create(self.bridge, kind="echo", input={
            "data": base64.b64encode(data).decode(),
            "contentType": "application/x-test"})["id"]
        with Events(self.bridge, events_path(job)) as events:
            self.assertEqual(b"".join(e.bytes() for e in events), data)
        answer = request(self.bridge, "GET", "/v1/jobs/%s/output" % job)
        self.assertEqual(answer.body, data)
        self.assertEqual(answer.headers["content-type"], "application/x-test")

    def test_newlines_cannot_end_an_event(self):
        evil = "a\n\nevent: end\rdata: {}\r\n\r\nid: 7\n\0x"[:-2]
        job = echo(self.bridge, evil, chunk_bytes=8192)
        with Events(self.bridge, events_path(job)) as events:
            seen = list(events)
        self.check_ids(seen)
        self.assertEqual(b"".join(e.bytes() for e in seen), evil.encode())
        self.assertEqual(sum(e.name == "end" for e in seen), 1)
        self.assertEqual(len([e for e in seen if e.name == "delta"]), 1)

    def test_a_watcher_that_leaves_is_noticed_without_traffic(self):
        job = echo(self.bridge, "ab", chunk_bytes=1, pace_ms=60000)
        path = events_path(job)
        before = rig.metrics(self.bridge)["runnel_bridge_event_streams_open"]
        watchers = [Events(self.bridge, path) for _ in range(20)]
        for events in watchers:
            events.next("delta")
        metric = rig.metrics(self.bridge)
        self.assertEqual(metric["runnel_bridge_event_streams_open"],
                         before + 20)
        for events in watchers:
            events.close()
        self.bridge.until(lambda: rig.metrics(self.bridge)[
            "runnel_bridge_event_streams_open"] == before)
        self.bridge.until(
            lambda: rig.metrics(self.bridge)["runnel_bridge_topics_open"] == 0)
        request(self.bridge, "POST", "/v1/jobs/%s/cancel" % job)


class Restarts(unittest.TestCase):
    def setUp(self):
        self.core = Core()
        self.bridge = Bridge(self.core).ready()

    def tearDown(self):
        try:
            self.bridge.stop()
        finally:
            self.core.stop()

    def test_the_bridge_restarts_in_the_middle(self):
        job = echo(self.bridge, TEXT, chunk_bytes=40, pace_ms=2)
        seen = drop_after(self.bridge, events_path(job), 5)
        with Events(self.bridge, events_path(job), seen[-1].id) as events:
            seen.append(events.next())
            stopper = threading.Thread(target=self.bridge.stop)
            stopper.start()
            seen += list(events)
            self.assertFalse(events.cut)
            stopper.join()
        self.assertNotEqual(seen[-1].name, "end")
        self.bridge = Bridge(self.core).ready()
        with Events(self.bridge, events_path(job), seen[-1].id) as events:
            seen += list(events)
        self.assertEqual(seen[-1].name, "end")
        self.assertEqual(b"".join(e.bytes() for e in seen), TEXT.encode())

    def test_the_bridge_is_killed_in_the_middle(self):
        job = echo(self.bridge, TEXT, chunk_bytes=40, pace_ms=2)
        seen = []
        with Events(self.bridge, events_path(job)) as events:
            seen.append(events.next("delta"))
            self.bridge.stop(signal.SIGKILL, -signal.SIGKILL)
            seen += list(events)
        seen = [e for e in seen if e.id]
        self.bridge = Bridge(self.core).ready()
        with Events(self.bridge, events_path(job), seen[-1].id) as events:
            rest = list(events)
        whole = b"".join(e.bytes() for e in seen + rest)
        self.assertEqual(whole, TEXT.encode())

    def test_a_core_that_begins_anew_is_a_reset(self):
        job = echo(self.bridge, TEXT, chunk_bytes=1, pace_ms=1000)
        with Events(self.bridge, events_path(job)) as events:
            events.next("delta")
            address = self.core.address
            self.core.stop(signal.SIGKILL, -signal.SIGKILL)
            self.core = Core(listen=address)
            event = events.next("reset")
            self.assertEqual(event.id, "")
            self.assertEqual(list(events), [])
            self.assertFalse(events.cut)
        self.bridge.ready()
        answer = request(self.bridge, "GET", events_path(job))
        self.assertEqual(answer.status, 404)

    def test_a_core_that_keeps_its_data_is_gone_on_with(self):
        """The answer stays open over the restart, and nothing is missing or
        there twice, also when the core was killed."""
        for number, status in ((signal.SIGTERM, 0),
                               (signal.SIGKILL, -signal.SIGKILL)):
            job = echo(self.bridge, TEXT, chunk_bytes=40, pace_ms=2)
            with Events(self.bridge, events_path(job)) as events:
                seen = [events.next("delta") for _ in range(3)]
                first = int(seen[-1].id)
                self.core = self.core.restarted(number, status)
                rest = list(events)
                self.assertFalse(events.cut)
            self.assertEqual(rest[-1].name, "end")
            last = first
            for event in rest[:-1]:
                at = int(event.data.get("firstSequence", event.id))
                self.assertEqual(at, last + 1)
                last = int(event.id)
            self.bridge.ready()
            with Events(self.bridge, events_path(job), first) as again:
                self.assertEqual(b"".join(e.bytes() for e in again),
                                 b"".join(e.bytes() for e in rest))

    def test_bridge_and_core_are_killed_in_turn(self):
        """A reader that comes back with its last id gets each event once,
        whatever was killed, and however often."""
        job = echo(self.bridge, TEXT, chunk_bytes=40, pace_ms=5)
        seen = []
        for killed in (["bridge"], ["core"], ["core", "bridge"], []):
            last = seen[-1].id if seen else None
            with Events(self.bridge, events_path(job), last) as events:
                for event in events:
                    seen.append(event)
                    if killed:
                        self.kill(killed.pop(0))
        self.assertEqual(seen[-1].name, "end")
        last = 0
        for event in seen[:-1]:
            self.assertEqual(int(event.data.get("firstSequence", event.id)),
                             last + 1)
            last = int(event.id)
        self.assertEqual(b"".join(event.bytes() for event in seen),
                         output(self.bridge, job))

    def kill(self, which):
        if which == "core":
            self.core = self.core.restarted(signal.SIGKILL, -signal.SIGKILL)
        else:
            self.bridge.stop(signal.SIGKILL, -signal.SIGKILL)
            self.bridge = Bridge(self.core)
        self.bridge.ready()

    def test_output_of_a_job_that_is_lost_is_cut(self):
        job = echo(self.bridge, TEXT, chunk_bytes=1, pace_ms=1000)
        with Events(self.bridge, "/v1/jobs/%s/output" % job) as events:
            self.assertEqual(events.response.read1(1), b"l")
            address = self.core.address
            self.core.stop(signal.SIGKILL, -signal.SIGKILL)
            self.core = Core(listen=address)
            while events.line():
                pass
            self.assertTrue(events.cut)

    def test_the_core_is_away_and_comes_back(self):
        address = self.core.address
        self.core.stop()
        self.bridge.until(
            lambda: request(self.bridge, "GET", "/readyz").status == 503)
        for method, path in (("GET", "/v1/jobs"), ("GET", "/v1/info"),
                             ("GET", "/readyz"), ("POST", "/v1/jobs"),
                             ("GET", events_path(rig.NO_JOB)),
                             ("GET", "/v1/jobs/%s/output" % rig.NO_JOB),
                             ("GET", "/v1/streams/s/stats/events")):
            body = "{}" if method == "POST" else None
            answer = request(self.bridge, method, path, body)
            self.assertEqual(answer.status, 503, path)
            self.assertEqual(answer.headers["retry-after"], "1", path)
            self.assertEqual(answer.json()["code"], "UNAVAILABLE", path)
        self.assertEqual(request(self.bridge, "GET", "/healthz").status, 200)
        self.assertEqual(rig.metrics(self.bridge)["runnel_core_up"], 0)
        self.core = Core(listen=address)
        self.bridge.ready()
        self.assertEqual(request(self.bridge, "GET", "/v1/jobs").status, 200)
        self.assertEqual(rig.metrics(self.bridge)["runnel_core_up"], 1)

    def test_a_token_that_is_refused_is_shown_again(self):
        """Nobody asks a bridge that says that it is not ready: it has to find
        out by itself."""
        self.bridge.stop()
        self.core.stop()
        self.core = Core("--token", "right")
        self.bridge = Bridge(self.core, "--token", "right").ready()
        address = self.core.address
        self.core.stop()
        self.core = Core("--token", "other", listen=address)
        self.bridge.until(
            lambda: "code=UNAUTHENTICATED" in self.bridge.logged())
        answer = request(self.bridge, "GET", "/v1/jobs")
        self.assertEqual((answer.status, answer.json()["code"]),
                         (503, "UNAVAILABLE"))
        self.assertIn("does not admit this bridge", answer.json()["detail"])
        self.core.stop()
        self.core = Core("--token", "right", listen=address)
        self.bridge.ready()

    def test_a_drain_does_not_wait_for_idle_connections(self):
        """With the default of 10 s for what is under way, an idle connection
        of a browser would hold the process for as long."""
        import http.client
        idle = http.client.HTTPConnection(*self.bridge.target)
        idle.request("GET", "/healthz")
        idle.getresponse().read()
        job = echo(self.bridge, TEXT, chunk_bytes=1, pace_ms=1000)
        with Events(self.bridge, events_path(job)) as events:
            events.next("delta")
            said = self.bridge.stop()
            list(events)
            self.assertFalse(events.cut)
        self.assertNotIn("drain_cut", said)
        self.bridge = Bridge(self.core).ready()

    def test_a_second_signal_does_not_wait(self):
        with socket.create_connection(self.bridge.target) as unfinished:
            unfinished.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
            self.bridge.until(
                lambda: rig.metrics(self.bridge)[
                    "runnel_bridge_connections_open"] == 2)
            self.bridge.process.send_signal(signal.SIGTERM)
            self.bridge.until(lambda: "draining" in self.bridge.logged())
            self.bridge.stop(signal.SIGTERM, expect=-signal.SIGTERM)
        self.bridge = Bridge(self.core).ready()

    @unittest.skipIf("tsan" in rig.BIN, "ThreadSanitizer has a thread")
    def test_a_worker_is_a_thread(self):
        for count in 3, 1:
            self.bridge.stop()
            self.bridge = Bridge(self.core, "--threads", str(count)).ready()
            tasks = os.listdir("/proc/%d/task" % self.bridge.process.pid)
            self.assertEqual(len(tasks), count)

    def test_several_workers(self):
        self.bridge.stop()
        self.bridge = Bridge(self.core, "--threads", "3").ready()
        job = echo(self.bridge, TEXT, chunk_bytes=50, pace_ms=2)
        watchers = [Events(self.bridge, events_path(job)) for _ in range(30)]
        for events in watchers:
            self.assertEqual(b"".join(e.bytes() for e in events),
                             TEXT.encode())
            events.close()


if __name__ == "__main__":
    rig.main("__main__")
