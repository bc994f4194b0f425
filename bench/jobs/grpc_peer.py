#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same calls, served by grpcio (asyncio); bench_grpc is its client.

    grpc_peer.py STUBS ANSWER MESSAGES

STUBS has the code that grpc_tools made of proto/. Prints "HOST:PORT".
"""
import asyncio
import sys

sys.path.insert(0, sys.argv[1])

import grpc  # noqa: E402
from runnel.v1 import jobs_pb2, jobs_pb2_grpc  # noqa: E402


class Jobs(jobs_pb2_grpc.JobServiceServicer):
    def __init__(self, answer, messages):
        self.answer = answer
        self.events = [self.event(i) for i in range(messages)]

    @staticmethod
    def event(number):
        response = jobs_pb2.WatchJobResponse()
        response.event.sequence = number + 1
        response.event.time.seconds = 1795618790
        response.event.time.nanos = 742110131
        if number % 2 == 0:
            response.event.delta.text = "xxxxxxxx"
        else:
            response.event.log.message = "yyyyyyyy"
        return response

    async def GetJob(self, request, context):
        answer = jobs_pb2.GetJobResponse()
        answer.CopyFrom(self.answer)
        answer.job.id = request.job_id
        return answer

    async def WatchJob(self, request, context):
        for event in self.events:
            yield event


async def main():
    with open(sys.argv[2], "rb") as file:
        answer = jobs_pb2.GetJobResponse.FromString(file.read())
    server = grpc.aio.server()
    jobs_pb2_grpc.add_JobServiceServicer_to_server(
        Jobs(answer, int(sys.argv[3])), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


asyncio.run(main())
