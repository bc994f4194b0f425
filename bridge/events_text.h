/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as people and programs write them, into columns:
 *
 *   JSON    {"events":[{"key":"u1","value":3.5,"latencyMs":12,
 *                       "time":"2026-01-31T12:00:00Z"}]}
 *   NDJSON  one such event a line
 *   CSV     a header and one event a line; TSV likewise
 *
 * time is RFC 3339 or milliseconds since 1970. Errors name the event:
 * "events[3].value: must be a number", "line 7, value: must be a number".
 */
#ifndef RNL_BRIDGE_EVENTS_TEXT_H
#define RNL_BRIDGE_EVENTS_TEXT_H

#include <stddef.h>

#include <runnel/status.h>

#include "columns.h"
#include "pbjson.h"

/* Which columns of a table are meant; NULL: the usual names ("key", "value",
 * "latency_ms" or "latencyMs", "time"), of which only key must be there. */
struct rnl_event_names {
    const char *key;
    const char *value;
    const char *latency;
    const char *time;
};

/* All: RNL_INVALID_ARGUMENT with ret_error, or RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_events_from_json(
    struct rnl_columns *columns, const char *data, size_t len,
    struct rnl_pbjson_error *ret_error);

RNL_MUST_USE enum rnl_code rnl_events_from_ndjson(
    struct rnl_columns *columns, const char *data, size_t len,
    struct rnl_pbjson_error *ret_error);

/* What a table is, besides its bytes. */
struct rnl_table {
    char separator;
    struct rnl_event_names names;
};

RNL_MUST_USE enum rnl_code rnl_events_from_table(
    struct rnl_columns *columns, const struct rnl_table *table,
    const char *data, size_t len, struct rnl_pbjson_error *ret_error);

/* "2026-01-31T12:00:00Z" or "1769860800000": false when it is neither. */
bool rnl_event_time_parse(const char *text, size_t len, int64_t *ret_ms);

#endif
