#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our sketches of distinct keys in Redis and in Apache DataSketches, and
theirs in ours: the same registers, the same coupons, the same answers.

    test_distinct.py TOOL WORK_DIR [unittest arguments]

TOOL is bin/distinct_tool. The packages are those of requirements.txt here;
redis-server and Go (which brings DataSketches' files of other languages) are
tried where they are. Exit status 77: the packages are not there.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from redis_server import RedisServer

try:
    import datasketches
except ImportError as error:
    print("%s; see requirements.txt" % error)
    sys.exit(77)

TOOL, WORK = sys.argv[1:3]
DEADLINE_S = 60
# A first run fetches the module.
FETCH_DEADLINE_S = 300
GO_MODULE = "github.com/apache/datasketches-go@v0.2.0"

TYPES = {"HLL_4": datasketches.HLL_4, "HLL_6": datasketches.HLL_6,
         "HLL_8": datasketches.HLL_8}


def keys(first, count):
    return ["user-%d" % i for i in range(first, first + count)]


def path_of(data):
    """A file with these bytes."""
    handle, path = tempfile.mkstemp(dir=WORK)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return path


def source(kind, data):
    if isinstance(data, list):
        data = "".join(key + "\n" for key in data).encode()
    return "%s=%s" % (kind, path_of(data))


def tool(target, *sources, refused=False):
    done = subprocess.run([TOOL, target, *sources], capture_output=True,
                          timeout=DEADLINE_S)
    if refused:
        assert done.returncode == 1, done
        return done.stderr.decode().strip()
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout


def answer(*sources):
    lines = tool("text", *sources).decode().splitlines()
    return {name: float(number) for name, number in map(str.split, lines)}


class DataSketches(unittest.TestCase):
    PRECISIONS = (4, 7, 8, 12, 14, 21)
    COUNTS = (0, 1, 7, 8, 24, 25, 300, 5000, 60000)

    @staticmethod
    def theirs(precision, form, names):
        sketch = datasketches.hll_sketch(precision, TYPES[form])
        for name in names:
            sketch.update(name)
        return sketch

    def test_theirs_read_by_us_have_the_registers_of_our_own(self):
        for precision in self.PRECISIONS:
            for count in self.COUNTS:
                names = keys(0, count)
                ours = tool("datasketches",
                            source("datasketches:%d" % precision, names))
                for form in TYPES:
                    sketch = self.theirs(precision, form, names)
                    for data in (sketch.serialize_compact(),
                                 sketch.serialize_updatable()):
                        with self.subTest(p=precision, n=count, form=form):
                            read = tool("datasketches",
                                        source("datasketches", data))
                            self.assertEqual(read, ours)

    def test_ours_read_by_them_have_their_registers_and_answer(self):
        for precision in self.PRECISIONS:
            for count in self.COUNTS:
                # Ours of p 4 has registers from the 4th key on, theirs a list
                # up to the 7th.
                if precision == 4 and 3 < count < 8:
                    continue
                with self.subTest(p=precision, n=count):
                    names = keys(0, count)
                    ours = datasketches.hll_sketch.deserialize(
                        tool("datasketches",
                             source("datasketches:%d" % precision, names)))
                    theirs = self.theirs(precision, "HLL_8", names)
                    self.assertEqual(ours.lg_config_k, precision)
                    self.assertEqual(ours.is_empty(), count == 0)
                    # Without HIP both give the composite estimate, which is
                    # a function of the registers.
                    self.assertEqual(self.united(precision, ours),
                                     self.united(precision, theirs))

    @staticmethod
    def united(precision, *sketches):
        union = datasketches.hll_union(precision)
        for sketch in sketches:
            union.update(sketch)
        # Once more, so that the answer is not that of HIP.
        union.update(sketches[0])
        return union.get_estimate()

    def test_both_answer_within_the_stated_error(self):
        for precision in (10, 12, 14):
            for count in (100, 5000, 60000):
                with self.subTest(p=precision, n=count):
                    names = keys(7, count)
                    data = self.theirs(precision, "HLL_4",
                                       names).serialize_compact()
                    ours = answer(source("datasketches", data))
                    sketch = datasketches.hll_sketch.deserialize(data)
                    error = max(ours["error"], 1e-4)
                    self.assertLess(abs(ours["value"] / count - 1), 4 * error)
                    self.assertLess(
                        abs(ours["value"] / sketch.get_estimate() - 1),
                        6 * error)

    def test_merging_here_or_there_is_the_same(self):
        for precision, first, second in ((12, 30, 40), (12, 300, 200),
                                         (12, 20000, 100), (14, 9000, 30000),
                                         (5, 4, 3), (21, 1000, 70000)):
            with self.subTest(p=precision, n=(first, second)):
                one, two = keys(0, first), keys(first // 2, second)
                kind = "datasketches:%d" % precision
                merged = tool("datasketches", source(kind, one),
                              source("datasketches",
                                     self.theirs(precision, "HLL_4", two)
                                     .serialize_compact()))
                there = self.united(
                    precision,
                    datasketches.hll_sketch.deserialize(
                        tool("datasketches", source(kind, one))),
                    self.theirs(precision, "HLL_6", two))
                here = datasketches.hll_sketch.deserialize(merged)
                self.assertEqual(self.united(precision, here), there)

    def test_unequal_precisions_meet_at_the_lower(self):
        names = keys(0, 20000)
        fine = self.theirs(14, "HLL_8", names[:15000]).serialize_compact()
        coarse = self.theirs(11, "HLL_4", names[9000:]).serialize_compact()
        both = tool("datasketches", source("datasketches", fine),
                    source("datasketches", coarse))
        self.assertEqual(
            both, tool("datasketches", source("datasketches:11", names)))

    def test_other_profiles_are_refused(self):
        data = self.theirs(14, "HLL_8", keys(0, 9)).serialize_compact()
        self.assertEqual(
            tool("text", source("native:14", ["a"]),
                 source("datasketches", data), refused=True),
            "FAILED_PRECONDITION")
        self.assertEqual(
            tool("redis", source("datasketches", data), refused=True),
            "the profile of the sketch is another")


@unittest.skipUnless(shutil.which("go"), "go is not installed")
class DataSketchesFiles(unittest.TestCase):
    """The files that C++, Java and Go exchange: integers 0 to n - 1."""

    @classmethod
    def setUpClass(cls):
        done = subprocess.run(
            ["go", "mod", "download", "-json", GO_MODULE], cwd=WORK,
            capture_output=True, timeout=FETCH_DEADLINE_S, check=True)
        cls.files = sorted(glob.glob(os.path.join(
            json.loads(done.stdout)["Dir"], "serialization_test_data",
            "*_generated_files", "hll[468]_n*.sk")))

    def test_every_file_has_our_registers(self):
        self.assertEqual(len(self.files), 72)
        for path in self.files:
            name = os.path.basename(path)
            with self.subTest(file=name):
                count = name.split("_")[1][1:]
                ours = tool("datasketches",
                            "datasketches-long:12=" + count)
                self.assertEqual(
                    tool("datasketches", "datasketches=" + path), ours)


@unittest.skipUnless(shutil.which("redis-server"),
                     "redis-server is not installed")
class Redis(unittest.TestCase):
    COUNTS = (0, 1, 10, 500, 1500, 4000, 20000, 200000)

    @classmethod
    def setUpClass(cls):
        cls.redis = RedisServer()

    @classmethod
    def tearDownClass(cls):
        cls.redis.close()

    def setUp(self):
        self.redis("FLUSHALL")

    def add(self, key, names):
        self.redis("PFADD", key)
        for i in range(0, len(names), 5000):
            self.redis("PFADD", key, *names[i:i + 5000])

    def test_theirs_read_by_us_answer_as_pfcount(self):
        for count in self.COUNTS:
            with self.subTest(n=count):
                key = "theirs-%d" % count
                self.add(key, keys(0, count))
                theirs = source("redis", self.redis("GET", key))
                counted = self.redis("PFCOUNT", key)
                self.assertEqual(round(answer(theirs)["value"]), counted)
                self.assertEqual(
                    tool("redis", theirs),
                    tool("redis", source("redis:14", keys(0, count))))

    def test_ours_answer_as_our_own_and_as_theirs(self):
        for count in self.COUNTS:
            with self.subTest(n=count):
                names = source("redis:14", keys(0, count))
                self.redis("SET", "ours", tool("redis", names))
                self.add("theirs-%d" % count, keys(0, count))
                counted = self.redis("PFCOUNT", "ours")
                self.assertEqual(counted,
                                 self.redis("PFCOUNT", "theirs-%d" % count))
                self.assertEqual(counted, round(answer(names)["value"]))

    def test_ours_and_theirs_merge_on_either_side(self):
        for first, second in ((5, 7), (1000, 900), (50, 30000),
                              (60000, 60000)):
            with self.subTest(n=(first, second)):
                self.redis("FLUSHALL")
                one, two = keys(0, first), keys(first // 2, second)
                ours = tool("redis", source("redis:14", one))
                self.redis("SET", "ours", ours)
                self.add("theirs", two)
                both = source("redis", ours), source(
                    "redis", self.redis("GET", "theirs"))
                self.assertEqual(self.redis("PFCOUNT", "ours", "theirs"),
                                 round(answer(*both)["value"]))
                self.redis("PFMERGE", "merged", "theirs", "ours")
                self.assertEqual(
                    tool("redis", source("redis",
                                         self.redis("GET", "merged"))),
                    tool("redis", *both))

    def test_pfadd_goes_on_with_ours(self):
        for first, second in ((10, 10), (2000, 2000), (20000, 500)):
            with self.subTest(n=(first, second)):
                self.redis("FLUSHALL")
                names = keys(0, first + second)
                self.redis("SET", "key", tool(
                    "redis", source("redis:14", names[:first])))
                self.add("key", names[first:])
                self.add("all", names)
                self.assertEqual(self.redis("PFCOUNT", "key"),
                                 self.redis("PFCOUNT", "all"))

    def test_what_is_no_sketch_is_refused_by_both(self):
        self.redis("SET", "no", b"HYLL\x01" + bytes(10) + b"\x80\x7f\xfe")
        with self.assertRaises(RuntimeError):
            self.redis("PFCOUNT", "no")
        self.assertEqual(
            tool("text", source("redis", self.redis("GET", "no")),
                 refused=True), "INVALID_ARGUMENT")


if __name__ == "__main__":
    os.makedirs(WORK, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as WORK:
        unittest.main(argv=sys.argv[:1] + sys.argv[3:])
