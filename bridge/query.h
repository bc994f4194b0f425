/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a URL's query: split, decoded, checked to be UTF-8. */
#ifndef RNL_BRIDGE_QUERY_H
#define RNL_BRIDGE_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "pbjson.h"

/* GetFrequency takes most of them: 1,000 keys. */
#define RNL_QUERY_PARAM_MAX 1024

/* Of names in a query that are no fields of a message. */
#define RNL_QUERY_VALUE_MAX 256

struct rnl_query_param {
    /* Owned by the query. */
    const char *name;
    const char *value;
};

struct rnl_query {
    struct rnl_query_param *params;
    size_t count;
    /* Owned: what names and values point into. */
    char *text;
};

/*
 * Reads "a=1&b=x%20y+z". An empty parameter ("&&") is skipped, one without '='
 * has the value "".
 *
 * Errors: RNL_INVALID_ARGUMENT for a bad escape, U+0000, text that is not
 * UTF-8, or more than RNL_QUERY_PARAM_MAX parameters; RNL_RESOURCE_EXHAUSTED.
 */
RNL_MUST_USE enum rnl_code rnl_query_init(struct rnl_query *query,
                                          const char *raw, size_t len,
                                          struct rnl_pbjson_error *ret_error);

void rnl_query_fini(struct rnl_query *query);

/* The first value of that name, or NULL. */
const char *rnl_query_get(const struct rnl_query *query, const char *name);

/* Reads a decimal number; false when value is none of min to max. */
bool rnl_query_number(const char *value, uint64_t min, uint64_t max,
                      uint64_t *ret_number);

/* Reads "300", "90s", "5m", "1h", "1d" as seconds, "all" as 0. */
bool rnl_query_window(const char *value, uint32_t *ret_seconds);

#endif
