#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pipeline that one would write first in Python: an asyncio queue between
a producer and a consumer, and for each event what Runnel keeps too: a
HyperLogLog, a Count-Min Sketch, a counter for the top keys, Welford's moments
and a log histogram of value and of latency, and rolling statistics of the
last 60, 300 and 3,600 s over deques. Pure Python, no package. Hashes come from
hashlib, as in the pure Python sketches of PyPI: hash() differs from process to
process, and such sketches could not be merged.

    pipeline.py FILE REPEATS    FILE: key,value,latency_ms, as `bench_ingest
                                dump` writes it
"""
import asyncio
import collections
import hashlib
import heapq
import math
import statistics
import sys
import time

QUEUE = 10000
WINDOWS = (60, 300, 3600)
# Events of a second of event time, as for the engine.
RATE = 1000000


def hash_of(key, row=0):
    digest = hashlib.blake2b(key.encode(), digest_size=8,
                             salt=row.to_bytes(4, "little")).digest()
    return int.from_bytes(digest, "little")


class HyperLogLog:
    def __init__(self, precision=14):
        self.shift = 64 - precision
        self.registers = bytearray(1 << precision)

    def add(self, word):
        index = word >> self.shift
        rest = word & ((1 << self.shift) - 1)
        rank = self.shift - rest.bit_length() + 1
        if rank > self.registers[index]:
            self.registers[index] = rank


class CountMin:
    def __init__(self, depth=4, width=1 << 15):
        self.width = width
        self.rows = [[0] * width for _ in range(depth)]

    def add(self, key):
        for number, row in enumerate(self.rows):
            row[hash_of(key, number + 1) % self.width] += 1


class Metric:
    """Moments by Welford, and a histogram of 64 bins an octave."""

    def __init__(self):
        self.count, self.mean, self.m2 = 0, 0.0, 0.0
        self.low, self.high = math.inf, -math.inf
        self.bins = collections.Counter()

    def add(self, value):
        self.count += 1
        delta = value - self.mean
        self.mean += delta / self.count
        self.m2 += delta * (value - self.mean)
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        self.bins[math.ceil(math.log2(value) * 64) if value > 0 else None] += 1


class Rolling:
    """Count, mean and variance over the last seconds."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.events = collections.deque()
        self.sum, self.squares = 0.0, 0.0

    def add(self, now, value):
        self.events.append((now, value))
        self.sum += value
        self.squares += value * value
        while self.events[0][0] < now - self.seconds:
            _, old = self.events.popleft()
            self.sum -= old
            self.squares -= old * old


class Pipeline:
    """The statistics of one stream."""

    def __init__(self):
        self.unique = HyperLogLog()
        self.frequency = CountMin()
        self.counts = collections.Counter()
        self.value, self.latency = Metric(), Metric()
        self.rolling = [Rolling(seconds) for seconds in WINDOWS]

    def add(self, now, key, value, latency):
        self.unique.add(hash_of(key))
        self.frequency.add(key)
        self.counts[key] += 1
        self.value.add(value)
        self.latency.add(latency)
        for rolling in self.rolling:
            rolling.add(now, value)

    def top(self, count):
        return heapq.nlargest(count, self.counts.items(), lambda e: e[1])


async def produce(events, queue):
    for event in events:
        await queue.put(event)
    await queue.put(None)


async def consume(pipeline, queue):
    while (event := await queue.get()) is not None:
        pipeline.add(*event)


async def run(events):
    pipeline = Pipeline()
    queue = asyncio.Queue(QUEUE)
    began = time.perf_counter()
    await asyncio.gather(produce(events, queue), consume(pipeline, queue))
    took = time.perf_counter() - began
    if pipeline.value.count != len(events) or not pipeline.top(100):
        sys.exit("pipeline: events were lost")
    return len(events) / took


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = (line.split(",") for line in file)
        events = [(number / RATE, key, float(value), float(latency))
                  for number, (key, value, latency) in enumerate(rows)]
    rates = [asyncio.run(run(events)) for _ in range(int(sys.argv[2]))]
    print(f"zipf_python_events_per_s: {statistics.median(rates):.6g}")


main()
