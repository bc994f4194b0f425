/* SPDX-License-Identifier: Apache-2.0 */
#include "timestamp.h"

#define NS_PER_S INT64_C(1000000000)
#define MS_PER_S INT64_C(1000)

int64_t rnl_timestamp_ns(const Google__Protobuf__Timestamp *timestamp)
{
    return timestamp->seconds * NS_PER_S + timestamp->nanos;
}

/* In units of which a second has so many. */
static void set(Google__Protobuf__Timestamp *timestamp, int64_t time,
                int64_t per_second)
{
    int64_t rest = time % per_second;
    *timestamp = (Google__Protobuf__Timestamp)GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    timestamp->seconds = time / per_second;
    if (rest < 0) {
        rest += per_second;
        timestamp->seconds--;
    }
    timestamp->nanos = (int32_t)(rest * (NS_PER_S / per_second));
}

void rnl_timestamp_set(Google__Protobuf__Timestamp *timestamp, int64_t ns)
{
    set(timestamp, ns, NS_PER_S);
}

void rnl_timestamp_set_ms(Google__Protobuf__Timestamp *timestamp, int64_t ms)
{
    set(timestamp, ms, MS_PER_S);
}

int64_t rnl_duration_ns(const Google__Protobuf__Duration *duration)
{
    return duration->seconds * NS_PER_S + duration->nanos;
}

void rnl_duration_set(Google__Protobuf__Duration *duration, int64_t ns)
{
    *duration = (Google__Protobuf__Duration)GOOGLE__PROTOBUF__DURATION__INIT;
    duration->seconds = ns / NS_PER_S;
    duration->nanos = (int32_t)(ns % NS_PER_S);
}
