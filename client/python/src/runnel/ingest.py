# SPDX-License-Identifier: Apache-2.0
"""Events into a statistics stream, in columnar batches, each counted once."""
import collections
import secrets
import time

from . import arguments
from .errors import Error
from .v1 import events_pb2

METHOD = "runnel.v1.EventService/Ingest"
# The times of a batch are 32-bit offsets.
TIME_SPAN_MS_MAX = 2 ** 32 - 1
# Numbers that any column of them takes.
PLAIN, PLAIN_MAX = {float, int}, 2 ** 62


def batch_of(stream, keys, indexes, values, latencies_ms, times_ms):
    """The EventBatch of columns that were checked: indexes has for each event
    the position of its key in keys, which are distinct."""
    keys = [key.encode() for key in keys]
    batch = events_pb2.EventBatch(
        stream=arguments.text("stream", stream), keys=b"".join(keys),
        key_lengths=[len(key) for key in keys], key_indexes=indexes,
        values=values, latencies_ms=latencies_ms)
    if times_ms:
        batch.time_base_ms = min(times_ms)
        if max(times_ms) - batch.time_base_ms > TIME_SPAN_MS_MAX:
            raise ValueError("times_ms must lie within 2^32 ms of each other")
        batch.time_offsets_ms.extend(
            time_ms - batch.time_base_ms for time_ms in times_ms)
    return batch


class Ingest:
    """Gathers events and sends them in batches, several of which may be on
    their way. A batch that was not acknowledged when a connection is lost is
    sent again under its number. Used as a context it drains at the end."""

    def __init__(self, client, stream, batch_events=8192, in_flight_max=16,
                 producer_id=None, timeout_s=30, wait_for_connection=False):
        whole = arguments.whole
        self.client = client
        self.stream = arguments.text("stream", stream)
        self.batch_events = whole("batch_events", batch_events, 1, 65536)
        self.in_flight_max = whole("in_flight_max", in_flight_max, 1, 2 ** 31)
        self.producer_id = secrets.token_hex(16) if producer_id is None else \
            arguments.short("producer_id", producer_id, 64)
        # For the core to come back, and to acknowledge a batch.
        self.timeout_s = arguments.seconds("timeout_s", timeout_s)
        self.sequence = 0
        # Encoded, in order; of them, those sent over the present call.
        self.queue = collections.deque()
        self.sent = 0
        self.call = None
        # The core was reached once: from then on it is waited for.
        self.opened = wait_for_connection
        self.accepted_events = 0
        self.duplicate_batches = 0
        self.reset()

    def __enter__(self):
        return self

    def __exit__(self, error_type, *_):
        if error_type is None:
            self.drain()
            self.end()
        elif self.call:
            self.call.cancel()

    def end(self):
        """Ends the call, in which all is acknowledged. Never raises for the
        core: nothing depends on its answer."""
        if self.call:
            call, self.call = self.call, None
            call.deadline = time.monotonic() + self.timeout_s
            try:
                call.half_close()
                call.receive()
            except Error:
                pass

    def reset(self):
        self.columns = None
        self.keys = {}
        self.indexes, self.values, self.latencies, self.times = [], [], [], []
        self.time_ms_min = self.time_ms_max = None

    def event(self, key, value=None, latency_ms=None, time_ms=None):
        """Takes one event; blocks while too many batches are unacknowledged.
        A bad one is a TypeError or ValueError, and not taken.

        key: 1 to 256 bytes of UTF-8; value: finite; latency_ms: finite and not
        negative; time_ms: a whole number, from 1970 on, and None for the time
        of arrival."""
        # What nearly all events have is looked at here: a call costs as much as
        # all the rest.
        if type(key) is not str or key not in self.keys:
            arguments.key("key", key)
        if value is not None and not (
                type(value) in PLAIN and abs(value) < PLAIN_MAX):
            value = arguments.real("value", value)
        if latency_ms is not None and not (
                type(latency_ms) in PLAIN and 0 <= latency_ms < PLAIN_MAX):
            latency_ms = arguments.latency("latency_ms", latency_ms)
        if time_ms is not None and not (
                type(time_ms) is int and 0 <= time_ms < PLAIN_MAX):
            time_ms = arguments.time_ms("time_ms", time_ms)
        columns = (value is not None, latency_ms is not None,
                   time_ms is not None)
        if self.indexes and (columns != self.columns or
                             not self.spans(time_ms)):
            self.flush()
        self.columns = columns
        self.indexes.append(self.keys.setdefault(key, len(self.keys)))
        if columns[0]:
            self.values.append(value)
        if columns[1]:
            self.latencies.append(latency_ms)
        if columns[2]:
            self.times.append(time_ms)
            if len(self.times) == 1:
                self.time_ms_min = self.time_ms_max = time_ms
            self.time_ms_min = min(self.time_ms_min, time_ms)
            self.time_ms_max = max(self.time_ms_max, time_ms)
        if len(self.indexes) >= self.batch_events:
            self.flush()

    def spans(self, time_ms):
        """Whether one batch can have this time too."""
        return not self.times or (
            time_ms - self.time_ms_min <= TIME_SPAN_MS_MAX and
            self.time_ms_max - time_ms <= TIME_SPAN_MS_MAX)

    def flush(self):
        """Sends what was gathered; waits while too much is on its way."""
        self.seal()
        self.run(self.in_flight_max)

    def drain(self):
        """Sends what was gathered, and waits until all is acknowledged."""
        self.seal()
        self.run(0)

    def seal(self):
        """Ends the batch that is being gathered."""
        if not self.indexes:
            return
        self.sequence += 1
        batch = batch_of(self.stream, self.keys, self.indexes, self.values,
                         self.latencies, self.times)
        batch.producer_id = self.producer_id
        batch.producer_sequence = self.sequence
        request = events_pb2.IngestRequest(batch=batch)
        self.queue.append(request.SerializeToString())
        self.reset()

    def run(self, unacknowledged_max):
        """Sends what waits, and takes acknowledgements until few enough are
        out; over lost connections too, for timeout_s at most without any."""
        backoff_s, deadline = 0.1, time.monotonic() + self.timeout_s
        while True:
            before = len(self.queue)
            try:
                self.run_once(unacknowledged_max)
                return
            except Error as error:
                self.call, self.sent = None, 0
                if len(self.queue) < before:
                    backoff_s = 0.1
                    deadline = time.monotonic() + self.timeout_s
                if not self.opened or not error.resumable or \
                        time.monotonic() > deadline:
                    raise
                time.sleep(max(backoff_s, error.retry_delay_ms / 1000))
                backoff_s = min(2 * backoff_s, 5)

    def run_once(self, unacknowledged_max):
        if self.call is None:
            self.call = self.client.connected().call(METHOD)
            self.opened = True
        while self.sent < len(self.queue):
            self.call.send(self.queue[self.sent])
            self.sent += 1
            while self.sent and self.call.poll():
                self.take_ack()
        while len(self.queue) > unacknowledged_max:
            self.take_ack()

    def take_ack(self):
        data = self.call.receive()
        if data is None:
            self.call, self.sent = None, 0
            raise RuntimeError("the core ended the ingest")
        ack = events_pb2.IngestResponse.FromString(data)
        self.queue.popleft()
        self.sent -= 1
        self.accepted_events += ack.accepted_events
        self.duplicate_batches += ack.duplicate
