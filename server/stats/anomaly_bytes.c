/* SPDX-License-Identifier: Apache-2.0 */
#include "anomaly_bytes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* ---- writing ---- */

static void write_bytes(struct rnl_writer *writer, const uint8_t *data,
                        size_t len)
{
    if (writer->out != NULL && len > 0)
        memcpy(writer->out + writer->len, data, len);
    writer->len += len;
}

static void write_doubles(struct rnl_writer *writer, const double *numbers,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        rnl_write_double(writer, numbers[i]);
}

static void write_detector(struct rnl_writer *writer,
                           const struct rnl_detector *detector)
{
    rnl_write_varint(writer, detector->value_count);
    rnl_write_varint(writer, detector->value_next);
    write_doubles(writer, detector->values, detector->value_count);
    rnl_write_varint(writer, detector->count);
    rnl_write_varint(writer, detector->next);
    write_doubles(writer, detector->ring, detector->count);
    rnl_write_double(writer, detector->z);
    rnl_write_varint(writer, detector->episode);
}

static void write_moments(struct rnl_writer *writer,
                          const struct rnl_moments *moments)
{
    size_t len = rnl_moments_serialized_len(moments);
    rnl_write_varint(writer, len);
    if (writer->out != NULL)
        rnl_moments_serialize(moments, writer->out + writer->len);
    writer->len += len;
}

static void write_histogram(struct rnl_writer *writer,
                            const struct rnl_histogram *histogram)
{
    size_t len = rnl_histogram_serialized_len(histogram);
    rnl_write_varint(writer, len);
    if (writer->out != NULL)
        rnl_histogram_serialize(histogram, writer->out + writer->len);
    writer->len += len;
}

void rnl_judge_write(struct rnl_writer *writer, const struct rnl_judge *judge)
{
    rnl_write_varint(writer, judge->begun);
    rnl_write_varint(writer, rnl_zigzag(judge->pane));
    for (size_t d = 0; d < 4; d++)
        write_detector(writer, &judge->detectors[d]);
    write_moments(writer, &judge->few_values);
    write_histogram(writer, &judge->few_latencies);
}

static size_t kept_count(const struct rnl_anomalies *anomalies)
{
    return anomalies->sequence < RNL_METER_ANOMALIES_MAX
               ? (size_t)anomalies->sequence
               : RNL_METER_ANOMALIES_MAX;
}

static void write_anomaly(struct rnl_writer *writer,
                          const struct rnl_meter_anomaly *anomaly)
{
    rnl_write_varint(writer, rnl_zigzag(anomaly->time_ms));
    rnl_write_varint(writer, (uint64_t)anomaly->metric);
    rnl_write_varint(writer, (uint64_t)anomaly->method);
    rnl_write_double(writer, anomaly->observed);
    rnl_write_double(writer, anomaly->baseline);
    rnl_write_double(writer, anomaly->score);
    rnl_write_double(writer, anomaly->threshold);
    rnl_write_varint(writer, anomaly->key_len);
    write_bytes(writer, anomaly->key, anomaly->key_len);
}

/* Oldest first. */
void rnl_anomalies_write(struct rnl_writer *writer,
                         const struct rnl_anomalies *anomalies)
{
    size_t count = kept_count(anomalies);
    rnl_write_varint(writer, anomalies->sequence);
    for (size_t i = 0; i < count; i++) {
        size_t at = (anomalies->sequence - count + i) % RNL_METER_ANOMALIES_MAX;
        write_anomaly(writer, &anomalies->ring[at]);
    }
}

/* ---- reading ---- */

