#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads lines "name: figure" and prints those of Runnel beside those of its
peers, then all as they were, the ratios last."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import figures as lib

# Of what, unit, and who: name of the figure.
ROWS = [
    ("GetJob, 64 calls in flight on a connection", "calls/core s", {
        "Runnel": "runnel_one_calls_per_core_s",
        "gRPC C++": "grpc_one_calls_per_core_s",
        "grpcio": "grpcio_one_calls_per_core_s"}),
    ("the same, 99th percentile", "us", {
        "Runnel": "runnel_one_p99_us",
        "gRPC C++": "grpc_one_p99_us",
        "grpcio": "grpcio_one_p99_us"}),
    ("GetJob, 64 connections", "calls/core s", {
        "Runnel": "runnel_64_calls_per_core_s",
        "gRPC C++": "grpc_64_calls_per_core_s",
        "grpcio": "grpcio_64_calls_per_core_s"}),
    ("the same, 99th percentile", "us", {
        "Runnel": "runnel_64_p99_us",
        "gRPC C++": "grpc_64_p99_us",
        "grpcio": "grpcio_64_p99_us"}),
    ("GetJob, 64 connections by Unix sockets", "calls/core s", {
        "Runnel": "runnel_unix_calls_per_core_s",
        "gRPC C++": "grpc_unix_calls_per_core_s"}),
    ("WatchJob, 8 streams", "messages/core s", {
        "Runnel": "runnel_stream_messages_per_core_s",
        "gRPC C++": "grpc_stream_messages_per_core_s",
        "grpcio": "grpcio_stream_messages_per_core_s"}),
    *((f"jobs made and done, {n} at once", "cycles/s", {
        "memory": f"runnel_memory_{n}_cycles_per_s",
        "normal": f"runnel_normal_{n}_cycles_per_s",
        "beanstalkd": f"beanstalkd_{n}_cycles_per_s",
        "Redis everysec": f"redis_everysec_{n}_cycles_per_s",
        "full": f"runnel_full_{n}_cycles_per_s",
        "Redis always": f"redis_always_{n}_cycles_per_s",
        "SQLite alone, full": f"sqlite_full_{n}_cycles_per_s"})
      for n in (64, 512)),
    ("chunk to watcher, median", "us", {
        "memory": "delta_memory_p50_us", "normal": "delta_normal_p50_us"}),
    ("chunk to watcher, 99th percentile", "us", {
        "memory": "delta_memory_p99_us", "normal": "delta_normal_p99_us"}),
    ("chunks to one watcher", "chunks/s", {
        "memory": "delta_memory_chunks_per_s",
        "normal": "delta_normal_chunks_per_s"}),
    ("a chunk to the last of 1,000 watchers", "us", {
        "memory": "fanout_memory_p50_us", "normal": "fanout_normal_p50_us"}),
    ("chunks to 1,000 watchers", "deliveries/s", {
        "memory": "fanout_memory_chunks_per_s",
        "normal": "fanout_normal_chunks_per_s"}),
    ("a late subscriber", "bytes/s", {
        "normal": "catchup_bytes_per_s", "the raw file": "file_bytes_per_s"}),
]

RATIOS = [
    ("calls_over_grpc", "runnel_one_calls_per_core_s",
     "grpc_one_calls_per_core_s"),
    ("p99_over_grpc", "runnel_one_p99_us", "grpc_one_p99_us"),
    ("calls_over_grpc_64_connections", "runnel_64_calls_per_core_s",
     "grpc_64_calls_per_core_s"),
    ("p99_over_grpc_64_connections", "runnel_64_p99_us", "grpc_64_p99_us"),
    ("calls_over_grpc_64_unix_sockets", "runnel_unix_calls_per_core_s",
     "grpc_unix_calls_per_core_s"),
    ("p99_over_grpc_64_unix_sockets", "runnel_unix_p99_us",
     "grpc_unix_p99_us"),
    ("messages_over_grpc", "runnel_stream_messages_per_core_s",
     "grpc_stream_messages_per_core_s"),
    ("calls_over_grpcio", "runnel_one_calls_per_core_s",
     "grpcio_one_calls_per_core_s"),
    *(ratio for n in (64, 512) for ratio in (
        (f"normal_over_beanstalkd_{n}", f"runnel_normal_{n}_cycles_per_s",
         f"beanstalkd_{n}_cycles_per_s"),
        (f"normal_over_redis_everysec_{n}", f"runnel_normal_{n}_cycles_per_s",
         f"redis_everysec_{n}_cycles_per_s"),
        (f"full_over_redis_always_{n}", f"runnel_full_{n}_cycles_per_s",
         f"redis_always_{n}_cycles_per_s"),
        (f"full_over_sqlite_{n}", f"runnel_full_{n}_cycles_per_s",
         f"sqlite_full_{n}_cycles_per_s"))),
    ("late_subscriber_over_file", "catchup_bytes_per_s", "file_bytes_per_s"),
]


lib.print_beside_peers(lib.read(sys.stdin), ROWS, RATIOS)
