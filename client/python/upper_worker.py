#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A worker: jobs of kind "upper" get their input back in capitals.

    PYTHONPATH=build/dev/python client/python/upper_worker.py [HOST:PORT]
    runnel job create --kind upper --input 'hello, worker' --watch
"""
import signal
import sys

import runnel


def upper(work):
    for line in work.input.splitlines(keepends=True):
        yield line.upper()


client = runnel.Client(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:7400")
worker = runnel.Worker(client, ["upper"], upper, concurrency=4)
signal.signal(signal.SIGTERM, lambda *_: worker.stop())
worker.run()