/* Numbers of 32 bits up to a limit. */
static bool get_small(struct rnl_wire *in, uint32_t max, uint32_t *ret_number)
{
    uint64_t number;
    if (!rnl_get_varint(in, &number) || number > max)
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

/* NaN has no place in the order. */
static bool get_number(struct rnl_wire *in, double *ret_number)
{
    return rnl_get_double(in, ret_number) && !isnan(*ret_number);
}

static bool get_doubles(struct rnl_wire *in, double *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!get_number(in, &numbers[i]))
            return false;
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool read_detector(struct rnl_detector *detector, struct rnl_wire *in)
{
    if (!get_small(in, RNL_ANOMALY_BASE, &detector->value_count) ||
        !get_small(in, RNL_ANOMALY_BASE - 1, &detector->value_next) ||
        !get_doubles(in, detector->values, detector->value_count) ||
        !get_small(in, RNL_ANOMALY_RECENT, &detector->count) ||
        !get_small(in, RNL_ANOMALY_RECENT - 1, &detector->next) ||
        !get_doubles(in, detector->ring, detector->count) ||
        !get_number(in, &detector->z) ||
        !get_small(in, UINT32_MAX, &detector->episode))
        return false;
    /* A ring that is not full is filled from its start. */
    if ((detector->value_count < RNL_ANOMALY_BASE &&
         detector->value_next != detector->value_count) ||
        (detector->count < RNL_ANOMALY_RECENT &&
         detector->next != detector->count))
        return false;
    memcpy(detector->sorted, detector->ring,
           detector->count * sizeof(detector->ring[0]));
    qsort(detector->sorted, detector->count, sizeof(detector->sorted[0]),
          by_value);
    return true;
}

static bool get_block(struct rnl_wire *in, struct rnl_wire *ret_block)
{
    uint64_t len;
    if (!rnl_get_varint(in, &len) || len > (size_t)(in->end - in->at))
        return false;
    *ret_block = (struct rnl_wire){in->at, in->at + len};
    in->at += len;
    return true;
}

enum rnl_code rnl_judge_read(struct rnl_judge *judge, struct rnl_wire *in)
{
    uint32_t begun;
    uint64_t pane;
    struct rnl_wire block;
    if (!get_small(in, 1, &begun) || !rnl_get_varint(in, &pane))
        return RNL_INVALID_ARGUMENT;
    judge->begun = begun == 1;
    judge->pane = rnl_unzigzag(pane);
    for (size_t d = 0; d < 4; d++) {
        if (!read_detector(&judge->detectors[d], in))
            return RNL_INVALID_ARGUMENT;
    }
    if (!get_block(in, &block))
        return RNL_INVALID_ARGUMENT;
    enum rnl_code code = rnl_moments_deserialize(
        &judge->few_values, block.at, (size_t)(block.end - block.at));
    if (code != RNL_OK)
        return code;
    if (!get_block(in, &block))
        return RNL_INVALID_ARGUMENT;
    return rnl_histogram_deserialize(&judge->few_latencies, block.at,
                                     (size_t)(block.end - block.at));
}

static bool read_anomaly(struct rnl_meter_anomaly *anomaly, struct rnl_wire *in)
{
    uint64_t time;
    uint32_t metric, method;
    if (!rnl_get_varint(in, &time) ||
        !get_small(in, RNL_ANOMALY_OF_EVENT_LATENCY, &metric) || metric == 0 ||
        !get_small(in, RNL_ANOMALY_BY_THRESHOLD, &method) || method == 0 ||
        !get_number(in, &anomaly->observed) ||
        !get_number(in, &anomaly->baseline) ||
        !get_number(in, &anomaly->score) ||
        !get_number(in, &anomaly->threshold) ||
        !get_small(in, RNL_METER_KEY_BYTES_MAX, &anomaly->key_len) ||
        anomaly->key_len > (size_t)(in->end - in->at) ||
        !rnl_utf8_valid(in->at, anomaly->key_len))
        return false;
    anomaly->time_ms = rnl_unzigzag(time);
    anomaly->metric = (enum rnl_anomaly_of)metric;
    anomaly->method = (enum rnl_anomaly_by)method;
    memcpy(anomaly->key, in->at, anomaly->key_len);
    in->at += anomaly->key_len;
    return true;
}

bool rnl_anomalies_read(struct rnl_anomalies *anomalies, struct rnl_wire *in)
{
    if (!rnl_get_varint(in, &anomalies->sequence))
        return false;
    size_t count = kept_count(anomalies);
    for (size_t i = 0; i < count; i++) {
        uint64_t before = anomalies->sequence - count + i;
        struct rnl_meter_anomaly *anomaly =
            &anomalies->ring[before % RNL_METER_ANOMALIES_MAX];
        anomaly->sequence = before + 1;
        if (!read_anomaly(anomaly, in))
            return false;
    }
    return true;
}
