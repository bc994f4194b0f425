/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a call's end is told in its own form: Connect's JSON, or the trailers of
 * gRPC-Web. What was wrong with a request goes along as details that stock
 * clients read: google.rpc.BadRequest (the fields), google.rpc.RetryInfo (when
 * to try again), runnel.v1.Status (which events are still there).
 */
#ifndef RNL_BRIDGE_RPC_ERROR_H
#define RNL_BRIDGE_RPC_ERROR_H

#include "problem.h"
#include "rpc_form.h"
#include "text.h"

/* Connect's Error: {"code":"not_found","message":"...","details":[...]}. Texts
 * are cut where they cease to be UTF-8; details are left out when memory is. */
void rnl_rpc_put_error(struct rnl_text *text,
                       const struct rnl_problem *problem);

/* The last envelope of an answer in a form that has envelopes; problem is NULL
 * when all is well. */
void rnl_rpc_put_end(struct rnl_text *text, const struct rnl_rpc_form *form,
                     const struct rnl_problem *problem);

#endif
