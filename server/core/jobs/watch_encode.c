/* SPDX-License-Identifier: Apache-2.0 */
#include "watch_encode.h"

#include <string.h>

#define NANOS INT64_C(1000000000)

/* Field numbers of jobs.proto; the tests decode with protobuf-c, so that a
 * number that is wrong here cannot stay unnoticed. */
enum {
    RESPONSE_EVENT = 1,
    EVENT_SEQUENCE = 1,
    EVENT_FIRST_SEQUENCE = 2,
    EVENT_TIME = 3,
    EVENT_DELTA = 4,
    EVENT_PROGRESS = 5,
    EVENT_STATE = 6,
    EVENT_LOG = 7,
    DELTA_TEXT = 1,
    DELTA_DATA = 2,
    TIME_SECONDS = 1,
    TIME_NANOS = 2,
    WIRE_VARINT = 0,
    WIRE_LEN = 2,
};

static size_t varint_len(uint64_t value)
{
    size_t len = 1;
    while (value >= 0x80) {
        value >>= 7;
        len++;
    }
    return len;
}

static uint8_t *put_varint(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

static uint8_t *put_tag(uint8_t *out, int field, int wire)
{
    *out++ = (uint8_t)(field << 3 | wire);
    return out;
}

/* A submessage or string: tag, length. */
static uint8_t *put_head(uint8_t *out, int field, size_t len)
{
    return put_varint(put_tag(out, field, WIRE_LEN), len);
}

static size_t block_len(size_t len)
{
    return 1 + varint_len(len) + len;
}

static size_t number_len(uint64_t value)
{
    return value == 0 ? 0 : 1 + varint_len(value);
}

static uint8_t *put_number(uint8_t *out, int field, uint64_t value)
{
    if (value == 0)
        return out;
    return put_varint(put_tag(out, field, WIRE_VARINT), value);
}

static size_t time_len(int64_t ns)
{
    return number_len((uint64_t)(ns / NANOS)) +
           number_len((uint64_t)(ns % NANOS));
}

static uint8_t *put_time(uint8_t *out, int64_t ns)
{
    out = put_head(out, EVENT_TIME, time_len(ns));
    out = put_number(out, TIME_SECONDS, (uint64_t)(ns / NANOS));
    return put_number(out, TIME_NANOS, (uint64_t)(ns % NANOS));
}

static bool is_delta(enum rnl_event_type type)
{
    return type == RNL_EVENT_TEXT || type == RNL_EVENT_DATA;
}

static int field_of(enum rnl_event_type type)
{
    switch (type) {
    case RNL_EVENT_TEXT:
    case RNL_EVENT_DATA:
        return EVENT_DELTA;
    case RNL_EVENT_PROGRESS:
        return EVENT_PROGRESS;
    case RNL_EVENT_LOG:
        return EVENT_LOG;
    case RNL_EVENT_STATE:
    case RNL_EVENT_END:
        break;
    }
    return EVENT_STATE;
}

static uint8_t *put_payload(uint8_t *out, const struct rnl_event *event)
{
    size_t len = event->len;
    if (is_delta(event->type)) {
        out = put_head(out, EVENT_DELTA, block_len(len));
        out = put_head(
            out, event->type == RNL_EVENT_TEXT ? DELTA_TEXT : DELTA_DATA, len);
    } else {
        out = put_head(out, field_of(event->type), len);
    }
    if (len > 0)
        memcpy(out, event->data, len);
    return out + len;
}

struct rnl_buf *rnl_watch_encode(const struct rnl_event *event,
                                 uint64_t first_sequence)
{
    size_t payload = event->len;
    if (is_delta(event->type))
        payload = block_len(payload);
    size_t body = number_len(event->sequence) + number_len(first_sequence) +
                  block_len(time_len(event->time_ns)) + block_len(payload);
    struct rnl_buf *buf = rnl_buf_create(block_len(body));
    if (buf == NULL)
        return NULL;
    uint8_t *out = put_head(buf->data, RESPONSE_EVENT, body);
    out = put_number(out, EVENT_SEQUENCE, event->sequence);
    out = put_number(out, EVENT_FIRST_SEQUENCE, first_sequence);
    out = put_time(out, event->time_ns);
    (void)put_payload(out, event);
    return buf;
}
