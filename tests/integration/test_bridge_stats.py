#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Statistics over HTTP: streams, events in every format, answers, and their
server-sent events.

    test_bridge_stats.py BIN_DIR [unittest arguments]
"""
import base64
import json
import signal
import struct
import unittest

import bridge_rig as rig
from bridge_rig import Bridge, Core, Events, request

EVENTS = [("home", 3.5, 12.0), ("help", 1.0, 40.5), ("home", -2.0, 0.0),
          ("ünï", 0.0, 7.25), ("home", 1e6, 3.0)]


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, data):
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def protobuf(stream):
    """EVENTS as a runnel.v1.EventBatch."""
    keys = list(dict.fromkeys(key for key, _, _ in EVENTS))
    return (field(1, stream.encode()) if stream else b"") + b"".join((
        field(2, b"".join(key.encode() for key in keys)),
        field(3, b"".join(varint(len(key.encode())) for key in keys)),
        field(4, b"".join(struct.pack("<I", keys.index(key))
                          for key, _, _ in EVENTS)),
        field(5, b"".join(struct.pack("<d", value)
                          for _, value, _ in EVENTS)),
        field(6, b"".join(struct.pack("<f", latency)
                          for _, _, latency in EVENTS))))


def objects():
    return [{"key": key, "value": value, "latencyMs": latency}
            for key, value, latency in EVENTS]


def table(separator):
    rows = [("key", "value", "latency_ms")] + EVENTS
    return "".join(separator.join(str(cell) for cell in row) + "\r\n"
                   for row in rows).encode()


FORMATS = {
    "application/json": json.dumps({"events": objects()}).encode(),
    "application/x-ndjson": "\n".join(map(json.dumps, objects())).encode(),
    "application/jsonl": ("\n\n".join(map(json.dumps, objects()))
                          + "\n\n").encode(),
    "text/csv": table(","),
    "text/csv; charset=utf-8": table(","),
    "text/tab-separated-values": table("\t"),
    "application/x-protobuf": protobuf(""),
}


class Stats(rig.Pair):
    def get(self, path):
        answer = request(self.bridge, "GET", path)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def ingest(self, stream, *events, query=""):
        body = json.dumps({"events": [dict(event) for event in events]})
        answer = request(self.bridge, "POST",
                         "/v1/streams/%s/events%s" % (stream, query), body)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def refused(self, stream, kind, body, query=""):
        answer = request(self.bridge, "POST", "/v1/streams/%s/events%s"
                         % (stream, query), body, {"content-type": kind})
        self.assertEqual(answer.status, 400, answer)
        violations = answer.json().get("violations", [{"field": ""}])
        return violations[0]["field"]


class Streams(Stats):
    def test_the_life_of_a_stream(self):
        config = {"name": "life", "windowSeconds": [60]}
        answer = request(self.bridge, "POST", "/v1/streams", config=config)
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.headers["location"], "/v1/streams/life")
        self.assertEqual(answer.json()["stream"]["config"]["windowSeconds"],
                         [60])
        again = request(self.bridge, "POST", "/v1/streams", config=config)
        self.assertEqual((again.status, again.json()["existing"]),
                         (200, True))
        other = request(self.bridge, "POST", "/v1/streams", config=dict(
            config, windowSeconds=[61]))
        self.assertEqual((other.status, other.json()["code"]),
                         (409, "ALREADY_EXISTS"))
        names = [s["config"]["name"]
                 for s in self.get("/v1/streams")["streams"]]
        self.assertIn("life", names)
        self.assertEqual(request(self.bridge, "DELETE",
                                 "/v1/streams/life").status, 200)
        for path in ("", "/stats", "/stats/events", "/frequency?key=a"):
            answer = request(self.bridge, "GET", "/v1/streams/life" + path)
            self.assertEqual(answer.status, 404, path)

    def test_lists_in_pages(self):
        names = {"page-%d" % i for i in range(5)}
        for name in names:
            self.ingest(name, {"key": "a"})
        seen, token = [], ""
        while True:
            page = self.get("/v1/streams?page_size=2&page_token=" + token)
            seen += [s["config"]["name"] for s in page.get("streams", [])]
            token = page.get("nextPageToken", "")
            if not token:
                break
        self.assertEqual(len(seen), len(set(seen)))
        self.assertLessEqual(names, set(seen))

    def test_configurations_that_are_refused(self):
        for config, name in (({}, "name"), ({"name": "a b"}, "name"),
                             ({"name": "a", "windowSeconds": [0]}, "window"),
                             ({"name": "a", "uniquePrecision": 3}, "unique"),
                             ({"name": "a", "topCapacity": 1001}, "top"),
                             ({"name": "a", "keyHash": "KEY_HASH_MD5"},
                              "keyHash"),
                             ({"name": "a", "windows": []}, "windows")):
            answer = request(self.bridge, "POST", "/v1/streams",
                             config=config)
            self.assertEqual(answer.status, 400, config)
            self.assertIn(name, answer.json()["violations"][0]["field"])


class Ingest(Stats):
    def test_every_format_gives_the_same(self):
        expected = None
        for number, (kind, body) in enumerate(FORMATS.items()):
            stream = "format-%d" % number
            answer = request(self.bridge, "POST", "/v1/streams/%s/events"
                             % stream, body, {"content-type": kind})
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.json(), {"acceptedEvents": 5})
            stats = self.get("/v1/streams/%s/stats" % stream)["stats"]
            got = [stats["count"], stats["uniqueKeys"]["value"],
                   sorted((k["key"], k["count"]) for k in stats["topKeys"]),
                   {k: stats["value"][k] for k in ("count", "sum", "min",
                                                   "max", "mean")},
                   {k: stats["latencyMs"][k] for k in ("count", "sum",
                                                       "max")}]
            expected = expected or got
            self.assertEqual(got, expected, kind)
        self.assertEqual(expected[0], "5")
        self.assertEqual(expected[2], [("help", "1"), ("home", "3"),
                                       ("ünï", "1")])
        self.assertEqual(expected[3]["sum"], 1000002.5)

    def test_columns_are_chosen(self):
        body = 'who,"how, much",when\r\nann,5,2026-01-31T12:00:00Z\r\n'
        answer = request(
            self.bridge, "POST", "/v1/streams/columns/events?key=who"
            "&value=how%2C+much&time=when", body,
            {"content-type": "text/csv"})
        self.assertEqual(answer.status, 200, answer)
        stats = self.get("/v1/streams/columns/stats")["stats"]
        self.assertEqual(stats["value"]["sum"], 5)

    def test_a_repeated_batch_counts_once(self):
        query = "?producer_id=p1&producer_sequence=7"
        first = self.ingest("twice", {"key": "a"}, query=query)
        again = self.ingest("twice", {"key": "a"}, query=query)
        self.assertNotIn("duplicate", first)
        self.assertTrue(again["duplicate"])
        other = request(self.bridge, "POST", "/v1/streams/twice/events" + query,
                        '{"events":[{"key":"b"}]}',
                        {"content-type": "application/json"})
        self.assertEqual((other.status, other.json()["code"]),
                         (409, "ALREADY_EXISTS"), other)
        self.assertIn("producer_sequence", other.json()["detail"])
        stats = self.get("/v1/streams/twice/stats")["stats"]
        self.assertEqual((stats["count"], stats["duplicateBatches"]),
                         ("1", "1"))

    def test_late_events_are_counted(self):
        self.ingest("late", {"key": "a"})
        answer = self.ingest("late", {"key": "a",
                                      "time": "2001-01-01T00:00:00Z"})
        self.assertEqual(answer, {"acceptedEvents": 1, "lateEvents": 1})

    def test_what_is_wrong_is_named(self):
        ndjson, csv = "application/x-ndjson", "text/csv"
        for kind, body, where in (
                ("application/json", '{"events":[{"key":1}]}',
                 "events[0].key"),
                ("application/json", '{"events":[{"key":"a"},{"value":1}]}',
                 "events[1].key"),
                ("application/json",
                 '{"events":[{"key":"a","value":1},{"key":"b"}]}',
                 "events[1].value"),
                ("application/json", '{"events":[{"key":"a","x":1}]}',
                 "events[0].x"),
                ("application/json",
                 '{"events":[{"key":"a","time":"noon"}]}', "events[0].time"),
                ("application/json", '{"events":[{"key":"%s"}]}'
                 % ("k" * 257), "events[0].key"),
                ("application/json", '{"events":[]}', ""),
                ("application/json", "[]", ""),
                (ndjson, '{"key":"a"}\n{"key":', "line 2"),
                (ndjson, '{"key":"a"}\n\n7', "line 3"),
                (csv, "key,value\na,1\nb,x\n", "line 3, value"),
                (csv, "name,value\na,1\n", "line 1"),
                (csv, 'key\n"a\n', "line"), (csv, "", ""),
                (csv, "key,value\na,1\na,nan\n", "line 3, value"),
                (csv, "key,value\na,1e999\n", "line 2, value"),
                (csv, "key,latency_ms\na,-1\n", "line 2, latencyMs"),
                (ndjson, '{"key":"a","latencyMs":1e39}',
                 "line 1, latencyMs"),
                (ndjson, '{"key":"a","value":1e400}', "line 1")):
            got = self.refused("wrong", kind, body)
            self.assertIn(where, got, body)
        for query, name in (("?nope=1", "nope"), ("?key=x", "x"), ("?time=", "time"),
                            ("?producer_id=", "producer_id"),
                            ("?producer_sequence=0", "producer_sequence"),
                            ("?producer_sequence=1", "producer_id"),
                            ("?producer_id=p", "producer_sequence")):
            got = self.refused("wrong", csv, "key\na\n", query)
            self.assertIn(name, got, query)
        self.refused("wrong", "application/x-protobuf", b"\xff\xff")
        self.assertEqual(self.refused("wrong", "application/x-protobuf",
                                      protobuf("other")), "stream")
        # Nothing of a batch that is refused is taken.
        answer = request(self.bridge, "GET", "/v1/streams/wrong")
        self.assertEqual(answer.status, 404)

    def test_another_type(self):
        answer = request(self.bridge, "POST", "/v1/streams/s/events", "x",
                         {"content-type": "text/plain"})
        self.assertEqual(answer.status, 415)
        for kind in ("application/json", "text/csv"):
            self.assertIn(kind, answer.json()["detail"])

    def test_as_many_events_as_a_batch_takes(self):
        lines = "key\n" + "k\n" * 65536
        answer = request(self.bridge, "POST", "/v1/streams/full/events",
                         lines, {"content-type": "text/csv"})
        self.assertEqual(answer.json(), {"acceptedEvents": 65536})
        where = self.refused("full", "text/csv", lines + "k\n")
        self.assertIn("65538", where)


class Answers(Stats):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        answer = request(cls.bridge, "POST", "/v1/streams/web/events",
                         FORMATS["application/json"])
        assert answer.status == 200, answer

    def test_windows(self):
        for window, seconds in (("", None), ("all", None), ("60", 60),
                                ("60s", 60), ("1m", 60), ("5m", 300),
                                ("1h", 3600)):
            stats = self.get("/v1/streams/web/stats" + (
                "?window=" + window if window else ""))["stats"]
            self.assertEqual(stats.get("windowSeconds"), seconds)
            self.assertEqual(stats["count"], "5")
        same = self.get("/v1/streams/web/stats?window_seconds=60")["stats"]
        self.assertEqual(same["windowSeconds"], 60)
        for window in ("7", "x", "-1", "99999999999", "1w", ""):
            answer = request(self.bridge, "GET",
                             "/v1/streams/web/stats?window=" + window)
            self.assertEqual(answer.status, 400, window)
            self.assertIn("window", answer.json()["violations"][0]["field"])

    def test_top(self):
        stats = self.get("/v1/streams/web/stats?top=1")["stats"]
        self.assertEqual([k["key"] for k in stats["topKeys"]], ["home"])

    def test_frequency(self):
        got = self.get("/v1/streams/web/frequency?key=home&keys=%C3%BCn%C3"
                       "%AF&key=none")
        self.assertEqual([(f["key"], f.get("count", "0"))
                          for f in got["frequencies"]],
                         [("home", "3"), ("ünï", "1"), ("none", "0")])
        self.assertEqual(got["count"], "5")

    def test_quantiles_and_rank(self):
        got = self.get("/v1/streams/web/quantiles?metric=value&q=0&q=0.5&q=1")
        values = [q.get("value", 0) for q in got["quantiles"]]
        self.assertEqual((values[0], values[2]), (-2, 1e6))
        self.assertAlmostEqual(values[1], 1, delta=got["relativeError"])
        got = self.get("/v1/streams/web/rank?metric=METRIC_VALUE&value=-3"
                       "&value=1e9")
        self.assertEqual(got["ranks"], [0, 1])

    def test_what_is_wrong_is_named(self):
        for path, name in (("frequency", "keys"), ("quantiles?q=1", "metric"),
                           ("quantiles?metric=value", "q"),
                           ("quantiles?metric=value&q=2", "q"),
                           ("quantiles?metric=size&q=1", "metric"),
                           ("rank?metric=value&value=x", "value"),
                           ("rank?metric=value&value=Infinity", "values"),
                           ("stats?top=x", "top"),
                           ("stats/events?interval_ms=1", "interval"),
                           ("stats/events?interval_ms=3600001", "interval"),
                           ("stats/events?window=7", "window"),
                           ("stats/events?top=101", "top"),
                           ("stats/events?nope=1", "nope")):
            answer = request(self.bridge, "GET", "/v1/streams/web/" + path)
            self.assertEqual(answer.status, 400, path)
            self.assertIn(name, answer.json()["violations"][0]["field"].
                          lower(), path)

    def test_sketches(self):
        path = "/v1/streams/web/sketches/"
        for kind, form, start in (
                ("unique", "runnel", b""), ("unique", "redis_hyll", b"HYLL"),
                ("SKETCH_KIND_VALUE", "SKETCH_FORMAT_RUNNEL", b""),
                ("latency", "runnel", b"")):
            answer = request(self.bridge, "GET", path + kind + "?window=1m"
                             "&format=" + form)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.headers["content-type"],
                             "application/octet-stream")
            self.assertTrue(answer.body.startswith(start) and answer.body)
        for wrong, name in (("shape?format=runnel", "kind"),
                            ("unique", "format"), ("unique?format=x",
                                                   "format"),
                            ("unique?format=ddsketch", "format")):
            answer = request(self.bridge, "GET", path + wrong)
            self.assertEqual(answer.status, 400, wrong)
            self.assertEqual(answer.json()["violations"][0]["field"], name)

    def merge(self, path, body, kind="application/octet-stream"):
        return request(self.bridge, "POST", path, body, {"content-type": kind})

    def test_merges(self):
        self.assertEqual(request(self.bridge, "POST", "/v1/streams", config={
            "name": "sum"}).status, 201)
        path = "/v1/streams/sum/sketches/"
        for kind in ("frequency", "value", "latency"):
            sketch = request(self.bridge, "GET", "/v1/streams/web/sketches/"
                             + kind + "?format=runnel").body
            once = path + kind + "?format=runnel&producer_id=%s" \
                "&producer_sequence=1" % kind
            answer = self.merge(once, sketch)
            self.assertEqual(answer.status, 200, answer)
            self.assertNotIn("duplicate", answer.json())
            self.assertTrue(self.merge(once, sketch).json()["duplicate"])
        one = self.get("/v1/streams/web/stats")["stats"]
        both = self.get("/v1/streams/sum/stats")["stats"]
        for name in ("count", "topKeys", "value", "latencyMs"):
            self.assertEqual(both[name], one[name], name)
        # The other way to give it: JSON.
        answer = self.merge(path + "latency", json.dumps({
            "format": "SKETCH_FORMAT_RUNNEL",
            "sketch": base64.b64encode(sketch).decode()}), "application/json")
        self.assertEqual(answer.json()["count"], one["latencyMs"]["count"])
        for where, body, field in (
                ("latency?format=runnel", sketch[:-1], "sketch"),
                ("latency", sketch, "format"),
                ("shape?format=runnel", sketch, "kind"),
                ("unique?format=ddsketch", sketch, "format"),
                ("latency?format=runnel&sketch=AA==", sketch, "sketch"),
                ("latency?format=runnel&producer_id=p", sketch,
                 "producer_sequence"),
                ("latency?format=runnel&producer_sequence=1", sketch,
                 "producer_id")):
            answer = self.merge(path + where, body)
            self.assertEqual(answer.status, 400, where)
            self.assertEqual(answer.json()["violations"][0]["field"], field)
        answer = self.merge(path + "latency?format=runnel", sketch,
                            "application/x-www-form-urlencoded")
        self.assertEqual(answer.status, 415)
        answer = self.merge("/v1/streams/nobody/sketches/latency?format=runnel",
                            sketch)
        self.assertEqual(answer.status, 404)


class Following(Stats):
    PATH = "/v1/streams/%s/stats/events?interval_ms=100"

    def count(self, event):
        """Events over all time in a snapshot, None when it has not them."""
        for window in event.data["windows"]:
            if "windowSeconds" not in window:
                return int(window.get("count", 0))
        return None

    def until_count(self, events, want):
        for event in events:
            if event.name == "stats" and self.count(event) == want:
                return event
        raise AssertionError("the events ended")

    def test_snapshots_come_as_it_changes(self):
        self.ingest("live", {"key": "a"})
        with Events(self.bridge, self.PATH % "live") as events:
            first = events.next("stats")
            self.assertEqual(len(first.data["windows"]), 4)
            self.assertEqual(first.id, "")
            for count in (2, 3, 4):
                self.ingest("live", {"key": "a"})
                self.until_count(events, count)

    def test_who_comes_late_sees_all_windows_at_once(self):
        self.ingest("late2", {"key": "a"})
        path = self.PATH % "late2" + "&window=1m&window=all"
        with Events(self.bridge, path) as early:
            early.next("stats")
            self.ingest("late2", {"key": "a"})
            self.until_count(early, 2)
            with Events(self.bridge, path) as late:
                event = late.next("stats")
                self.assertEqual(self.count(event), 2)
                self.assertEqual(len(event.data["windows"]), 2)
            metric = rig.metrics(self.bridge)
            self.assertEqual(metric["runnel_bridge_topics_open"], 1)

    def anomalies(self, stream, *values):
        request(self.bridge, "POST", "/v1/streams", config={
            "name": stream, "valueThreshold": 100,
            "valueThresholdSet": True})
        self.ingest(stream, *({"key": "k%d" % value, "value": value}
                              for value in values))

    def test_anomalies_resume_by_their_id(self):
        self.anomalies("odd", 101, 102, 5, 103)
        path = self.PATH % "odd"
        with Events(self.bridge, path) as events:
            seen = [events.next("anomaly") for _ in range(3)]
        self.assertEqual([e.data["observed"] for e in seen], [101, 102, 103])
        for at, event in enumerate(seen[:-1]):
            self.assertRegex(event.id, "^[0-9a-f]{8}/%d$" % (at + 1))
            for after in ({"last_id": event.id}, {"query": event.id},
                          {"query": str(at + 1)}):
                query = "&after=" + after["query"] if "query" in after else ""
                with Events(self.bridge, path + query,
                            after.get("last_id")) as events:
                    self.assertEqual(events.next("anomaly").data,
                                     seen[at + 1].data)
        # One that is found while it is followed, by two at different places.
        with Events(self.bridge, path, seen[2].id) as one, Events(
                self.bridge, path, seen[1].id) as other:
            self.assertEqual(one.next().name, "stats")
            self.assertEqual(other.next("anomaly").data, seen[2].data)
            self.anomalies("odd", 104)
            for events in (one, other):
                self.assertEqual(events.next("anomaly").data["observed"], 104)

    def test_an_id_of_another_store_is_a_reset(self):
        self.anomalies("epoch", 101)
        with Events(self.bridge, self.PATH % "epoch",
                    "00000000/5") as events:
            event, = list(events)
        self.assertEqual((event.name, event.id), ("reset", ""))
        self.assertEqual(event.data["code"], "OUT_OF_RANGE")
        with Events(self.bridge, "/v1/events?stream=epoch&interval_ms=100",
                    "00000000/5") as events:
            self.assertEqual(events.next().name, "reset")
            event = events.next("anomaly")
        self.assertEqual(event.data["event"]["observed"], 101)

    def test_a_stream_that_is_deleted_is_a_reset(self):
        self.ingest("gone", {"key": "a"})
        with Events(self.bridge, self.PATH % "gone") as events, Events(
                self.bridge, "/v1/events?stream=gone") as several:
            events.next("stats")
            several.next("stats")
            request(self.bridge, "DELETE", "/v1/streams/gone")
            event, = [e for e in events if e.name != "stats"]
            self.assertEqual((event.name, event.data["code"]),
                             ("reset", "NOT_FOUND"))
            last = list(several)[-1]
            self.assertEqual(last.data["stream"], "gone")
            self.assertEqual(last.name, "reset")

    def test_what_the_core_refuses_of_one_of_several(self):
        """The others go on; it is told why, and not asked for again."""
        self.ingest("good", {"key": "a"})
        path = "/v1/events?stream=bad%20name&stream=good&interval_ms=100"
        with Events(self.bridge, path) as events:
            both = {event.name: event for _, event in zip(range(2), events)}
        self.assertEqual(both["reset"].data["stream"], "bad name")
        self.assertEqual(both["reset"].data["event"]["code"],
                         "INVALID_ARGUMENT")
        self.assertEqual(both["stats"].data["stream"], "good")
        self.assertRegex(both["reset"].id, "/0e,0$")
        answer = request(self.bridge, "GET",
                         "/v1/events?stream=good&interval_ms=1")
        self.assertEqual(answer.status, 400)

    def test_jobs_and_streams_in_one_answer(self):
        self.ingest("mixed", {"key": "a"})
        job = rig.echo(self.bridge, "abc", chunk_bytes=1)
        path = "/v1/events?stream=mixed&interval_ms=100&top=1&job=" + job
        with Events(self.bridge, path) as events:
            seen = {}
            while seen.get("end", 0) < 1 or seen.get("stats", 0) < 1:
                event = events.next()
                seen[event.name] = seen.get(event.name, 0) + 1
            self.ingest("mixed", {"key": "b"})
            while True:
                event = events.next("stats")
                if self.count(rig.Event("", json.dumps(event.data["event"]),
                                        "")) == 2:
                    break
            last = event.id
        self.assertRegex(last, r"^[0-9a-f]{8}/0,\d+e$")
        with Events(self.bridge, path, last) as events:
            self.assertEqual(events.next().name, "stats")

    def test_who_stopped_reading_gets_the_newest_at_once(self):
        """Snapshots of some 300 KB: the ring of a stream holds three. What it
        is given instead must not wait for the next change."""
        keys = [{"key": "%04d" % i + "k" * 200} for i in range(1000)]
        request(self.bridge, "POST", "/v1/streams", config={
            "name": "large", "windowSeconds": [86400], "topCapacity": 1000})
        self.ingest("large", *keys)
        path = self.PATH % "large" + "&top=1000&window=all"
        with Events(self.bridge, path, receive_bytes=4096) as slow, Events(
                self.bridge, path) as quick:
            slow.next("stats")
            quick.next("stats")
            count = 1000
            for _ in range(12):
                self.ingest("large", {"key": "x"})
                count += 1
                self.until_count(quick, count)
            self.until_count(slow, count)
            # Not by the wake-up that a keep-alive is.
            self.assertEqual(slow.comments, 0)


class Restarts(unittest.TestCase):
    def test_what_was_merged_survives_a_kill_and_counts_once(self):
        core = Core()
        bridge = Bridge(core).ready()
        request(bridge, "POST", "/v1/streams", config={"name": "sum"})
        request(bridge, "POST", "/v1/streams/web/events",
                FORMATS["application/json"])
        merges = []
        for kind, form in (("frequency", "datasketches"), ("unique", "runnel"),
                           ("value", "ddsketch"),
                           ("latency", "otel_exponential")):
            sketch = request(bridge, "GET", "/v1/streams/web/sketches/%s"
                             "?format=%s" % (kind, form)).body
            merges.append(("/v1/streams/sum/sketches/%s?format=%s&producer_id="
                           "%s&producer_sequence=1" % (kind, form, kind),
                           sketch))

        def merge():
            return [request(bridge, "POST", path, sketch, {
                "content-type": "application/octet-stream"}).json()
                    for path, sketch in merges]

        self.assertNotIn({"duplicate": True}, merge())
        before = request(bridge, "GET", "/v1/streams/sum/stats").json()
        self.assertEqual(before["stats"]["value"]["roughCount"],
                         before["stats"]["value"]["count"])
        core = core.restarted(signal.SIGKILL, -signal.SIGKILL)
        bridge.ready()
        self.assertEqual(request(bridge, "GET", "/v1/streams/sum/stats").json(),
                         before)
        self.assertEqual(merge(), [{"duplicate": True}] * 4)
        bridge.stop()
        core.stop()

    def test_a_core_that_begins_anew_is_a_reset(self):
        core = Core()
        bridge = Bridge(core).ready()
        body = FORMATS["application/json"]
        request(bridge, "POST", "/v1/streams/s/events", body)
        with Events(bridge, "/v1/streams/s/stats/events") as events, Events(
                bridge, "/v1/events?stream=s") as several:
            events.next("stats")
            several.next("stats")
            address = core.address
            core.stop(signal.SIGKILL, -signal.SIGKILL)
            core = Core(listen=address)
            events.next("reset")
            self.assertEqual(list(events), [])
            self.assertEqual([e.data["event"]["code"] for e in several
                              if e.name == "reset"],
                             ["OUT_OF_RANGE", "NOT_FOUND"])
        bridge.stop()
        core.stop()


if __name__ == "__main__":
    rig.main("__main__")
