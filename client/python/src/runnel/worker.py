# SPDX-License-Identifier: Apache-2.0
"""Working on jobs of kinds of one's own: docs/jobs.md, "Workers"."""
import collections
import contextlib
import secrets
import select
import socket
import threading
import time

from . import arguments
from .backoff import Backoff
from .errors import Code, Error
from .v1 import workers_pb2

# Not acknowledged, of a job: some 1 MiB.
REPORTS_MAX, REPORT_BYTES_MAX = 128, 8192
HEARTBEAT_S = 10
RETRY_DELAY_MS_MAX = 86400000


class Stopped(BaseException):
    """Out of a report: the job was cancelled, has expired, is not ours now or
    was released."""


class Work:
    """One attempt of a job, for the thread that does it. A report waits while
    too many are not acknowledged, and raises Stopped when nobody wants it."""

    def __init__(self, worker, assign):
        self.worker, self.job, self.lease = worker, assign.job, assign.lease
        self.input = assign.job.input.data or assign.job.input.text.encode()
        self.content_type = ""
        self.stopped = self.ended = False
        # The last one, for a core that was restarted.
        self.acknowledged = workers_pb2.Acknowledge(
            job_id=self.lease.job_id, attempt=self.lease.attempt)
        # Not acknowledged, of them so many sent; the last one's number.
        self.reports, self.sent, self.number = collections.deque(), 0, 0

    def output(self, data):
        data = data.encode() if isinstance(data, str) else data
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise arguments.wrong("output", "str or bytes", data)
        data = bytes(data)
        for at in range(0, len(data), REPORT_BYTES_MAX):
            self.report(append={
                "deltas": [{"data": data[at:at + REPORT_BYTES_MAX]}]})

    def log(self, line):
        self.report(append={"logs": [
            {"message": arguments.text("line", line)}]})

    def progress(self, done, total=0, unit=""):
        self.report(progress={"progress": {
            "done": arguments.real("done", done),
            "total": arguments.real("total", total),
            "unit": arguments.text("unit", unit)}})

    def release(self, reason=""):
        """Lets go of the job without a result, and raises Stopped: to be
        called last. That is a lost attempt, and the job goes to another worker
        (or to this one) after its backoff. If the worker stops, and nothing
        was reported, it never was an attempt, and the job is the next of its
        queue at once. reason is for people, in the job's log of events."""
        self.report(release={"reason": arguments.text("reason", reason)})
        raise Stopped

    def report(self, **report):
        [(name, body)] = report.items()
        with self.worker.changed:
            self.worker.changed.wait_for(
                lambda: self.stopped or len(self.reports) < REPORTS_MAX)
            if self.stopped or self.ended:
                raise Stopped
            self.number += 1
            self.ended = name in ("complete", "fail", "release")
            body.update(lease=self.lease, report_sequence=self.number)
            self.reports.append(
                workers_pb2.WorkRequest(**report).SerializeToString())
        self.worker.wake()

    def run(self):
        """The handler's output, then the outcome."""
        with contextlib.suppress(Stopped):
            try:
                pieces = self.worker.handler(self)
                for piece in [pieces] if isinstance(pieces, (str, bytes)) \
                        else pieces or ():
                    self.output(piece)
                self.report(complete={"output_content_type": arguments.text(
                    "content_type", self.content_type)})
            except Exception as error:
                self.report(fail=failure(error))


def failure(error):
    """The FailJob of an exception."""
    ours = isinstance(error, Error)
    code = error.code if ours else Code.UNKNOWN
    delay_ms = int(min(error.retry_delay_ms, RETRY_DELAY_MS_MAX)) if ours else 0
    fail = {"error": {"code": code,
                      "message": str(error) or type(error).__name__},
            "retryable": code == Code.UNAVAILABLE or delay_ms > 0}
    if delay_ms > 0:
        fail["retry_delay"] = {"seconds": delay_ms // 1000,
                               "nanos": delay_ms % 1000 * 1000000}
    return fail


