/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers that routes.c names, besides rnl_unary_handle: one file each,
 * called after them. */
#ifndef RNL_BRIDGE_HANDLERS_H
#define RNL_BRIDGE_HANDLERS_H

#include "exchange.h"

/* health.c */
void rnl_handle_healthz(struct rnl_exchange *exchange);
void rnl_handle_readyz(struct rnl_exchange *exchange);

/* metrics.c */
void rnl_handle_metrics(struct rnl_exchange *exchange);

/* openapi.c */
void rnl_handle_openapi(struct rnl_exchange *exchange);

/* ingest.c: POST /v1/streams/{stream}/events */
void rnl_handle_ingest(struct rnl_exchange *exchange);

/* output.c: GET /v1/jobs/{job_id}/output */
void rnl_handle_output(struct rnl_exchange *exchange);

/* job_events.c: GET /v1/jobs/{job_id}/events */
void rnl_handle_job_events(struct rnl_exchange *exchange);

/* multi_events.c: GET /v1/events */
void rnl_handle_events(struct rnl_exchange *exchange);

/* stats_events.c: GET /v1/streams/{stream}/stats/events */
void rnl_handle_stats_events(struct rnl_exchange *exchange);

/* tickets.c: POST /v1/tickets */
void rnl_handle_tickets(struct rnl_exchange *exchange);

/* replies.c: answers that are more than the response as JSON */
void rnl_reply_created_job(struct rnl_exchange *exchange,
                           const ProtobufCMessage *response);
void rnl_reply_created_stream(struct rnl_exchange *exchange,
                              const ProtobufCMessage *response);
void rnl_reply_created_token(struct rnl_exchange *exchange,
                             const ProtobufCMessage *response);
void rnl_reply_sketch(struct rnl_exchange *exchange,
                      const ProtobufCMessage *response);
void rnl_reply_info(struct rnl_exchange *exchange,
                    const ProtobufCMessage *response);

#endif
