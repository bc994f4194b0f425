/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as RFC 9457 has them (application/problem+json):
 *
 *   {"type":"about:blank","title":"Bad Request","status":400,
 *    "detail":"...","code":"INVALID_ARGUMENT",
 *    "violations":[{"field":"options.pace_ms","description":"..."}]}
 */
#ifndef RNL_BRIDGE_PROBLEM_H
#define RNL_BRIDGE_PROBLEM_H

#include <stddef.h>
#include <stdint.h>

#include <runnel/client.h>
#include <runnel/status.h>

#include "text.h"

/* All is borrowed. */
struct rnl_problem {
    enum rnl_code code;
    /* 0: that of the code. */
    int status;
    /* One sentence; NULL: the code's text. */
    const char *detail;
    const struct rnl_violation *violations;
    size_t violation_count;
    /* When not 0, the request may succeed when repeated after this time. */
    uint32_t retry_delay_ms;
    /* With OUT_OF_RANGE of a watch. */
    uint64_t first_available_sequence;
};

/* The HTTP status of a problem. */
int rnl_problem_status(const struct rnl_problem *problem);

/* "Not Found" of 404. */
const char *rnl_http_reason(int status);

/* Writes the body. Texts that are not UTF-8 are cut where they cease to be. */
void rnl_problem_write(const struct rnl_problem *problem,
                       struct rnl_text *text);

/* Seconds for Retry-After, 0 for none: the problem's own delay rounded up, one
 * second for what is retryable by its code. */
uint32_t rnl_problem_retry_s(const struct rnl_problem *problem);

#endif
