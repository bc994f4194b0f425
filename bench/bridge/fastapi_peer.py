#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What one would write with FastAPI instead: fastapi_peer.py FILE LOOP HTTP
answers GET /v1/jobs/{id} with the object of FILE, and sends what is POSTed to
/publish to all subscribers of /events. LOOP and HTTP are uvicorn's. Prints its
address."""
import asyncio
import json
import socket
import sys

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

with open(sys.argv[1], encoding="utf-8") as file:
    job = json.load(file)
app = FastAPI()
queues = set()
sequence = 0


@app.get("/v1/jobs/{job_id}")
async def get_job(job_id: str):
    return job


async def events(queue):
    """What has come in the meantime goes out at once."""
    try:
        yield b"retry: 1000\n\n"
        while True:
            frames = [await queue.get()]
            while not queue.empty():
                frames.append(queue.get_nowait())
            yield b"".join(frames)
    finally:
        queues.discard(queue)


@app.get("/events")
async def subscribe():
    queue = asyncio.Queue()
    queues.add(queue)
    return StreamingResponse(events(queue), media_type="text/event-stream")


@app.post("/publish")
async def publish(request: Request):
    """A frame is made once for all."""
    global sequence
    sequence += 1
    text = (await request.body()).decode()
    data = json.dumps({"sequence": str(sequence), "delta": {"text": text}})
    frame = f"id: {sequence}\nevent: delta\ndata: {data}\n\n".encode()
    for queue in queues:
        queue.put_nowait(frame)
    return {"ok": True}


def main():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    print("127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, loop=sys.argv[2], http=sys.argv[3],
                            access_log=False, log_level="error")
    uvicorn.Server(config).run(sockets=[listener])


main()
