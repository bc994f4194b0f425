#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same set of sketches from Apache DataSketches (PyPI package, C++ below):
HLL, Count-Min, Frequent Items for every event by itself, since they take one
key a call; KLL over whole arrays for value and latency, as favourable as the
package allows.

    datasketches_peer.py FILE REPEATS
"""
import statistics
import sys
import time

import datasketches
import numpy


def run(keys, values, latencies):
    unique = datasketches.hll_sketch(14, datasketches.tgt_hll_type.HLL_8)
    counts = datasketches.count_min_sketch(4, 1 << 15)
    frequent = datasketches.frequent_strings_sketch(12)
    value = datasketches.kll_doubles_sketch(200)
    latency = datasketches.kll_floats_sketch(200)
    began = time.perf_counter()
    for key in keys:
        unique.update(key)
        counts.update(key)
        frequent.update(key)
    value.update(values)
    latency.update(latencies)
    took = time.perf_counter() - began
    if value.n != len(keys) or frequent.total_weight != len(keys):
        sys.exit("datasketches_peer: events were lost")
    return len(keys) / took


def main():
    keys, values, latencies = [], [], []
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in file:
            key, value, latency = line.split(",")
            keys.append(key)
            values.append(float(value))
            latencies.append(float(latency))
    values = numpy.array(values)
    latencies = numpy.array(latencies, dtype=numpy.float32)
    rates = [run(keys, values, latencies) for _ in range(int(sys.argv[2]))]
    print(f"zipf_datasketches_events_per_s: {statistics.median(rates):.6g}")


main()
