/* SPDX-License-Identifier: Apache-2.0 */
/* Times and durations as the canonical protobuf JSON mapping writes them:
 * "2026-01-31T12:00:00.250Z" (RFC 3339) and "1.500s". */
#ifndef RNL_BRIDGE_RFC3339_H
#define RNL_BRIDGE_RFC3339_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the longest text of either kind, with its NUL. 36 bytes would do;
 * this is what a compiler can prove to be enough. */
#define RNL_TIME_TEXT_MAX 96

/* 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z, as the mapping has it. */
#define RNL_TIMESTAMP_SECONDS_MIN INT64_C(-62135596800)
#define RNL_TIMESTAMP_SECONDS_MAX INT64_C(253402300799)

/* About 10,000 years either way. */
#define RNL_DURATION_SECONDS_MAX INT64_C(315576000000)

/* Writes UTC with 0, 3, 6 or 9 digits of fraction. False when seconds or nanos
 * (0 to 999,999,999) are out of range. */
bool rnl_timestamp_format(int64_t seconds, int32_t nanos,
                          char out[RNL_TIME_TEXT_MAX]);

/* Reads any offset and up to 9 digits of fraction. Leap seconds are refused:
 * Unix time has none. */
bool rnl_timestamp_parse(const char *text, size_t len, int64_t *ret_seconds,
                         int32_t *ret_nanos);

/* seconds and nanos carry the same sign. */
bool rnl_duration_format(int64_t seconds, int32_t nanos,
                         char out[RNL_TIME_TEXT_MAX]);
bool rnl_duration_parse(const char *text, size_t len, int64_t *ret_seconds,
                        int32_t *ret_nanos);

#endif
