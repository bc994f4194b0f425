#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads lines "name: figure" and prints those of Runnel beside those of its
peers, then all as they were, the ratios last."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import figures as lib

# Name of a figure: who.
GETTERS = {"runnel": "Runnel, one job", "runnel_1000": "Runnel, 1,000 jobs",
           "runnel_1000_bridge": "of that the bridge",
           "healthz": "/healthz", "h2o": "bare libh2o",
           "fastapi_uvloop": "FastAPI, uvloop and httptools",
           "fastapi_h11": "FastAPI, asyncio and h11"}
SENDERS = {"runnel": "Runnel", "nchan": "nchan", "centrifugo": "Centrifugo",
           "fastapi": "FastAPI, uvloop"}


def named(figure, whose):
    return {who: f"{label}_{figure}" for label, who in whose.items()}


def sent(kind, figure):
    return {who: f"{label}_{kind}_{figure}" for label, who in SENDERS.items()}


# Of what, unit, and who: name of the figure.
ROWS = [
    ("GET of a job, 64 connections", "answers/core s",
     named("get_per_core_s", GETTERS)),
    ("the same", "answers/s", named("get_per_s", GETTERS)),
    ("the same, 99th percentile", "us", named("get_p99_us", GETTERS)),
    *((f"{text}", unit, sent(kind, figure))
      for kind, name in (("16", "events to all, 16 on their way"),
                         ("1", "events to all, one by one"))
      for text, unit, figure in (
          (name, "deliveries/core s", "deliveries_per_core_s"),
          ("the same", "deliveries/s", "deliveries_per_s"),
          ("the same, 99th percentile", "us", "delivery_p99_us"))),
    ("events to all, 10/s, 99th percentile", "us",
     sent("paced", "delivery_p99_us")),
    ("a chunk, median", "us", {"to a browser": "light_sse_p50_us",
                               "to a watcher at the core":
                               "light_watch_p50_us"}),
    ("an idle subscriber", "KiB", {"core and bridge": "runnel_idle_kib"}),
]

GETS = "get_per_core_s"
SENT = "deliveries_per_core_s"
RATIOS = [
    ("get_over_fastapi_uvloop", f"runnel_{GETS}", f"fastapi_uvloop_{GETS}"),
    ("get_over_fastapi_h11", f"runnel_{GETS}", f"fastapi_h11_{GETS}"),
    ("get_over_h2o", f"runnel_{GETS}", f"h2o_{GETS}"),
    ("get_1000_over_fastapi_uvloop", f"runnel_1000_{GETS}",
     f"fastapi_uvloop_{GETS}"),
    ("get_1000_over_fastapi_h11", f"runnel_1000_{GETS}", f"fastapi_h11_{GETS}"),
    ("get_1000_over_h2o", f"runnel_1000_{GETS}", f"h2o_{GETS}"),
    ("get_1000_bridge_over_h2o", f"runnel_1000_bridge_{GETS}", f"h2o_{GETS}"),
    ("healthz_over_h2o", f"healthz_{GETS}", f"h2o_{GETS}"),
    *((f"sse_{kind}_over_{peer}", f"runnel_{kind}_{SENT}",
       f"{peer}_{kind}_{SENT}")
      for kind in ("16", "1") for peer in ("fastapi", "nchan", "centrifugo")),
    *((f"sse_p99_over_{peer}", "runnel_paced_delivery_p99_us",
       f"{peer}_paced_delivery_p99_us")
      for peer in ("fastapi", "nchan", "centrifugo")),
]


def main():
    figures = lib.read(sys.stdin)
    if {"light_sse_p50_us", "light_watch_p50_us"} <= figures.keys():
        figures["light_added_p50_us"] = (figures["light_sse_p50_us"] -
                                         figures["light_watch_p50_us"])
    lib.print_beside_peers(figures, ROWS, RATIOS)


main()
