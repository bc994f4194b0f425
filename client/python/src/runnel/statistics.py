# SPDX-License-Identifier: Apache-2.0
"""Statistics streams: the calls of StatsService and IngestBatch.

In all of them window_seconds is one of the stream's windows, and 0 is all
time. NOT_FOUND: there is no such stream; INVALID_ARGUMENT: an argument is out
of range, or it has no such window; TypeError or ValueError: it is no such thing
at all, and is named."""
from . import arguments
from .backoff import Backoff
from .errors import Error
from .ingest import Ingest, batch_of
from .v1 import events_pb2, stats_pb2


def metric_of(name):
    return arguments.member("metric", name, stats_pb2.Metric, "METRIC_")


def about(request, stream, /, **fields):
    """A request about a stream."""
    return arguments.message(request, stream=arguments.text("stream", stream),
                             **fields)


def about_sketch(request, stream, kind, layout, **fields):
    return about(request, stream, kind=arguments.member(
        "kind", kind, stats_pb2.SketchKind, "SKETCH_KIND_"),
        format=arguments.member("layout", layout, stats_pb2.SketchFormat,
                                "SKETCH_FORMAT_"), **fields)


class Statistics:
    """Of a Client, which has call and connected."""

    # --- events in ---

    def ingest(self, stream, **options):
        """An Ingest into a stream, which is made when there is none."""
        return Ingest(self, stream, **options)

    def ingest_batch(self, stream, keys, values=(), latencies_ms=(),
                     times_ms=(), producer_id="", producer_sequence=0):
        """Sends one batch by a call of its own, and waits for its answer, an
        IngestBatchResponse: accepted_events, late_events, duplicate. It is
        taken whole or not at all. For more than a few, ingest is faster.

        keys has one of 1 to 256 bytes an event, 1 to 65,536 of them. The other
        columns are as long, or empty: values are finite, latencies_ms finite
        and not negative, times_ms count from 1970 and lie within 2^32 ms (49
        days) of each other. Without times the time of arrival is taken.

        Not repeated when the connection is lost. With a producer_id, of 1 to
        64 bytes, and a number from 1 that rises, the caller can do so: a
        batch that was taken before is a duplicate and not counted again.

        Errors: TypeError or ValueError for what is none of these, and times
        too far apart; INVALID_ARGUMENT names a column of another length;
        ALREADY_EXISTS: the producer's last number had another batch;
        RESOURCE_EXHAUSTED: the batch is above the core's max_frame_bytes, or
        its statistics have no room."""
        numbers = {}
        indexes = [numbers.setdefault(key, len(numbers)) for key
                   in arguments.each("keys", keys, arguments.text)]
        arguments.each("keys", list(numbers), arguments.key)
        batch = batch_of(
            stream, numbers, indexes,
            arguments.column("values", values, arguments.real),
            arguments.column("latencies_ms", latencies_ms, arguments.latency),
            arguments.column("times_ms", times_ms, arguments.time_ms))
        batch.producer_id = arguments.text("producer_id", producer_id)
        batch.producer_sequence = arguments.whole(
            "producer_sequence", producer_sequence, 0, 2 ** 64 - 1)
        return self.call("EventService/IngestBatch",
                         events_pb2.IngestBatchRequest(batch=batch),
                         events_pb2.IngestBatchResponse)

    # --- streams ---

    def create_stream(self, name, **fields):
        """Creates a stream, and returns its StreamInfo. One that is there with
        the same configuration is returned as it is. fields are those of
        StreamConfig: window_seconds (at most 8, 1 to 86,400 each),
        unique_precision (4 to 18), top_capacity (1 to 1,000),
        unique_algorithm="UNIQUE_ALGORITHM_ULTRALOGLOG"...

        Errors: ALREADY_EXISTS: it has another configuration;
        INVALID_ARGUMENT names the field; RESOURCE_EXHAUSTED: there are
        max_event_streams (info().limits)."""
        if "value_threshold" in fields:
            fields.setdefault("value_threshold_set", True)
        config = arguments.message(stats_pb2.StreamConfig,
                                   name=arguments.text("name", name), **fields)
        request = stats_pb2.CreateStreamRequest(config=config)
        return self.call("StatsService/CreateStream", request,
                         stats_pb2.CreateStreamResponse).stream

    def get_stream(self, stream):
        """The StreamInfo: config, count, rate (events a second over the last
        60 s), memory_bytes..."""
        request = about(stats_pb2.GetStreamRequest, stream)
        return self.call("StatsService/GetStream", request,
                         stats_pb2.GetStreamResponse).stream

    def list_streams(self, page_size=0):
        """Yields the StreamInfo of every stream; page_size, 1 to 1,000, is how
        many a call asks for, 0 means 100."""
        request = arguments.message(stats_pb2.ListStreamsRequest,
                                    page_size=page_size)
        while True:
            page = self.call("StatsService/ListStreams", request,
                             stats_pb2.ListStreamsResponse)
            yield from page.streams
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def delete_stream(self, stream):
        """Forgets a stream with all its figures; its watches end."""
        self.call("StatsService/DeleteStream",
                  about(stats_pb2.DeleteStreamRequest, stream),
                  stats_pb2.DeleteStreamResponse)

    # --- questions ---

    def stats(self, stream, window_seconds=0, top=10):
        """The StreamStats of a window, with so many of the most frequent keys:
        at most the stream's top_capacity."""
        return self.stats_and_anomalies(stream, window_seconds, top).stats

    def anomalies(self, stream):
        """The newest anomalies of a stream, at most 100, oldest first."""
        return list(self.stats_and_anomalies(stream).anomalies)

    def stats_and_anomalies(self, stream, window_seconds=0, top=10):
        """Both at once: GetStatsResponse."""
        request = about(stats_pb2.GetStatsRequest, stream,
                        window_seconds=window_seconds, top=top)
        return self.call("StatsService/GetStats", request,
                         stats_pb2.GetStatsResponse)

    def frequency(self, stream, keys, window_seconds=0):
        """How often keys, 1 to 1,000, occurred: a KeyFrequency for each, in
        their order. lower <= true count <= upper, with its confidence."""
        request = about(
            stats_pb2.GetFrequencyRequest, stream,
            keys=arguments.each("keys", keys, arguments.text),
            window_seconds=window_seconds)
        return list(self.call("StatsService/GetFrequency", request,
                              stats_pb2.GetFrequencyResponse).frequencies)

    def quantiles(self, stream, metric, q, window_seconds=0):
        """The quantiles q, 1 to 100 of 0 to 1, of a metric: "value", or
        "latency" in milliseconds. A GetQuantilesResponse: quantiles, each with
        its q and value, which is within relative_error of a true value of that
        rank, and the count of values. None of them when the count is 0.

        ValueError: there is no such metric."""
        request = about(
            stats_pb2.GetQuantilesRequest, stream, metric=metric_of(metric),
            q=arguments.each("q", q, arguments.real),
            window_seconds=window_seconds)
        return self.call("StatsService/GetQuantiles", request,
                         stats_pb2.GetQuantilesResponse)

    def rank(self, stream, metric, values, window_seconds=0):
        """The share of events at or below each of values, 1 to 100 finite
        ones; the metric is as in quantiles. A GetRankResponse: ranks of 0 to
        1, in the order of values, each the exact one of some value within
        relative_error of that value, and the count. None of them when the
        count is 0.

        ValueError: there is no such metric."""
        request = about(
            stats_pb2.GetRankRequest, stream, metric=metric_of(metric),
            values=arguments.each("values", values, arguments.real),
            window_seconds=window_seconds)
        return self.call("StatsService/GetRank", request,
                         stats_pb2.GetRankResponse)

    # --- sketches ---

    def export_sketch(self, stream, kind, layout="runnel", window_seconds=0):
        """The bytes of a sketch. Of kind "unique" there are the layouts
        "runnel", "datasketches" and "redis_hyll", of "frequency" "runnel" and
        "datasketches", of "value" and "latency" "runnel", "ddsketch" and
        "otel_exponential".

        Errors: ValueError: no such kind or layout; INVALID_ARGUMENT: the kind
        does not have that layout; FAILED_PRECONDITION: unique keys are hashed
        otherwise than the layout wants, and are not all known by name."""
        request = about_sketch(stats_pb2.ExportSketchRequest, stream, kind,
                               layout, window_seconds=window_seconds)
        return self.call("StatsService/ExportSketch", request,
                         stats_pb2.ExportSketchResponse).sketch

    def merge_sketch(self, stream, kind, sketch, layout="runnel",
                     producer_id="", producer_sequence=0):
        """Merges a sketch into the figures of all time of a stream that is
        there, whole or not at all; kinds and layouts are as in export_sketch.
        A MergeSketchResponse: the count of distinct keys, events or values in
        the sketch, and whether it was a duplicate. docs/streams.md says what
        each kind changes.

        The producer_id and its number make a repeated one count once, as in
        ingest_batch, with which ids are shared.

        Errors: ValueError: no such kind or layout; INVALID_ARGUMENT: bytes
        that are damaged or not of that layout; FAILED_PRECONDITION: the sketch
        does not go together with the stream's configuration; ALREADY_EXISTS:
        the producer's last number had another sketch; RESOURCE_EXHAUSTED: it
        is above 16 MiB or the core's max_frame_bytes."""
        request = about_sketch(
            stats_pb2.MergeSketchRequest, stream, kind, layout, sketch=sketch,
            producer_id=producer_id, producer_sequence=producer_sequence)
        return self.call("StatsService/MergeSketch", request,
                         stats_pb2.MergeSketchResponse)

    # --- live ---

    def watch_stats(self, stream, interval_ms=1000, window_seconds=(), top=10):
        """Yields a WatchStatsResponse whenever something has changed, at
        most once in interval_ms (100 to 3,600,000), and for each anomaly; over
        lost connections. window_seconds: those of the windows, 0 for all
        time; empty: all of them. Raises NOT_FOUND when the stream is not
        there, or is deleted."""
        request = about(
            stats_pb2.WatchStatsRequest, stream, interval_ms=interval_ms,
            top=top, window_seconds=window_seconds)
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
