/* SPDX-License-Identifier: Apache-2.0 */
#include "kind_limits.h"

#include <stdlib.h>
#include <string.h>

#include "draft.h"

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

/* One entry, without what follows it. */
static const char *parse_entry(const char *text, size_t len,
                               struct rnl_kind_limit *ret_limit)
{
    char copy[RNL_JOB_KIND_LEN_MAX + 16];
    if (len >= sizeof(copy))
        return "an entry is too long: KIND=COUNT";
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *count = strchr(copy, '=');
    if (count == NULL)
        return "each entry must be KIND=COUNT";
    *count++ = '\0';
    if (!rnl_job_kind_valid(copy))
        return "a kind " RNL_JOB_KIND_RULE;
    size_t digits = strspn(count, "0123456789");
    unsigned long max = strtoul(count, NULL, 10);
    if (digits == 0 || count[digits] != '\0' || digits > 9 || max < 1 ||
        max > RNL_KIND_LIMIT_MAX)
        return "a count must be between 1 and " TEXT(RNL_KIND_LIMIT_MAX);
    ret_limit->max = (uint32_t)max;
    /* A valid kind has at most RNL_JOB_KIND_LEN_MAX bytes. */
    memcpy(ret_limit->kind, copy, strlen(copy) + 1);
    return NULL;
}

static const char *add_entry(struct rnl_kind_limits *limits, const char *text,
                             size_t len)
{
    struct rnl_kind_limit limit;
    if (limits->count == RNL_KIND_LIMITS_MAX)
        return "at most " TEXT(RNL_KIND_LIMITS_MAX) " kinds";
    const char *error = parse_entry(text, len, &limit);
    if (error != NULL)
        return error;
    if (rnl_kind_limits_of(limits, limit.kind) != UINT64_MAX)
        return "a kind is named twice";
    limits->entries[limits->count++] = limit;
    return NULL;
}

enum rnl_code rnl_kind_limits_parse(const char *text,
                                    struct rnl_kind_limits *ret_limits,
                                    const char **ret_error)
{
    struct rnl_kind_limits limits = {.count = 0};
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        const char *error = add_entry(&limits, text, len);
        if (error != NULL) {
            *ret_error = error;
            return RNL_INVALID_ARGUMENT;
        }
        text += len;
        if (*text == ',' && *++text == '\0') {
            *ret_error = "each entry must be KIND=COUNT";
            return RNL_INVALID_ARGUMENT;
        }
    }
    *ret_limits = limits;
    return RNL_OK;
}

uint64_t rnl_kind_limits_of(const struct rnl_kind_limits *limits,
                            const char *kind)
{
    for (uint32_t i = 0; limits != NULL && i < limits->count; i++) {
        if (strcmp(limits->entries[i].kind, kind) == 0)
            return limits->entries[i].max;
    }
    return UINT64_MAX;
}
