/* SPDX-License-Identifier: Apache-2.0 */
/* How many jobs of a kind may run at once: the setting kind-concurrency,
 * "echo=2,llm=8". A kind that is not named has no limit of its own. */
#ifndef RNL_JOBS_KIND_LIMITS_H
#define RNL_JOBS_KIND_LIMITS_H

#include <stdint.h>

#include <runnel/status.h>

#include "job_bounds.h"

/* Kinds that one setting names: as many as an operator would write down. */
#define RNL_KIND_LIMITS_MAX 64

/* More than that is no limit: a worker alone takes 1,024. */
#define RNL_KIND_LIMIT_MAX 1000000

struct rnl_kind_limit {
    char kind[RNL_JOB_KIND_LEN_MAX + 1];
    uint32_t max;
};

struct rnl_kind_limits {
    struct rnl_kind_limit entries[RNL_KIND_LIMITS_MAX];
    uint32_t count;
};

/* Reads the setting's text. Errors: RNL_INVALID_ARGUMENT, and *ret_error is a
 * static sentence that says what an entry must be. */
RNL_MUST_USE enum rnl_code rnl_kind_limits_parse(
    const char *text, struct rnl_kind_limits *ret_limits,
    const char **ret_error);

/* UINT64_MAX: no limit. limits may be NULL. */
uint64_t rnl_kind_limits_of(const struct rnl_kind_limits *limits,
                            const char *kind);

#endif
