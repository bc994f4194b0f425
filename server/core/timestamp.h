/* SPDX-License-Identifier: Apache-2.0 */
/* google.protobuf.Timestamp from and to numbers since 1970, and Duration. */
#ifndef RNL_CORE_TIMESTAMP_H
#define RNL_CORE_TIMESTAMP_H

#include <stdint.h>

#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>

int64_t rnl_timestamp_ns(const Google__Protobuf__Timestamp *timestamp);

/* Initialises it too. Nanos are never negative, as the type has it. */
void rnl_timestamp_set(Google__Protobuf__Timestamp *timestamp, int64_t ns);
void rnl_timestamp_set_ms(Google__Protobuf__Timestamp *timestamp, int64_t ms);

/* The same of a length of time, which is not negative. */
int64_t rnl_duration_ns(const Google__Protobuf__Duration *duration);
void rnl_duration_set(Google__Protobuf__Duration *duration, int64_t ns);

#endif
