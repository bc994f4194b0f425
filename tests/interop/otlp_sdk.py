# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's SDK as a maker of exponential histograms."""
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import (
    encode_metrics)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import (
    ExponentialBucketHistogramAggregation, View)


def sdk_points(values, size):
    """What OpenTelemetry's SDK makes of values with so many buckets."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], views=[View(
        instrument_name="*",
        aggregation=ExponentialBucketHistogramAggregation(max_size=size))])
    histogram = provider.get_meter("test").create_histogram("value")
    for value in values:
        histogram.record(value)
    message = encode_metrics(reader.get_metrics_data())
    provider.shutdown()
    metric = message.resource_metrics[0].scope_metrics[0].metrics[0]
    return metric.exponential_histogram.data_points
