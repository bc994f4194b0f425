/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <runnel/v1/admin.pb-c.h>
#include <runnel/v1/jobs.pb-c.h>
#include <runnel/v1/stats.pb-c.h>
#include <runnel/v1/tokens.pb-c.h>

#include "handlers.h"
#include "worker.h"

/* Longest name or id that the core gives out, and the path before it. */
#define LOCATION_MAX 192

static void set_location(struct rnl_exchange *exchange, const char *prefix,
                         const char *name)
{
    char location[LOCATION_MAX];
    snprintf(location, sizeof(location), "%s%s", prefix, name);
    rnl_exchange_set_header(exchange, "location", location);
}

void rnl_reply_created_job(struct rnl_exchange *exchange,
                           const ProtobufCMessage *response)
{
    const Runnel__V1__CreateJobResponse *created = (const void *)response;
    if (created->job != NULL)
        set_location(exchange, "/v1/jobs/", created->job->id);
    rnl_exchange_reply_message(exchange, created->existing ? 200 : 201,
                               response);
}

void rnl_reply_created_stream(struct rnl_exchange *exchange,
                              const ProtobufCMessage *response)
{
    const Runnel__V1__CreateStreamResponse *created = (const void *)response;
    if (created->stream != NULL && created->stream->config != NULL)
        set_location(exchange, "/v1/streams/", created->stream->config->name);
    rnl_exchange_reply_message(exchange, created->existing ? 200 : 201,
                               response);
}

void rnl_reply_created_token(struct rnl_exchange *exchange,
                             const ProtobufCMessage *response)
{
    const Runnel__V1__CreateTokenResponse *created = (const void *)response;
    if (created->token != NULL)
        set_location(exchange, "/v1/tokens/", created->token->id);
    rnl_exchange_reply_message(exchange, 201, response);
}

void rnl_reply_sketch(struct rnl_exchange *exchange,
                      const ProtobufCMessage *response)
{
    const Runnel__V1__ExportSketchResponse *exported = (const void *)response;
    const char *type = exported->content_type;
    rnl_exchange_reply(
        exchange, 200, *type != '\0' ? type : "application/octet-stream",
        (const char *)exported->sketch.data, exported->sketch.len);
}

/* With the limits of this bridge, which the core cannot know. */
void rnl_reply_info(struct rnl_exchange *exchange,
                    const ProtobufCMessage *response)
{
    const struct rnl_bridge *bridge = exchange->worker->bridge;
    Runnel__V1__GetInfoResponse info =
        *(const Runnel__V1__GetInfoResponse *)(const void *)response;
    Runnel__V1__HttpLimits limits = RUNNEL__V1__HTTP_LIMITS__INIT;
    limits.workers = bridge->threads;
    limits.max_request_rate = (uint32_t)bridge->max_request_rate;
    limits.max_connections = (uint32_t)bridge->max_connections;
    limits.max_address_connections = (uint32_t)bridge->max_address_connections;
    limits.max_body_bytes = bridge->max_body_bytes;
    info.http_limits = &limits;
    rnl_exchange_reply_message(exchange, 200, &info.base);
}
