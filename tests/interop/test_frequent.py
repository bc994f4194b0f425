#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our frequent items in Apache DataSketches, and theirs in ours: the bounds
hold the true counts on both sides, and are the same after the journey.

    test_frequent.py TOOL [unittest arguments]

TOOL is bin/frequent_tool. Exit status 77: the package is not there.
"""
import collections
import random
import subprocess
import sys
import unittest

try:
    import datasketches
except ImportError as error:
    print("%s; see requirements.txt" % error)
    sys.exit(77)

TOOL = sys.argv[1]
DEADLINE_S = 60
NO_FALSE_POSITIVES = datasketches.frequent_items_error_type.NO_FALSE_POSITIVES


def keys(count, seed):
    """A stream whose key k is about 1/k as frequent as the first."""
    chance = random.Random(seed)
    return ["key-%d é" % int(1000 ** chance.random()) for _ in range(count)]


def tool(*arguments, data):
    done = subprocess.run([TOOL, *arguments], input=data, timeout=DEADLINE_S,
                          capture_output=True)
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout


class Frequent(unittest.TestCase):
    STREAMS = [([], 48), (["one"], 48), (keys(300, 1), 2000),
               (keys(50000, 2), 96), (keys(50000, 3), 24)]

    def test_theirs_reads_ours(self):
        for stream, entries in self.STREAMS:
            true = collections.Counter(stream)
            data = "".join(key + "\n" for key in stream).encode()
            sketch = datasketches.frequent_strings_sketch.deserialize(
                tool("write", str(entries), data=data))
            self.assertEqual(sketch.total_weight, len(stream))
            for key, count in true.items():
                self.assertLessEqual(sketch.get_lower_bound(key), count)
                self.assertGreaterEqual(sketch.get_upper_bound(key), count)
            if stream:
                # The first is far above the error of any of these tables.
                found = sketch.get_frequent_items(NO_FALSE_POSITIVES)
                self.assertEqual(found[0][0], true.most_common(1)[0][0])

    def test_ours_reads_theirs(self):
        for stream, entries in self.STREAMS:
            sketch = datasketches.frequent_strings_sketch(
                max(3, (entries * 4 // 3).bit_length() - 1))
            for key in stream:
                sketch.update(key)
            total, offset, *lines = tool(
                "read", data=sketch.serialize()).decode().splitlines()
            self.assertEqual(int(total), len(stream))
            self.assertEqual(len(lines), sketch.num_active_items)
            for line in lines:
                lower, upper, key = line.split(" ", 2)
                self.assertEqual(int(lower), sketch.get_lower_bound(key))
                self.assertEqual(int(upper), sketch.get_upper_bound(key))
            self.assertEqual(int(offset),
                             sketch.get_upper_bound("not there"))

    def test_theirs_merges_ours(self):
        left, right = keys(20000, 4), keys(20000, 5)
        true = collections.Counter(left + right)
        merged = datasketches.frequent_strings_sketch(10)
        for stream in left, right:
            data = "".join(key + "\n" for key in stream).encode()
            merged.merge(datasketches.frequent_strings_sketch.deserialize(
                tool("write", "96", data=data)))
        self.assertEqual(merged.total_weight, 40000)
        for key, count in true.items():
            self.assertLessEqual(merged.get_lower_bound(key), count)
            self.assertGreaterEqual(merged.get_upper_bound(key), count)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
