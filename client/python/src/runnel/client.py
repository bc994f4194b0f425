# SPDX-License-Identifier: Apache-2.0
"""Jobs and statistics."""
import random
import ssl
import time

from .errors import Code, Error
from .ingest import Ingest
from .v1 import admin_pb2, jobs_pb2, stats_pb2
from .wire import Connection

BACKOFF_FIRST_S = 0.1
BACKOFF_LAST_S = 10
TERMINAL = {jobs_pb2.JOB_STATE_SUCCEEDED, jobs_pb2.JOB_STATE_FAILED,
            jobs_pb2.JOB_STATE_CANCELLED, jobs_pb2.JOB_STATE_EXPIRED}


class Backoff:
    """Waits between attempts: doubled each time, with jitter of a half."""

    def __init__(self):
        self.wait_s = BACKOFF_FIRST_S

    def reset(self):
        self.wait_s = BACKOFF_FIRST_S

    def wait(self, error):
        wait_s = max(self.wait_s, error.retry_delay_ms / 1000)
        time.sleep(wait_s * (0.5 + random.random() / 2))
        self.wait_s = min(2 * self.wait_s, BACKOFF_LAST_S)


class Client:
    """A client of one core. It connects with the first call, and again when
    the connection is lost. tls: True to trust the system's roots, or an
    ssl.SSLContext."""

    def __init__(self, address="127.0.0.1:7400", token="", timeout_s=30,
                 tls=None):
        host, colon, port = address.rpartition(":")
        if not colon or not port.isdigit():
            raise ValueError("address must be HOST:PORT: %r" % address)
        self.address = (host.strip("[]"), int(port))
        self.token = token
        self.tls = ssl.create_default_context() if tls is True else tls or None
        # Of each call that answers once.
        self.timeout_s = timeout_s
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

    def call(self, method, request, answer_type):
        """One request, one answer. Not repeated when the connection is lost,
        since it may have been carried out."""
        deadline = time.monotonic() + self.timeout_s
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
        """Creates a job. fields are those of CreateJobRequest: options,
        labels, priority, idempotency_key..."""
        request = jobs_pb2.CreateJobRequest(kind=kind, **fields)
        if text is not None:
            request.input.text = text
        elif data is not None:
            request.input.data = data
        if content_type:
            request.input.content_type = content_type
        return self.call("JobService/CreateJob", request,
                         jobs_pb2.CreateJobResponse).job

    def get_job(self, job_id, include_input=False):
        request = jobs_pb2.GetJobRequest(job_id=job_id,
                                         include_input=include_input)
        return self.call("JobService/GetJob", request,
                         jobs_pb2.GetJobResponse).job

    def list_jobs(self, **filters):
        """Yields all jobs that fit, newest first."""
        request = jobs_pb2.ListJobsRequest(**filters)
        while True:
            page = self.call("JobService/ListJobs", request,
                             jobs_pb2.ListJobsResponse)
            yield from page.jobs
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def cancel_job(self, job_id, reason=""):
        request = jobs_pb2.CancelJobRequest(job_id=job_id, reason=reason)
        return self.call("JobService/CancelJob", request,
                         jobs_pb2.CancelJobResponse).job

    def delete_job(self, job_id):
        self.call("JobService/DeleteJob",
                  jobs_pb2.DeleteJobRequest(job_id=job_id),
                  jobs_pb2.DeleteJobResponse)

    def watch(self, job_id, after_sequence=0):
        """Yields every event after a sequence, live, without gap or
        repetition, over lost connections, to the terminal one."""
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

    # --- statistics ---

    def ingest(self, stream, **options):
        """An Ingest into a stream, which is made when there is none."""
        return Ingest(self, stream, **options)

    def stats(self, stream, window_seconds=0, top=10):
        """The StreamStats of a window; 0 is all time."""
        request = stats_pb2.GetStatsRequest(
            stream=stream, window_seconds=window_seconds, top=top)
        return self.call("StatsService/GetStats", request,
                         stats_pb2.GetStatsResponse).stats

    def frequency(self, stream, keys, window_seconds=0):
        """How often keys occurred: a KeyFrequency for each."""
        request = stats_pb2.GetFrequencyRequest(
            stream=stream, keys=keys, window_seconds=window_seconds)
        return list(self.call("StatsService/GetFrequency", request,
                              stats_pb2.GetFrequencyResponse).frequencies)

    def watch_stats(self, stream, interval_ms=1000, window_seconds=(), top=10):
        """Yields a WatchStatsResponse whenever something has changed, over
        lost connections."""
        request = stats_pb2.WatchStatsRequest(
            stream=stream, interval_ms=interval_ms, top=top,
            window_seconds=window_seconds)
        epoch, backoff = None, Backoff()
        while True:
            call = None
            try:
                connection = self.connected()
                if epoch not in (None, connection.epoch):
                    request.after_anomaly = 0
                epoch = connection.epoch
                call = connection.call("runnel.v1.StatsService/WatchStats")
                call.send(request.SerializeToString())
                call.half_close()
                while (data := call.receive()) is not None:
                    update = stats_pb2.WatchStatsResponse.FromString(data)
                    if update.HasField("anomaly"):
                        request.after_anomaly = update.anomaly.sequence
                    backoff.reset()
                    yield update
                return
            except Error as error:
                if epoch is None or not error.resumable:
                    raise
                backoff.wait(error)
            finally:
                if call:
                    call.cancel()

    def info(self):
        """The state of the core: GetInfoResponse."""
        return self.call("AdminService/GetInfo", admin_pb2.GetInfoRequest(),
                         admin_pb2.GetInfoResponse)
