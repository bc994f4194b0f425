/* SPDX-License-Identifier: Apache-2.0 */
/* What every request must pass before anybody looks at its path: its Host, the
 * size of its head, how many came before it (host.h, rate_limit.h). */
#ifndef RNL_BRIDGE_GATE_H
#define RNL_BRIDGE_GATE_H

#include <stdbool.h>

#include "h2o_use.h"
#include "problem.h"

/* Bytes of names and values of headers. libh2o takes 100 of them and 417,792
 * bytes in all, and has read them by then; this is what is worked on. */
#define RNL_HEAD_BYTES_MAX ((size_t)64 * 1024)

/* False when the request is to be answered with *ret_problem. */
bool rnl_gate_admit(h2o_req_t *req, struct rnl_problem *ret_problem);

/* A token that was not valid was shown: counts as many requests of the
 * address, so that who tries tokens is stopped soon. */
void rnl_gate_note_failure(h2o_req_t *req);

#endif
