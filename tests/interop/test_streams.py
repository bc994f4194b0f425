#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sketches of other programs through runneld: merged into streams by the
command line and over HTTP, exported, and read by the libraries that made them.
The layouts by themselves are in test_distinct.py and the others.

    test_streams.py BIN_DIR WORK_DIR [unittest arguments]

The packages are those of requirements.txt here; redis-server and Go are tried
where they are. Exit status 77: the packages are not there.
"""
import collections
import json
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "integration"))

import bridge_rig as rig
import go_ddsketch
from redis_server import RedisServer

try:
    import datasketches
    from ddsketch import DDSketch
    from ddsketch.pb.ddsketch_pb2 import DDSketch as DDSketchMessage
    from ddsketch.pb.proto import DDSketchProto
    from opentelemetry.proto.metrics.v1.metrics_pb2 import (
        ExponentialHistogramDataPoint)
    from otlp_sdk import sdk_points
except ImportError as error:
    print("%s; see requirements.txt" % error)
    sys.exit(77)

WORK = sys.argv[2]
DEADLINE_S = 60
# As in log_histogram.h.
ERROR = 0.0054152
GAMMA = 2 ** (1 / 64)


def setUpModule():
    global core, bridge
    core = rig.Core()
    bridge = rig.Bridge(core).ready()


def tearDownModule():
    bridge.stop()
    core.stop()


def runnel(*words, data=b"", refused=None):
    """Runs the command line; refused: what its error must say."""
    done = subprocess.run([os.path.join(rig.BIN, "runnel"), *words],
                          input=data, capture_output=True, timeout=DEADLINE_S,
                          env=rig.clean_env(RUNNEL_CORE=core.address))
    if refused is not None:
        assert done.returncode != 0 and refused in done.stderr.decode(), done
        return None
    assert done.returncode == 0, done
    return done.stdout


def create(name, *flags):
    runnel("stats", "create", name, *flags)


def merge(name, kind, form, sketch):
    """Merges by the command line; what the sketch counts."""
    answer = runnel("stats", "merge", name, "--kind", kind, "--format", form,
                    "--json", "-", data=sketch)
    return int(json.loads(answer).get("count", 0))


def post(name, kind, form, sketch):
    """The same over HTTP."""
    answer = rig.request(
        bridge, "POST", "/v1/streams/%s/sketches/%s?format=%s"
        % (name, kind, form), sketch,
        {"content-type": "application/octet-stream"})
    assert answer.status == 200, answer
    return int(answer.json().get("count", 0))


def export(name, kind, form):
    return runnel("stats", "export", name, kind, "--format", form)


def ingest(name, keys):
    runnel("ingest", name, "--format", "lines", "--quiet", "-",
           data="".join(key + "\n" for key in keys).encode())


def stats(name, window="all"):
    return json.loads(runnel("stats", "get", name, "--window", window,
                             "--json"))["stats"]


def keys(first, count):
    return ["user-%d" % i for i in range(first, first + count)]


@unittest.skipUnless(shutil.which("redis-server"),
                     "redis-server is not installed")
class Redis(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = RedisServer()

    @classmethod
    def tearDownClass(cls):
        cls.redis.close()

    def add(self, key, names):
        for i in range(0, len(names), 5000):
            self.redis("PFADD", key, *names[i:i + 5000])

    def test_a_hundred_thousand_keys_into_a_stream_and_back(self):
        create("redis", "--key-hash", "redis")
        ours, theirs = keys(0, 60000), keys(40000, 100000)
        self.add("ours", ours)
        self.add("theirs", theirs)
        self.redis("PFMERGE", "both", "ours", "theirs")
        ingest("redis", ours)
        self.assertEqual(round(stats("redis")["uniqueKeys"]["value"]),
                         self.redis("PFCOUNT", "ours"))
        merged = merge("redis", "unique", "redis", self.redis("GET", "theirs"))
        self.assertEqual(merged, self.redis("PFCOUNT", "theirs"))
        both = self.redis("PFCOUNT", "both")
        unique = stats("redis")["uniqueKeys"]
        self.assertEqual(round(unique["value"]), both)
        self.assertTrue(unique["lower"] <= 140000 <= unique["upper"], unique)
        # Every register is Redis' own; before them is a cached count.
        back = export("redis", "unique", "redis")
        self.assertEqual(back[16:], self.redis("GET", "both")[16:])
        self.redis("SET", "back", back)
        self.assertEqual(self.redis("PFCOUNT", "back"), both)
        self.add("more", keys(200000, 30000))
        self.redis("PFMERGE", "all", "back", "more")
        self.assertEqual(self.redis("PFCOUNT", "all"),
                         self.redis("PFCOUNT", "both", "more"))
        self.assertEqual(int(stats("redis")["count"]), 60000)
        # A window has no more than its events.
        self.assertEqual(round(stats("redis", "1m")["uniqueKeys"]["value"]),
                         self.redis("PFCOUNT", "ours"))

    def test_few_keys_and_again(self):
        create("redis-few", "--key-hash", "redis")
        self.add("few", keys(0, 50))
        for _ in range(2):
            self.assertEqual(post("redis-few", "unique", "redis_hyll",
                                  self.redis("GET", "few")),
                             self.redis("PFCOUNT", "few"))
        self.assertEqual(round(stats("redis-few")["uniqueKeys"]["value"]),
                         self.redis("PFCOUNT", "few"))

    def test_a_stream_with_another_hash_says_what_to_do(self):
        create("native")
        self.add("some", keys(0, 9))
        runnel("stats", "merge", "native", "--kind", "unique", "--format",
               "redis", "-", data=self.redis("GET", "some"),
               refused="created with key_hash REDIS")


class DataSketches(unittest.TestCase):
    @staticmethod
    def sketch(precision, names):
        made = datasketches.hll_sketch(precision, datasketches.HLL_4)
        for name in names:
            made.update(name)
        return made

    @staticmethod
    def united(*sketches):
        union = datasketches.hll_union(12)
        for sketch in sketches * 2:
            union.update(sketch)
        return union.get_estimate()

    def test_unique_keys_merge_here_as_there(self):
        for count in (5, 200, 100000):
            with self.subTest(count):
                name = "hll-%d" % count
                create(name, "--key-hash", "datasketches", "--precision", "12")
                theirs = self.sketch(12, keys(0, count))
                ours = self.sketch(12, keys(count // 2, count))
                ingest(name, keys(count // 2, count))
                merge(name, "unique", "datasketches",
                      theirs.serialize_compact())
                back = datasketches.hll_sketch.deserialize(
                    export(name, "unique", "datasketches"))
                self.assertEqual(self.united(back), self.united(theirs, ours))
                unique = stats(name)["uniqueKeys"]
                self.assertTrue(unique["lower"] <= count // 2 + count
                                <= unique["upper"], unique)

    def test_frequent_items_keep_their_bounds_here_and_back(self):
        chance = random.Random(3)
        stream = ["key-%d é" % int(20000 ** chance.random())
                  for _ in range(60000)]
        own = ["key-%d é" % i for i in range(300)] * 5
        true = collections.Counter(stream + own)
        theirs = datasketches.frequent_strings_sketch(7)
        for key in stream:
            theirs.update(key)
        create("items")
        ingest("items", own)
        self.assertEqual(merge("items", "frequency", "datasketches",
                               theirs.serialize()), len(stream))
        asked = [key for key, _ in true.most_common(50)] + keys(0, 3) + [
            "key-%d é" % i for i in range(0, 20000, 97)]
        answer = json.loads(runnel("stats", "freq", "items", "--json", *asked))
        self.assertEqual(int(answer["count"]), len(stream) + len(own))
        for key, found in zip(asked, answer["frequencies"]):
            self.assertLessEqual(int(found.get("lower", 0)), true[key])
            self.assertGreaterEqual(int(found["upper"]), true[key])
        self.assertGreaterEqual(stats("items")["uniqueKeys"]["upper"],
                                len(true))
        back = datasketches.frequent_strings_sketch.deserialize(
            export("items", "frequency", "datasketches"))
        self.assertEqual(back.total_weight, len(stream) + len(own))
        for key in asked:
            self.assertLessEqual(back.get_lower_bound(key), true[key])
            self.assertGreaterEqual(back.get_upper_bound(key), true[key])


def values(seed, count=4000):
    draw = random.Random(seed)
    return [draw.uniform(1, 3.9) for _ in range(count)]


class Distributions(unittest.TestCase):
    def check(self, distribution, true, sum_known):
        """What a stream says of values that came as buckets."""
        self.assertEqual(int(distribution["count"]), len(true))
        self.assertEqual(int(distribution["roughCount"]), len(true))
        for name, exact in (("sum", sum(true)),
                            ("mean", statistics.fmean(true)),
                            ("stddev", statistics.pstdev(true))):
            error = distribution.get(name + "Error", 0)
            if sum_known and name != "stddev":
                self.assertEqual(error, 0)
            else:
                self.assertGreater(error, 0)
            self.assertLessEqual(abs(distribution[name] - exact),
                                 error + 1e-9 * exact, name)
        for name, exact in (("min", min(true)), ("max", max(true))):
            self.assertLessEqual(abs(distribution[name] / exact - 1),
                                 0 if sum_known else ERROR * 1.0001)
        true = sorted(true)
        for quantile in distribution["quantiles"]:
            rank = max(1, -(-int(quantile["q"] * len(true) * 1000) // 1000))
            self.assertLessEqual(
                min(abs(quantile["value"] / true[at] - 1) for at in range(
                    max(0, rank - 2), min(len(true), rank + 1))),
                ERROR * 1.0001)

    @unittest.skipUnless(shutil.which("go"), "go is not installed")
    def test_ddsketch_of_go_and_back(self):
        program = go_ddsketch.build(WORK)
        true = values(1)
        for form in ("dense", "sparse"):
            sketch = subprocess.run(
                [program, form], input=struct.pack("<%dd" % len(true), *true),
                capture_output=True, timeout=DEADLINE_S, check=True).stdout
            create("go-" + form)
            self.assertEqual(post("go-" + form, "value", "ddsketch", sketch),
                             len(true))
            self.check(stats("go-" + form)["value"], true, False)
            read = subprocess.run(
                [program, "read"], input=export("go-" + form, "value",
                                                "ddsketch"),
                capture_output=True, timeout=DEADLINE_S, check=True).stdout
            found = dict(line.split() for line in read.decode().splitlines())
            self.assertEqual(int(found["count"]), len(true))
            middle = statistics.median(true)
            self.assertLess(abs(float.fromhex(found["q500"]) / middle - 1),
                            2 * ERROR)

    def test_ddsketch_of_python_and_back(self):
        """Its index is one more, which its messages can be made to say."""
        true = values(2)
        sketch = DDSketch((GAMMA - 1) / (GAMMA + 1))
        for value in true:
            sketch.add(value)
        message = DDSketchProto.to_proto(sketch)
        message.mapping.indexOffset += 1
        create("python")
        self.assertEqual(merge("python", "value", "ddsketch",
                               message.SerializeToString()), len(true))
        self.check(stats("python")["value"], true, False)
        message = DDSketchMessage.FromString(export("python", "value",
                                                    "ddsketch"))
        message.mapping.indexOffset -= 1
        back = DDSketchProto.from_proto(message)
        self.assertEqual(back.count, len(true))
        for q in (0.1, 0.5, 0.9, 0.99):
            self.assertAlmostEqual(
                back.get_quantile_value(q) / sketch.get_quantile_value(q), 1,
                places=6)

    def test_opentelemetry_and_back(self):
        true = values(3)
        [point] = sdk_points(true, 160)
        create("otel")
        self.assertEqual(post("otel", "latency", "otel_exponential",
                              point.SerializeToString()), len(true))
        self.check(stats("otel")["latencyMs"], true, True)
        back = ExponentialHistogramDataPoint.FromString(
            export("otel", "latency", "otel"))
        self.assertEqual(back.scale, point.scale)
        self.assertEqual((back.count, back.min, back.max),
                         (point.count, point.min, point.max))
        self.assertAlmostEqual(back.sum / point.sum, 1, places=14)
        self.assertEqual(back.positive.offset, point.positive.offset)
        counts = list(back.positive.bucket_counts)
        counts += [0] * (len(point.positive.bucket_counts) - len(counts))
        self.assertEqual(counts, list(point.positive.bucket_counts))

    def test_a_point_that_contradicts_itself_is_refused(self):
        [point] = sdk_points(values(4), 160)
        point.sum *= 2
        create("wrong")
        runnel("stats", "merge", "wrong", "--kind", "value", "--format",
               "otel", "-", data=point.SerializeToString(),
               refused="buckets add up to")
        self.assertEqual(int(stats("wrong")["value"]["count"]), 0)


class Runnel(unittest.TestCase):
    def test_two_streams_become_one(self):
        draw = random.Random(5)
        rows = ["k%d,%r,%r" % (int(200 * draw.random() ** 2),
                               draw.gauss(3, 50), draw.expovariate(0.1))
                for _ in range(6000)]
        for name, part in (("left", rows[:2500]), ("right", rows[2500:]),
                           ("whole", rows)):
            runnel("ingest", name, "-f", "csv", "-v", "value", "-l", "latency",
                   "--quiet", "-",
                   data=("key,value,latency\n" + "\n".join(part)).encode())
        for kind in ("frequency", "value", "latency"):
            post("right", kind, "runnel", export("left", kind, "runnel"))
        one, both = stats("whole"), stats("right")
        self.assertEqual(int(one["value"]["count"]), 6000)
        for name in ("count", "uniqueKeys", "topKeys", "value", "latencyMs"):
            self.assertEqual(both[name], one[name], name)
        for kind in ("unique", "frequency", "value", "latency"):
            self.assertEqual(export("right", kind, "runnel"),
                             export("whole", kind, "runnel"), kind)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
