#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our moments and log histogram against exact fractions, and as sketches of
other people's libraries: Datadog's DDSketch in Python and in Go, and
OpenTelemetry's exponential histogram, each reading ours and writing what we
read.

    test_distributions.py TOOL WORK_DIR [unittest arguments]

TOOL is bin/dist_tool. The packages are those of requirements.txt here; Go is
tried where it is. Exit status 77: the packages are not there.
"""
import os
import math
import random
import shutil
import struct
import subprocess
import sys
import unittest
from fractions import Fraction

import go_ddsketch

try:
    from ddsketch import DDSketch
    from ddsketch.pb.ddsketch_pb2 import DDSketch as DDSketchMessage
    from ddsketch.pb.proto import DDSketchProto
    from opentelemetry.proto.metrics.v1.metrics_pb2 import (
        ExponentialHistogramDataPoint)
    from otlp_sdk import sdk_points
except ImportError as error:
    print("%s; see requirements.txt" % error)
    sys.exit(77)

TOOL, WORK = sys.argv[1:3]
DEADLINE_S = 60

# As in log_histogram.h.
ERROR = 0.0054152
GAMMA = 2 ** (1 / 64)


def columns():
    """Name and values of each kind of column."""
    draw = random.Random(4)
    count = 3000
    made = {
        "lognormal": [draw.lognormvariate(2, 1.5) for _ in range(count)],
        "normal": [draw.gauss(3, 5) for _ in range(count)],
        "negative": [-draw.expovariate(1) for _ in range(count)],
        "heavy": [draw.paretovariate(0.5) for _ in range(count)],
        "far": [1e9 + draw.gauss(0, 1) for _ in range(count)],
        "digits": [float(draw.randrange(10)) for _ in range(count)],
        "constant": [0.1] * count,
        "powers": [draw.choice((-1, 1)) * 2.0 ** draw.randrange(-20, 21)
                   for _ in range(count)],
        "zeros": [0.0, -0.0] * 10,
        "one": [math.pi],
        "wild": [draw.choice((-1, 1)) * 2.0 ** draw.uniform(-1000, 1000)
                 for _ in range(count)],
        "subnormal": [k * 2.0 ** -1074 for k in range(1, 100)],
        "empty": [],
    }
    return made


def collapses(name):
    return name == "wild"


def tool(source, target, data, refused=False):
    done = subprocess.run([TOOL, source, target], input=data,
                          capture_output=True, timeout=DEADLINE_S)
    if refused:
        assert done.returncode == 1, done
        return done.stderr.decode().strip()
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout


def pack(values):
    return struct.pack("<%dd" % len(values), *values)


def facts(text):
    """Lines "name number" as a dict."""
    found = {}
    for line in text.decode().splitlines():
        name, number = line.split()
        found[name] = (int(number) if name in ("count", "collapsed")
                       else float.fromhex(number))
    return found


def root_index(value, scale=6):
    """Index i with 2^(i/n) < value <= 2^((i+1)/n), n = 2^scale, by comparing
    integers: a^n with 2^i b^n, for value = a / b."""
    n = 2 ** scale
    top, bottom = Fraction(value).as_integer_ratio()
    i = math.floor(math.log2(top) * n - math.log2(bottom) * n) - 2
    top, bottom = top ** n, bottom ** n

    def above(k):  # value > 2^(k/n)
        return top << max(-k, 0) > bottom << max(k, 0)
    while not above(i):
        i -= 1
    while above(i + 1):
        i += 1
    return i


def counted(values, scale=6):
    """Exact bins: positive and negative {index: count}, and zeros."""
    positive, negative, zeros = {}, {}, 0
    for value in values:
        if value == 0:
            zeros += 1
            continue
        bins = positive if value > 0 else negative
        index = root_index(abs(value), scale)
        bins[index] = bins.get(index, 0) + 1
    return positive, negative, zeros


def small(values):
    """Enough of them for exact arithmetic to be quick."""
    return values[:300]


class Moments(unittest.TestCase):
    def test_moments_are_those_of_exact_fractions(self):
        for name, values in columns().items():
            if not values:
                continue
            with self.subTest(name):
                found = facts(tool("values", "text", pack(values)))
                exact = [Fraction(value) for value in values]
                total, n = sum(exact), len(exact)
                mean = total / n
                m2 = sum((value - mean) ** 2 for value in exact)
                self.assertEqual(found["sum"], self.clamped(total))
                self.near(found["mean"], mean)
                self.near(found["m2"], m2)
                self.near(found["variance"], m2 / n)
                self.assertEqual((found["min"], found["max"]),
                                 (min(values) + 0.0, max(values) + 0.0))

    @staticmethod
    def clamped(fraction):
        most = Fraction(sys.float_info.max)
        return float(max(min(fraction, most), -most))

    def near(self, found, exact):
        """Within two units in the last place, or of the smallest double."""
        error = abs(Fraction(found) - Fraction(self.clamped(exact)))
        self.assertLessEqual(error, 2 * Fraction(math.ulp(found)))


class Own(unittest.TestCase):
    def test_bins_are_those_of_exact_integers(self):
        for name, values in columns().items():
            with self.subTest(name):
                values = small(values)
                if collapses(name):
                    continue
                point = ExponentialHistogramDataPoint.FromString(
                    tool("values", "otlp", pack(values)))
                positive, negative, zeros = counted(values)
                self.assertEqual(buckets(point.positive), positive)
                self.assertEqual(buckets(point.negative), negative)
                self.assertEqual(point.zero_count, zeros)

    def test_every_format_comes_back(self):
        for name, values in columns().items():
            own = tool("values", "own", pack(values))
            for form in ("own", "ddsketch", "ddsketch-ceil", "otlp"):
                with self.subTest(name, form=form):
                    if collapses(name) and form != "own":
                        continue  # The mark of what collapsed is our own.
                    there = tool("own", form, own)
                    self.assertEqual(tool(form, "own", there), own)


def buckets(message):
    return {message.offset + i: count
            for i, count in enumerate(message.bucket_counts) if count > 0}


def assert_quantile(test, found, values, q, slack=1.0):
    """found is within the error of a value of that rank."""
    rank = q * (len(values) - 1)
    for index in (math.floor(rank), math.ceil(rank)):
        error = slack * ERROR * abs(values[index])
        if abs(found - values[index]) <= error + 2.0 ** -1074:
            return
    test.fail("quantile %g is %r, not %r" % (q, found,
                                             values[math.floor(rank)]))


class DDSketchPython(unittest.TestCase):
    def test_it_reads_ours(self):
        for name, values in columns().items():
            with self.subTest(name):
                if name in ("wild", "subnormal"):
                    continue  # Its values are computed beyond double.
                data = tool("values", "ddsketch-ceil", pack(values))
                sketch = DDSketchProto.from_proto(
                    DDSketchMessage.FromString(data))
                self.assertEqual(sketch.count, len(values))
                values.sort()
                for i in range(0, 1001 if values else 0, 7):
                    assert_quantile(self, sketch.get_quantile_value(i / 1000),
                                    values, i / 1000)

    def test_we_read_its(self):
        for name, values in columns().items():
            with self.subTest(name):
                if name in ("wild", "subnormal"):
                    continue
                sketch = self.sketch_of(values)
                data = DDSketchProto.to_proto(sketch).SerializeToString()
                ours = tool("ddsketch-ceil", "own", data)
                if name not in ("powers", "digits"):
                    # Its logarithm may put an exact power of two in the bin
                    # beside.
                    self.assertEqual(ours, tool("values", "own", pack(values)))
                found = facts(tool("own", "text", ours))
                self.assertEqual(found["count"], len(values))
                values.sort()
                for i in range(0, 1001 if values else 0, 7):
                    assert_quantile(self, found["q%d" % i], values,
                                    (math.ceil(i / 1000 * len(values)) - 1)
                                    / max(len(values) - 1, 1), slack=1.0001)

    def test_sketches_merge_there(self):
        left, right = columns()["normal"], columns()["negative"]
        ours = DDSketchProto.from_proto(DDSketchMessage.FromString(
            tool("values", "ddsketch-ceil", pack(left))))
        theirs = self.sketch_of(right)
        theirs._mapping.gamma = ours._mapping.gamma  # Differs by rounding.
        ours.merge(theirs)
        both = sorted(left + right)
        self.assertEqual(ours.count, len(both))
        for i in range(0, 1001, 7):
            assert_quantile(self, ours.get_quantile_value(i / 1000), both,
                            i / 1000)

    def test_what_does_not_fit_is_refused(self):
        sketch = DDSketch(0.01)
        sketch.add(5)
        data = DDSketchProto.to_proto(sketch).SerializeToString()
        self.assertIn("gamma", tool("ddsketch-ceil", "own", data, True))
        sketch = self.sketch_of([])
        sketch.add(5, 0.5)
        data = DDSketchProto.to_proto(sketch).SerializeToString()
        self.assertIn("whole number", tool("ddsketch-ceil", "own", data, True))

    def test_the_other_dialect_is_a_bin_away(self):
        """Why there are two: the same bytes mean other values to Python."""
        data = tool("values", "ddsketch", pack([100.0] * 9))
        sketch = DDSketchProto.from_proto(DDSketchMessage.FromString(data))
        self.assertLess(sketch.get_quantile_value(0.5), 100 * (1 - ERROR))

    @staticmethod
    def sketch_of(values):
        sketch = DDSketch((GAMMA - 1) / (GAMMA + 1))
        for value in values:
            sketch.add(value)
        return sketch


@unittest.skipUnless(shutil.which("go"), "go is not installed")
class DDSketchGo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = go_ddsketch.build(WORK)

    def go(self, command, data):
        done = subprocess.run([self.program, command], input=data,
                              capture_output=True, timeout=DEADLINE_S)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def test_it_reads_ours(self):
        for name, values in columns().items():
            with self.subTest(name):
                if collapses(name):
                    continue
                data = tool("values", "ddsketch", pack(values))
                found = facts(self.go("read", data))
                self.assertEqual(found["count"], len(values))
                values.sort()
                for i in range(0, 1001 if values else 0, 7):
                    # Its powers by exp() are off by 1e-13.
                    assert_quantile(self, found["q%d" % i], values, i / 1000,
                                    slack=1.0001)

    def test_we_read_its_in_both_forms_of_bins(self):
        for name, values in columns().items():
            with self.subTest(name):
                if name in ("wild", "subnormal"):
                    continue  # Subnormals are zeros there.
                own = tool("values", "own", pack(values))
                for form in ("dense", "sparse"):
                    data = self.go(form, pack(values))
                    ours = tool("ddsketch", "own", data)
                    if name not in ("powers", "digits"):
                        self.assertEqual(ours, own)
                    self.assertEqual(facts(tool("own", "text", ours))["count"],
                                     len(values))

    def test_powers_of_two_are_a_bin_lower_at_most(self):
        """There an exact power begins a bin, here it ends the one before; both
        answer within the error."""
        values = columns()["powers"]
        found = facts(tool("ddsketch", "text", self.go("dense", pack(values))))
        values.sort()
        for i in range(0, 1001, 7):
            rank = math.ceil(i / 1000 * len(values)) - 1
            assert_quantile(self, found["q%d" % i], values,
                            rank / (len(values) - 1), slack=1.0001)


def point_at(values, scale):
    """A data point by exact arithmetic."""
    positive, negative, zeros = counted(values, scale)
    point = ExponentialHistogramDataPoint(
        count=len(values), scale=scale, zero_count=zeros)
    for bins, message in ((positive, point.positive),
                          (negative, point.negative)):
        if bins:
            message.offset = min(bins)
            message.bucket_counts.extend(
                bins.get(i, 0) for i in range(min(bins), max(bins) + 1))
    return point


class OpenTelemetry(unittest.TestCase):
    def test_it_reads_ours(self):
        for name, values in columns().items():
            with self.subTest(name):
                point = ExponentialHistogramDataPoint.FromString(
                    tool("values", "otlp", pack(values)))
                self.assertEqual((point.scale, point.count),
                                 (6, len(values)))
                self.assertEqual(
                    point.zero_count + sum(point.positive.bucket_counts)
                    + sum(point.negative.bucket_counts), len(values))
                self.assertEqual((point.start_time_unix_nano,
                                  point.time_unix_nano), (10**9, 2 * 10**9))
                if values:
                    self.assertEqual((point.min, point.max),
                                     (min(values), max(values)))
                self.assertEqual(point.HasField("sum"), bool(values)
                                 and min(values) >= 0)

    def test_finer_scales_merge_exactly(self):
        for name, values in columns().items():
            values = small(values)[:60]
            own = tool("values", "own", pack(values))
            for scale in (6, 7, 9):
                with self.subTest(name, scale=scale):
                    if name in ("wild", "subnormal", "powers", "heavy"):
                        continue  # Too many buckets that fine; see below.
                    data = point_at(values, scale).SerializeToString()
                    self.assertEqual(tool("otlp", "own", data), own)

    def test_exact_powers_of_two_keep_their_side_at_all_scales(self):
        for exponent in (-1074, -1, 0, 1, 1023):
            for value in (2.0 ** exponent, -2.0 ** exponent):
                own = tool("values", "own", pack([value]))
                for scale in (6, 8, 20):
                    point = ExponentialHistogramDataPoint(count=1, scale=scale)
                    side = point.positive if value > 0 else point.negative
                    side.offset = (exponent << scale) - 1
                    side.bucket_counts.append(1)
                    data = point.SerializeToString()
                    self.assertEqual(tool("otlp", "own", data), own)

    def test_we_read_what_the_sdk_writes(self):
        draw = random.Random(8)
        values = [draw.uniform(1, 3.9) for _ in range(2000)] + [0.0] * 5
        for size, scale in ((160, 6), (400, 7)):
            with self.subTest(size=size):
                [point] = sdk_points(values, size)
                self.assertEqual(point.scale, scale)
                self.assertEqual(
                    tool("otlp", "own", point.SerializeToString()),
                    tool("values", "own", pack(values)))

    def test_what_does_not_fit_is_refused(self):
        point = ExponentialHistogramDataPoint(scale=5)
        self.assertIn("scale below 6", self.refusal(point))
        point.scale = 21
        self.assertIn("scale above 20", self.refusal(point))
        point.scale = 6
        point.count = 1
        self.assertIn("count", self.refusal(point))
        point.zero_count = 1
        point.zero_threshold = 0.01
        self.assertIn("zero threshold", self.refusal(point))
        point = ExponentialHistogramDataPoint(scale=6, count=1)
        point.positive.offset = 70000
        point.positive.bucket_counts.append(1)
        self.assertIn("range of double", self.refusal(point))

    @staticmethod
    def refusal(point):
        return tool("otlp", "own", point.SerializeToString(), True)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