class Worker:
    """Does jobs by handler(work), each in a thread of its own. What it yields
    or returns is output; an exception fails the job, to be tried again if it
    is an Error with UNAVAILABLE, or with retry_delay_ms, after that. The client
    is the worker's alone."""

    def __init__(self, client, kinds, handler, concurrency=1, name=""):
        if not callable(handler):
            raise arguments.wrong("handler", "callable", handler)
        self.client, self.handler = client, handler
        self.hello = workers_pb2.RegisterWorker(
            kinds=arguments.each("kinds", kinds, arguments.text),
            concurrency=arguments.whole("concurrency", concurrency, 1,
                                        2 ** 32 - 1),
            name=arguments.text("name", name),
            instance=secrets.token_hex(16))
        self.works, self.draining = {}, False
        self.heartbeat_s = HEARTBEAT_S
        self.changed = threading.Condition()
        self.near, self.far = socket.socketpair()
        self.far.setblocking(False)

    def wake(self):
        # Full: it is awake. Closed: it has ended.
        with contextlib.suppress(OSError):
            self.far.send(b"!")

    def stop(self):
        """Takes no new job: run returns when those in hand are done. For any
        thread, and for signal handlers."""
        self.draining = True
        self.wake()

    def run(self):
        """Works until stop, over lost connections. Once only."""
        backoff = Backoff()
        with self.near, self.far:
            while True:
                try:
                    return self.serve(backoff)
                except Error as error:
                    if self.draining and not self.works:
                        return None
                    if not error.resumable:
                        raise
                    backoff.wait(error)

    def serve(self, backoff):
        """One connection: who we are, what we hold, what was not heard."""
        stream = self.client.connected().call("runnel.v1.WorkerService/Work")
        self.hello.claims = len(self.works)
        self.hello.draining = drained = self.draining
        self.send(stream, registration=self.hello)
        for work in self.works.values():
            work.sent = 0
        beat_s = 0
        while self.take_all(stream, backoff):
            beat_s = min(beat_s, time.monotonic() + self.heartbeat_s)
            if time.monotonic() >= beat_s:
                works = self.works.values()
                self.send(stream, heartbeat={
                    "leases": [work.lease for work in works],
                    "acknowledged": [work.acknowledged for work in works]})
                beat_s = time.monotonic() + self.heartbeat_s
            # Counted before the drain is looked for: what is released after
            # stop must come to the core after it.
            due = [(work, len(work.reports)) for work in self.works.values()]
            if self.draining and not drained:
                self.send(stream, drain={})
                drained = True
            for work, count in due:
                while work.sent < count:
                    stream.send(work.reports[work.sent])
                    work.sent += 1
            ready = select.select([stream.connection.socket, self.near], [],
                                  [], max(0, beat_s - time.monotonic()))[0]
            if self.near in ready:
                self.near.recv(4096)

    @staticmethod
    def send(stream, **report):
        stream.send(workers_pb2.WorkRequest(**report).SerializeToString())

    def take_all(self, stream, backoff):
        """The orders that have come; False: there will be no more."""
        while stream.poll():
            data = stream.receive()
            if data is None:
                return False
            backoff.reset()
            with self.changed:
                self.take(workers_pb2.WorkResponse.FromString(data))
                self.changed.notify_all()
        return True

    def take(self, order):
        if order.HasField("assign"):
            work = Work(self, order.assign)
            self.works[work.lease.job_id, work.lease.attempt] = work
            threading.Thread(target=work.run, daemon=True).start()
            return
        if order.HasField("registered"):
            self.heartbeat_s = order.registered.heartbeat_interval \
                .ToTimedelta().total_seconds() or HEARTBEAT_S
            return
        about = order.acknowledge if order.HasField("acknowledge") \
            else order.stop.lease
        work = self.works.get((about.job_id, about.attempt))
        if work and order.HasField("acknowledge"):
            work.acknowledged.CopyFrom(about)
        if work and order.HasField("stop"):
            work.stopped = True
            work.reports.clear()
        while work and work.reports and \
                work.number - len(work.reports) < about.report_sequence:
            work.reports.popleft()
            work.sent = max(0, work.sent - 1)
        if work and not work.reports and (work.stopped or work.ended):
            del self.works[about.job_id, about.attempt]
