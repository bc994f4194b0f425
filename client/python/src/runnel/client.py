# SPDX-License-Identifier: Apache-2.0
"""A client: its connection, and jobs."""
import ssl
import time

from . import arguments
from .admin import Admin
from .backoff import Backoff
from .errors import Code, Error
from .statistics import Statistics
from .v1 import jobs_pb2
from .wire import Connection

TERMINAL = {jobs_pb2.JOB_STATE_SUCCEEDED, jobs_pb2.JOB_STATE_FAILED,
            jobs_pb2.JOB_STATE_CANCELLED, jobs_pb2.JOB_STATE_EXPIRED}


def read_address(text):
    """(HOST, PORT), or the path of a Unix socket."""
    arguments.text("address", text)
    if text.startswith("unix:") and len(text) > len("unix:"):
        return text[len("unix:"):]
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or \
            not 1 <= int(port) <= 65535:
        raise ValueError("address must be HOST:PORT, with a port from 1 to "
                         "65535, or unix:PATH: %r" % text)
    return host.strip("[]"), int(port)


class Client(Statistics, Admin):
    """A client of one core, at HOST:PORT or unix:PATH. It connects with the
    first call, and again when the connection is lost. tls: True to trust the
    system's roots, or an ssl.SSLContext. timeout_s: of each call that answers
    once, up to a day.

    Here and in all that follows a TypeError or ValueError names an argument
    that is none; what only the core can judge is an Error with
    INVALID_ARGUMENT, which names the field."""

    def __init__(self, address="127.0.0.1:7400", token="", timeout_s=30,
                 tls=None):
        self.address = read_address(address)
        self.token = arguments.text("token", "" if token is None else token)
        if not isinstance(tls, (bool, type(None), ssl.SSLContext)):
            raise arguments.wrong("tls", "True or an ssl.SSLContext", tls)
        if tls and isinstance(self.address, str):
            raise ValueError("tls: is not spoken over a Unix socket")
        self.tls = ssl.create_default_context() if tls is True else tls or None
        self.timeout_s = arguments.seconds("timeout_s", timeout_s)
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the connection; the next call would open another."""
        if self.connection:
            self.connection.close()
        self.connection = None

    def connected(self):
        """The connection, made if there is none."""
        now = self.connection
        if now is None or now.closed or now.draining:
            # A core that drains finishes the calls that it has.
            if now and not now.streams:
                now.close()
            self.connection = Connection(self.address, self.token,
                                         tls=self.tls)
        return self.connection

    def call(self, method, request, answer_type, bounded=True):
        """One request, one answer, within timeout_s if that is to bound it.
        Not repeated when the connection is lost, since it may have been
        carried out."""
        deadline = time.monotonic() + self.timeout_s if bounded else None
        stream = self.connected().call("runnel.v1." + method, deadline)
        try:
            stream.send(request.SerializeToString())
            stream.half_close()
            data = stream.receive()
            if data is None:
                raise Error(Code.INTERNAL, "no answer")
            while stream.receive() is not None:
                pass
        finally:
            stream.cancel()
        return answer_type.FromString(data)

    # --- jobs ---

    def create_job(self, kind, data=None, text=None, content_type="",
                   **fields):
        """Creates a job with an input of text or of bytes (data). fields are
        those of CreateJobRequest: options, labels, priority,
        idempotency_key..."""
        if text is not None and data is not None:
            raise ValueError("text or data must be None: a job has one input")
        request = arguments.message(jobs_pb2.CreateJobRequest,
                                    kind=arguments.text("kind", kind), **fields)
        given = {name: value for name, value in (
            ("text", text), ("data", data),
            ("content_type", content_type or None)) if value is not None}
        if given:
            request.input.CopyFrom(arguments.message(jobs_pb2.Payload, **given))
        return self.call("JobService/CreateJob", request,
                         jobs_pb2.CreateJobResponse).job

    def get_job(self, job_id, include_input=False):
        request = arguments.message(
            jobs_pb2.GetJobRequest, job_id=arguments.text("job_id", job_id),
            include_input=include_input)
        return self.call("JobService/GetJob", request,
                         jobs_pb2.GetJobResponse).job

    def list_jobs(self, **filters):
        """Yields all jobs that fit, newest first. filters are the fields of
        ListJobsRequest."""
        request = arguments.message(jobs_pb2.ListJobsRequest, **filters)
        while True:
            page = self.call("JobService/ListJobs", request,
                             jobs_pb2.ListJobsResponse)
            yield from page.jobs
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def cancel_job(self, job_id, reason=""):
        request = arguments.message(
            jobs_pb2.CancelJobRequest, job_id=arguments.text("job_id", job_id),
            reason=reason)
        return self.call("JobService/CancelJob", request,
                         jobs_pb2.CancelJobResponse).job

    def delete_job(self, job_id):
        request = arguments.message(
            jobs_pb2.DeleteJobRequest, job_id=arguments.text("job_id", job_id))
        self.call("JobService/DeleteJob", request, jobs_pb2.DeleteJobResponse)

    def watch(self, job_id, after_sequence=0):
        """Yields every event after a sequence, live, without gap or
        repetition, over lost connections, to the terminal one."""
        arguments.text("job_id", job_id)
        after_sequence = arguments.whole("after_sequence", after_sequence, 0,
                                         2 ** 64 - 1)
        epoch, backoff = None, Backoff()
        while True:
            try:
                connection = self.connected()
                epoch = epoch or connection.epoch
                if connection.epoch != epoch:
                    raise Error(Code.NOT_FOUND, "job %s is gone: the core was "
                                "restarted without its earlier jobs" % job_id)
                for event in self.watch_once(connection, job_id,
                                             after_sequence):
                    after_sequence = event.sequence
                    backoff.reset()
                    yield event
                return
            except Error as error:
                if epoch is None or not error.resumable:
                    raise
                backoff.wait(error)

    @staticmethod
    def watch_once(connection, job_id, after):
        """The events of one connection, checked to be the next ones."""
        request = jobs_pb2.WatchJobRequest(job_id=job_id, after_sequence=after)
        stream = connection.call("runnel.v1.JobService/WatchJob")
        asked, ended = after, False
        try:
            stream.send(request.SerializeToString())
            stream.half_close()
            while not ended:
                data = stream.receive()
                if data is None:
                    break
                event = jobs_pb2.WatchJobResponse.FromString(data).event
                if (event.first_sequence or event.sequence) != after + 1:
                    raise Error(Code.DATA_LOSS, "the core did not go on with "
                                "event %d" % (after + 1))
                after = event.sequence
                ended = event.state.state in TERMINAL
                yield event
            if not ended and (after != asked or after == 0):
                raise Error(Code.INTERNAL, "the core ended the watch after "
                            "event %d, before the job had ended" % after)
        finally:
            stream.cancel()

    def output(self, job_id):
        """Waits for the end of a job; returns all of its output, and its
        state."""
        output, state = bytearray(), jobs_pb2.JOB_STATE_UNSPECIFIED
        for event in self.watch(job_id):
            output += event.delta.data or event.delta.text.encode()
            state = event.state.state or state
        return bytes(output), state
