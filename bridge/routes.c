/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of all paths. A path that is one unary call is one line; adding it
 * to openapi.json and docs/rest.md is checked by test_routes.
 */
#include "route.h"

#include <runnel/v1/admin.pb-c.h>
#include <runnel/v1/events.pb-c.h>
#include <runnel/v1/jobs.pb-c.h>
#include <runnel/v1/stats.pb-c.h>
#include <runnel/v1/tokens.pb-c.h>

#include "handlers.h"
#include "unary.h"

/* verb, pattern, service, method, its name in the generated C, reply or NULL */
#define UNARY(verb_, pattern_, service, method, name, reply_)               \
    {                                                                       \
        .verb = (verb_), .pattern = (pattern_), .handle = rnl_unary_handle, \
        .rpc = "runnel.v1." service "/" method,                             \
        .request = &runnel__v1__##name##_request__descriptor,               \
        .response = &runnel__v1__##name##_response__descriptor,             \
        .reply = (reply_),                                                  \
    }
/* The same, whose body may be the bytes of a field. */
#define RAW(verb_, pattern_, service, method, name, raw_field_)             \
    {                                                                       \
        .verb = (verb_), .pattern = (pattern_), .handle = rnl_unary_handle, \
        .rpc = "runnel.v1." service "/" method,                             \
        .request = &runnel__v1__##name##_request__descriptor,               \
        .response = &runnel__v1__##name##_response__descriptor,             \
        .raw_field = (raw_field_),                                          \
    }
#define OTHER(verb_, pattern_, handle_)                              \
    {                                                                \
        .verb = (verb_), .pattern = (pattern_), .handle = (handle_), \
    }
#define OPEN(pattern_, handle_)                                    \
    {                                                              \
        .verb = "GET", .pattern = (pattern_), .handle = (handle_), \
        .open = true,                                              \
    }
#define STREAM_OF(pattern_, handle_)                               \
    {                                                              \
        .verb = "GET", .pattern = (pattern_), .handle = (handle_), \
        .streams = true,                                           \
    }

#define JOBS   "JobService"
#define STATS  "StatsService"
#define ADMIN  "AdminService"
#define TOKENS "TokenService"
#define STREAM "/v1/streams/{stream}"

const struct rnl_route rnl_routes[] = {
    UNARY("POST", "/v1/jobs", JOBS, "CreateJob", create_job,
          rnl_reply_created_job),
    UNARY("GET", "/v1/jobs", JOBS, "ListJobs", list_jobs, NULL),
    UNARY("GET", "/v1/jobs/{job_id}", JOBS, "GetJob", get_job, NULL),
    UNARY("DELETE", "/v1/jobs/{job_id}", JOBS, "DeleteJob", delete_job, NULL),
    UNARY("POST", "/v1/jobs/{job_id}/cancel", JOBS, "CancelJob", cancel_job,
          NULL),
    STREAM_OF("/v1/jobs/{job_id}/output", rnl_handle_output),
    STREAM_OF("/v1/jobs/{job_id}/events", rnl_handle_job_events),

    UNARY("POST", "/v1/streams", STATS, "CreateStream", create_stream,
          rnl_reply_created_stream),
    UNARY("GET", "/v1/streams", STATS, "ListStreams", list_streams, NULL),
    UNARY("GET", STREAM, STATS, "GetStream", get_stream, NULL),
    UNARY("DELETE", STREAM, STATS, "DeleteStream", delete_stream, NULL),
    OTHER("POST", STREAM "/events", rnl_handle_ingest),
    UNARY("GET", STREAM "/stats", STATS, "GetStats", get_stats, NULL),
    STREAM_OF(STREAM "/stats/events", rnl_handle_stats_events),
    UNARY("GET", STREAM "/frequency", STATS, "GetFrequency", get_frequency,
          NULL),
    UNARY("GET", STREAM "/quantiles", STATS, "GetQuantiles", get_quantiles,
          NULL),
    UNARY("GET", STREAM "/rank", STATS, "GetRank", get_rank, NULL),
    UNARY("GET", STREAM "/sketches/{kind}", STATS, "ExportSketch",
          export_sketch, rnl_reply_sketch),
    RAW("POST", STREAM "/sketches/{kind}", STATS, "MergeSketch", merge_sketch,
        "sketch"),

    STREAM_OF("/v1/events", rnl_handle_events),
    UNARY("GET", "/v1/info", ADMIN, "GetInfo", get_info, rnl_reply_info),
    UNARY("POST", "/v1/tokens", TOKENS, "CreateToken", create_token,
          rnl_reply_created_token),
    UNARY("GET", "/v1/tokens", TOKENS, "ListTokens", list_tokens, NULL),
    UNARY("DELETE", "/v1/tokens/{token_id}", TOKENS, "RevokeToken",
          revoke_token, NULL),
    UNARY("GET", "/v1/token", TOKENS, "GetOwnToken", get_own_token, NULL),
    OTHER("POST", "/v1/tickets", rnl_handle_tickets),
    OPEN("/healthz", rnl_handle_healthz),
    OPEN("/readyz", rnl_handle_readyz),
    OPEN("/metrics", rnl_handle_metrics),
    OPEN("/openapi.json", rnl_handle_openapi),
    {.verb = NULL},
};
