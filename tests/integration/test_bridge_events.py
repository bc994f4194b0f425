#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several subscriptions in one answer, and events as lines of JSON.

    test_bridge_events.py BIN_DIR [unittest arguments]
"""
import json
import signal
import unittest

import bridge_rig as rig
from bridge_rig import Bridge, Core, Events, echo, request


def multi(*jobs):
    return "/v1/events?" + "&".join("job=" + job for job in jobs)


def output(bridge, job):
    return request(bridge, "GET", "/v1/jobs/%s/output" % job).body


def lines(bridge, path, **headers):
    """All lines of an answer as JSON."""
    headers["Accept"] = "application/x-ndjson"
    with Events(bridge, path, **headers) as events:
        assert events.status == 200, events.status
        kind = events.response.headers["content-type"]
        assert kind == "application/x-ndjson", kind
        out = []
        while line := events.line():
            assert line.endswith(b"\n"), line
            if line != b"\n":
                out.append(json.loads(line))
        assert not events.cut
        return out


class Multi(rig.Pair):
    def outputs(self, events):
        """The output of each job, as its events carry it."""
        out = {}
        for event in events:
            inner = rig.Event(event.name, json.dumps(
                event.data.get("event", {})), event.id)
            job = event.data["job"]
            out[job] = out.get(job, b"") + inner.bytes()
        return out

    def test_the_events_of_several_jobs(self):
        texts = ["%d:" % i + "abcdefgh" * 40 for i in range(10)]
        jobs = [echo(self.bridge, text, chunk_bytes=16, pace_ms=1)
                for text in texts]
        with Events(self.bridge, multi(*jobs)) as events:
            self.assertEqual(events.status, 200)
            seen = list(events)
            self.assertFalse(events.cut)
            self.assertEqual(events.retry, 1000)
        self.assertEqual(self.outputs(seen), {
            job: text.encode() for job, text in zip(jobs, texts)})
        ends = [e.data["job"] for e in seen if e.name == "end"]
        self.assertEqual(sorted(ends), sorted(jobs))
        self.check_order(seen)
        answer = request(self.bridge, "GET", multi(*jobs), headers={
            "Last-Event-ID": seen[-1].id})
        self.assertEqual(answer.status, 204)

    def check_order(self, events):
        """Of each job, each event once."""
        last = {}
        for event in events:
            inner = event.data.get("event")
            if event.name == "end" or inner is None:
                continue
            first = int(inner.get("firstSequence", inner["sequence"]))
            job = event.data["job"]
            self.assertEqual(first, last.get(job, 0) + 1)
            last[job] = int(inner["sequence"])

    def test_each_is_resumed_by_one_id(self):
        texts = [chr(ord("a") + i) * 300 for i in range(4)]
        jobs = [echo(self.bridge, text, chunk_bytes=10, pace_ms=1)
                for text in texts]
        for stride in (1, 2, 5, 23):
            seen, last = [], None
            while True:
                with Events(self.bridge, multi(*jobs), last) as events:
                    if events.status == 204:
                        break
                    for number, event in enumerate(events, 1):
                        seen.append(event)
                        last = event.id
                        if number == stride:
                            break
            self.check_order(seen)
            self.assertEqual(self.outputs(seen), {
                job: text.encode() for job, text in zip(jobs, texts)})
            self.assertEqual(
                sorted(e.data["job"] for e in seen if e.name == "end"),
                sorted(jobs))

    def test_after_in_the_query(self):
        jobs = [echo(self.bridge, "abc", chunk_bytes=1) for _ in range(2)]
        for job in jobs:
            rig.wait_end(self.bridge, job)
        with Events(self.bridge, multi(*jobs) + "&after=3,0") as events:
            seen = [e for e in events if e.data["job"] == jobs[0]]
        self.assertEqual(seen[0].data["event"]["sequence"], "4")

    def test_one_that_is_missing_does_not_end_the_others(self):
        job = echo(self.bridge, "abcd", chunk_bytes=1, pace_ms=5)
        with Events(self.bridge, multi(rig.NO_JOB, job)) as events:
            seen = list(events)
        reset, = [e for e in seen if e.name == "reset"]
        self.assertEqual(reset.data["job"], rig.NO_JOB)
        self.assertEqual(reset.data["event"]["code"], "NOT_FOUND")
        self.assertEqual(self.outputs(e for e in seen if e.name != "reset"),
                         {job: b"abcd"})
        # It is not asked for again.
        answer = request(self.bridge, "GET", multi(rig.NO_JOB, job), headers={
            "Last-Event-ID": seen[-1].id})
        self.assertEqual(answer.status, 204)

    def test_a_sequence_that_is_not_there_begins_that_job_anew(self):
        job = echo(self.bridge, "abc", chunk_bytes=1)
        rig.wait_end(self.bridge, job)
        with Events(self.bridge, multi(job) + "&after=1000") as events:
            seen = list(events)
        self.assertEqual(seen[0].name, "reset")
        self.assertEqual(seen[0].data["event"]["code"], "OUT_OF_RANGE")
        self.assertEqual(self.outputs(seen[1:]), {job: b"abc"})

    def test_an_end_that_was_missed_is_said_again(self):
        job = echo(self.bridge, "abc")
        last = rig.wait_end(self.bridge, job)["lastSequence"]
        with Events(self.bridge, multi(job) + "&after=" + last) as events:
            event, = list(events)
        self.assertEqual((event.name, event.data), ("end", {"job": job}))
        self.assertTrue(event.id.endswith(last + "e"))

    def test_what_is_asked_wrongly(self):
        job = echo(self.bridge, "abc")
        many = "&".join("job=%026d" % i for i in range(65))
        for query, field in (("", "job"), ("job=", "job"),
                             ("job=a&job=a", "job"), ("stream=", "stream"),
                             ("job=" + "x" * 300, "job"), (many, "job"),
                             ("job=%s&after=1,2" % job, "Last-Event-ID"),
                             ("job=%s&after=x" % job, "after"),
                             ("stream=s&interval_ms=x", "intervalMs"),
                             ("stream=s&depth=3", "depth")):
            answer = request(self.bridge, "GET", "/v1/events?" + query)
            self.assertEqual(answer.status, 400, query)
            got = answer.json()["violations"][0]["field"]
            self.assertIn(field.lower(), (got.lower(), got.replace(
                "_", "").lower()), query)

    def test_one_subscription_serves_all(self):
        """However many watch, and however they do, the core is asked once."""
        job = echo(self.bridge, "ab", chunk_bytes=1, pace_ms=60000)
        readers = [Events(self.bridge, multi(job)) for _ in range(5)]
        readers += [Events(self.bridge, "/v1/jobs/%s/events" % job)
                    for _ in range(5)]
        readers += [Events(self.bridge, "/v1/jobs/%s/events" % job,
                           Accept="application/x-ndjson") for _ in range(5)]
        for reader in readers[:10]:
            reader.next("delta")
        metric = rig.metrics(self.bridge)
        self.assertEqual(metric["runnel_bridge_topics_open"], 1)
        self.assertEqual(metric["runnel_bridge_event_streams_open"], 15)
        request(self.bridge, "POST", "/v1/jobs/%s/cancel" % job)
        for reader in readers[:10]:
            self.assertEqual(list(reader)[-1].name, "end")
        for reader in readers:
            reader.close()
        self.bridge.until(lambda: rig.metrics(self.bridge)[
            "runnel_bridge_topics_open"] == 0)

    def test_ten_tabs_of_which_one_does_not_read(self):
        """Ten answers of twenty jobs and a stream; one takes nothing for as
        long as the others read, keeps no memory meanwhile, and gets all."""
        jobs = [echo(self.bridge, "%02d" % i + "x" * 200000, chunk_bytes=8000)
                for i in range(20)]
        for job in jobs:
            rig.wait_end(self.bridge, job)
        path = multi(*jobs)
        before = self.bridge.rss_kib()
        stuck = [Events(self.bridge, path, receive_bytes=4096)]
        tabs = [Events(self.bridge, path) for _ in range(9)]
        want = {job: output(self.bridge, job) for job in jobs}
        for tab in tabs:
            seen = list(tab)
            self.assertFalse(tab.cut)
            self.assertEqual(self.outputs(seen), want)
            self.check_order(seen)
        grown = self.bridge.rss_kib() - before
        print("4 MB that are not read: %d KiB" % grown)
        if "asan" not in rig.BIN and "tsan" not in rig.BIN:
            self.assertLess(grown, 20 * 1024)
        seen = list(stuck[0])
        self.assertEqual(self.outputs(seen), want)
        self.check_order(seen)
        for tab in stuck + tabs:
            tab.close()

    def test_tabs_that_are_closed_leave_nothing(self):
        """Not at the bridge, and not at the core."""
        jobs = [echo(self.bridge, "abc", chunk_bytes=1, pace_ms=60000)
                for _ in range(20)]
        path = multi(*jobs) + "&stream=_rpc"
        for _ in range(3):
            tabs = [Events(self.bridge, path) for _ in range(10)]
            for tab in tabs:
                tab.next("delta")
            metric = rig.metrics(self.bridge)
            self.assertEqual(metric["runnel_bridge_topics_open"], 21)
            self.assertEqual(metric["runnel_bridge_event_streams_open"], 10)
            for tab in tabs:
                tab.close()
            self.bridge.until(lambda: self.left() == [0, 0, 1, 1])

    def left(self):
        """Topics, answers and connections of the bridge, and calls of the
        core; one of each of the last two is that of who asks."""
        metric = rig.metrics(self.bridge)
        return [metric["runnel_bridge_" + name + "_open"] for name in (
            "topics", "event_streams", "connections")] + [
                request(self.bridge, "GET", "/v1/info").json()["streamsOpen"]]


class Lines(rig.Pair):
    def test_a_job_as_lines(self):
        job = echo(self.bridge, "line\nof text ü", chunk_bytes=4)
        with Events(self.bridge, "/v1/jobs/%s/events" % job) as events:
            want = [{"event": e.name, "id": e.id, "data": e.data}
                    for e in events]
        self.assertEqual(lines(self.bridge, "/v1/jobs/%s/events" % job), want)
        path = "/v1/jobs/%s/events?after=%s" % (job, want[2]["id"])
        self.assertEqual(lines(self.bridge, path), want[3:])

    def test_several_jobs_as_lines(self):
        jobs = [echo(self.bridge, "abc", chunk_bytes=1) for _ in range(3)]
        got = lines(self.bridge, multi(*jobs))
        self.assertEqual(sorted(line["data"]["job"] for line in got
                                if line["event"] == "end"), sorted(jobs))

    def test_a_reset_as_a_line(self):
        job = echo(self.bridge, "abc")
        rig.wait_end(self.bridge, job)
        got, = lines(self.bridge, "/v1/jobs/%s/events?after=99" % job)
        self.assertEqual((got["event"], got["id"]), ("reset", ""))


class Restarts(unittest.TestCase):
    def test_a_core_that_begins_anew(self):
        core = Core()
        bridge = Bridge(core).ready()
        jobs = [echo(bridge, "ab", chunk_bytes=1, pace_ms=60000)
                for _ in range(3)]
        with Events(bridge, multi(*jobs)) as events:
            for _ in jobs:
                events.next("delta")
            address = core.address
            core.stop(signal.SIGKILL, -signal.SIGKILL)
            core = Core(listen=address)
            seen = list(events)
            self.assertFalse(events.cut)
        resets = [(e.data["job"], e.data["event"]["code"]) for e in seen
                  if e.name == "reset"]
        for job in jobs:
            self.assertEqual([code for name, code in resets if name == job],
                             ["OUT_OF_RANGE", "NOT_FOUND"])
        bridge.stop()
        core.stop()

    def test_the_core_is_away(self):
        core = Core()
        bridge = Bridge(core).ready()
        core.stop()
        bridge.until(lambda: request(bridge, "GET", "/readyz").status == 503)
        answer = request(bridge, "GET", multi(rig.NO_JOB))
        self.assertEqual((answer.status, answer.headers["retry-after"]),
                         (503, "1"))
        bridge.stop()


if __name__ == "__main__":
    rig.main("__main__")
