#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Creates a job and prints its output as it comes, over TCP, with nothing but
stock protobuf: docs/protocol.md on one page.

    protoc -I proto --python_out=OUT proto/runnel/v1/*.proto
    PYTHONPATH=OUT client/python/watch_job.py [TEXT [HOST:PORT]]
"""
import socket
import sys

from runnel.v1 import frame_pb2 as frames, jobs_pb2 as jobs


class Connection:
    def __init__(self, address):
        self.file = socket.create_connection(address).makefile("rwb")
        self.next_id = 1
        self.send(0, hello=frames.Hello(protocol_version=1))

    def send(self, stream_id, **body):
        data = frames.Frame(stream_id=stream_id, **body).SerializeToString()
        length, prefix = len(data), b""
        while length >= 128:
            prefix, length = prefix + bytes([length % 128 + 128]), length >> 7
        self.file.write(prefix + bytes([length]) + data)
        self.file.flush()

    def receive(self):
        length, shift, byte = 0, 0, 128
        while byte >= 128:
            byte = (self.file.read(1) or sys.exit("connection lost"))[0]
            length, shift = length | byte % 128 << shift, shift + 7
        return frames.Frame.FromString(self.file.read(length))

    def call(self, method, request, response_type):
        call_id, self.next_id = self.next_id, self.next_id + 2
        self.send(call_id, call=frames.Call(method="runnel.v1." + method))
        self.send(call_id, message=request.SerializeToString())
        self.send(call_id, half_close=frames.HalfClose())
        while True:
            frame = self.receive()
            if frame.HasField("ping"):
                self.send(0, pong=frames.Pong(opaque=frame.ping.opaque))
            elif frame.HasField("message"):
                self.send(call_id, credit={"bytes": len(frame.message)})
                yield response_type.FromString(frame.message)
            elif frame.HasField("status"):
                return frame.status.code and sys.exit(frame.status.message)


text = sys.argv[1] if len(sys.argv) > 1 else "Hello from Python.\n"
address = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:7400"
runnel = Connection(tuple(address.rsplit(":", 1)))
spec = jobs.CreateJobRequest(kind="echo", input=jobs.Payload(text=text))
[created] = runnel.call("JobService/CreateJob", spec, jobs.CreateJobResponse)
watch = jobs.WatchJobRequest(job_id=created.job.id)
for answer in runnel.call("JobService/WatchJob", watch, jobs.WatchJobResponse):
    print(answer.event.delta.text, end="", flush=True)
