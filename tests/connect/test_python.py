#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stock Python client of Connect, with code made from our .proto files,
against the real programs.

    test_python.py BIN_DIR WORK_DIR [unittest arguments]

To be run by the python of build/tools/connect (scripts/lib/venv), which has
the packages of requirements.txt.
"""
import asyncio
import glob
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
sys.path.insert(0, os.path.join(ROOT, "tests/integration"))
import bridge_rig as rig  # noqa: E402

WORK = os.path.join(os.path.abspath(sys.argv[2]), "python")
BYTES = bytes(range(256)) * 4


def generate():
    """What the two generators make of the schema."""
    protos = os.path.join(ROOT, "proto")
    os.makedirs(WORK, exist_ok=True)
    tools = os.path.dirname(sys.executable)
    files = glob.glob("runnel/v1/*.proto", root_dir=protos)
    subprocess.run(
        ["protoc", "-I", protos, "--py_out=" + WORK,
         "--connectrpc_out=" + WORK, *files], check=True,
        env=dict(os.environ, PATH=tools + ":" + os.environ["PATH"]))
    sys.path.insert(0, WORK)


generate()
from connectrpc.code import Code  # noqa: E402
from connectrpc.codec import proto_binary_codec, proto_json_codec  # noqa: E402
from connectrpc.errors import ConnectError  # noqa: E402
from connectrpc.protocol import ProtocolType  # noqa: E402
from protobuf import Oneof  # noqa: E402
from runnel.v1.jobs_connect import (  # noqa: E402
    JobServiceClient, JobServiceClientSync)
from runnel.v1.jobs_pb import (  # noqa: E402
    CreateJobRequest, GetJobRequest, JobState, Payload, WatchJobRequest)

FORMS = [{"protocol": protocol, "codec": codec}
         for protocol in (ProtocolType.CONNECT, ProtocolType.GRPC_WEB)
         for codec in (proto_binary_codec(), proto_json_codec())]


def echo(**options):
    return CreateJobRequest(
        kind="echo", input=Payload(content=Oneof("data", BYTES)),
        options={name: str(value) for name, value in options.items()})


def output(events):
    """The bytes of the pieces of output, which come as text when they can."""
    pieces = [event.payload.value.content.value for event in events
              if event.payload and event.payload.field == "delta"]
    return b"".join(piece.encode() if isinstance(piece, str) else piece
                    for piece in pieces)


class Python(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.core = rig.Core("--durability", "memory")
        cls.bridge = rig.Bridge(cls.core).ready()
        cls.url = "http://" + cls.bridge.address

    @classmethod
    def tearDownClass(cls):
        cls.bridge.stop()
        cls.core.stop()

    def each(self):
        for form in FORMS:
            with self.subTest(**form), JobServiceClientSync(
                    self.url, timeout_ms=20000, **form) as jobs:
                yield jobs

    def test_what_goes_in_comes_out(self):
        for jobs in self.each():
            job = jobs.create_job(echo(chunk_bytes=100)).job
            events = [answer.event for answer in jobs.watch_job(
                WatchJobRequest(job_id=job.id))]
            self.assertEqual(output(events), BYTES)
            rest = [answer.event.sequence for answer in jobs.watch_job(
                WatchJobRequest(job_id=job.id, after_sequence=3))]
            self.assertEqual(rest, [event.sequence for event in events[3:]])
            for use_get in (False, True):
                got = jobs.get_job(GetJobRequest(job_id=job.id),
                                   use_get=use_get)
                self.assertEqual(got.job.state, JobState.SUCCEEDED)

    def test_errors(self):
        for jobs in self.each():
            with self.assertRaises(ConnectError) as caught:
                jobs.create_job(echo(pace_ms=-1))
            self.assertEqual(caught.exception.code, Code.INVALID_ARGUMENT)
            self.assertEqual([detail.type_name for detail
                              in caught.exception.details],
                             ["google.rpc.BadRequest"])
            with self.assertRaises(ConnectError) as caught:
                list(jobs.watch_job(WatchJobRequest(job_id=rig.NO_JOB)))
            self.assertEqual(caught.exception.code, Code.NOT_FOUND)
            job = jobs.create_job(echo(chunk_bytes=1, pace_ms=60000)).job
            with self.assertRaises(ConnectError) as caught:
                list(jobs.watch_job(WatchJobRequest(job_id=job.id),
                                    timeout_ms=200))
            self.assertEqual(caught.exception.code, Code.DEADLINE_EXCEEDED)

    def test_the_asynchronous_client(self):
        async def watch():
            async with JobServiceClient(self.url, timeout_ms=20000) as jobs:
                job = (await jobs.create_job(echo())).job
                return [answer.event async for answer in jobs.watch_job(
                    WatchJobRequest(job_id=job.id))]
        self.assertEqual(output(asyncio.run(watch())), BYTES)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
