#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads lines "name: figure" and prints them as a table with the ratios that
decide, then as they were, the ratios among them."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import figures as lib

ROWS = [
    ("reading the inputs", "zipf_read_ns_per_event", "ns"),
    ("hashing each distinct key of a batch", "zipf_hash_ns_per_event", "ns"),
    ("copying the bytes", "zipf_copy_ns_per_event", "ns"),
    ("engine, one core, batches of 8,192", "zipf_engine_events_per_s", "rate"),
    ("engine, batches of 1,000", "batch_of_1000_engine_events_per_s", "rate"),
    ("engine, all keys alike", "uniform_engine_events_per_s", "rate"),
    ("engine, flights", "flights_engine_events_per_s", "rate"),
    ("engine, 1,000 events", "events_1000_engine_events_per_s", "rate"),
    ("engine, 100,000 events", "events_100000_engine_events_per_s", "rate"),
    ("engine, 100,000,000 events", "events_100000000_engine_events_per_s",
     "rate"),
    ("engine, 10 streams", "streams_10_engine_events_per_s", "rate"),
    ("engine, 100 streams", "streams_100_engine_events_per_s", "rate"),
    ("engine, 1,000 streams", "streams_1000_engine_events_per_s", "rate"),
    ("engine, 1 window", "windows_1_engine_events_per_s", "rate"),
    ("engine, 8 windows", "windows_8_engine_events_per_s", "rate"),
    ("engine by the clock, 1 stream, 1 thread",
     "streams_1_threads_1_threads_events_per_s", "rate"),
    ("the same, 2 threads", "streams_1_threads_2_threads_events_per_s",
     "rate"),
    ("engine by the clock, 8 streams, 1 thread",
     "streams_8_threads_1_threads_events_per_s", "rate"),
    ("the same, 2 threads", "streams_8_threads_2_threads_events_per_s",
     "rate"),
    ("thread of connections, 8 streams, 1 thread",
     "streams_8_threads_1_threads_owner_ns_per_event", "ns"),
    ("the same, 2 threads", "streams_8_threads_2_threads_owner_ns_per_event",
     "ns"),
    ("runneld over loopback, 8 streams, 1 thread",
     "threads_1_wire_events_per_s", "rate"),
    ("the same, 2 threads", "threads_2_wire_events_per_s", "rate"),
    ("runneld over loopback", "zipf_wire_events_per_s", "rate"),
    ("runneld, a second of its CPU", "zipf_wire_events_per_core_s", "rate"),
    ("runneld --durability memory", "keep_memory_wire_events_per_s", "rate"),
    ("runneld --durability normal", "keep_normal_wire_events_per_s", "rate"),
    ("runneld --durability full", "keep_full_wire_events_per_s", "rate"),
    ("memory, a second of its CPU", "keep_memory_wire_events_per_core_s",
     "rate"),
    ("normal, a second of its CPU", "keep_normal_wire_events_per_core_s",
     "rate"),
    ("full, a second of its CPU", "keep_full_wire_events_per_core_s", "rate"),
    ("the same bytes appended to a file", "keep_append_events_per_s", "rate"),
    ("and waited for, each 16 batches", "keep_append_sync_events_per_s",
     "rate"),
    ("saving what 16 batches change", "zipf_save_us", "us"),
    ("the longest of these", "zipf_save_longest_us", "us"),
    ("bytes of it", "zipf_save_bytes", "bytes"),
    ("saving all", "zipf_save_all_us", "us"),
    ("bytes of all", "zipf_save_all_bytes", "bytes"),
    ("Redis: PFADD, ZINCRBY, HINCRBY", "zipf_redis_events_per_s", "rate"),
    ("Redis, a second of its CPU", "zipf_redis_events_per_core_s", "rate"),
    ("Python, asyncio, pure", "zipf_python_events_per_s", "rate"),
    ("Apache DataSketches in Python", "zipf_datasketches_events_per_s",
     "rate"),
    ("bytes of a stream", "zipf_stream_bytes", "bytes"),
    ("bytes of a stream at most", "zipf_stream_bytes_max", "bytes"),
    ("a snapshot of all windows", "zipf_snapshot_us", "us"),
]

RATIOS = [
    ("two_threads_over_one", "streams_1_threads_2_threads_events_per_s",
     "streams_1_threads_1_threads_events_per_s"),
    ("two_threads_over_one_8_streams",
     "streams_8_threads_2_threads_events_per_s",
     "streams_8_threads_1_threads_events_per_s"),
    ("runneld_two_threads_over_one", "threads_2_wire_events_per_s",
     "threads_1_wire_events_per_s"),
    ("engine_over_reading", "zipf_engine_ns_per_event",
     "zipf_read_ns_per_event"),
    ("normal_over_memory", "keep_normal_wire_events_per_core_s",
     "keep_memory_wire_events_per_core_s"),
    ("full_over_memory", "keep_full_wire_events_per_core_s",
     "keep_memory_wire_events_per_core_s"),
    ("normal_over_append", "keep_normal_wire_events_per_s",
     "keep_append_events_per_s"),
    ("full_over_append_sync", "keep_full_wire_events_per_s",
     "keep_append_sync_events_per_s"),
    ("runneld_over_redis", "zipf_wire_events_per_core_s",
     "zipf_redis_events_per_core_s"),
    ("runneld_over_python", "zipf_wire_events_per_core_s",
     "zipf_python_events_per_s"),
    ("engine_over_datasketches", "zipf_engine_events_per_s",
     "zipf_datasketches_events_per_s"),
    ("runneld_over_engine", "zipf_wire_events_per_core_s",
     "zipf_engine_events_per_s"),
]


def shown(figure, unit):
    if unit == "rate":
        return f"{figure / 1e6:,.2f} M events/s"
    if unit == "bytes":
        return f"{figure / 1024:,.0f} KiB"
    return f"{figure:,.2f} {unit}"


def main():
    figures = lib.read(sys.stdin)
    for text, name, unit in ROWS:
        if name in figures:
            print(f"{text:<40} {shown(figures[name], unit):>20}")
    for name, ratio in lib.ratios(figures, RATIOS):
        figures[name] = ratio
        print(f"{name:<40} {ratio:>19,.2f}x")
    print()
    lib.print_all(figures)


main()
