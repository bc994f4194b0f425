/* SPDX-License-Identifier: Apache-2.0 */
#include "admin_service.h"

#include <runnel/v1/admin.pb-c.h>

#include "core.h"
#include "jobs.h"
#include "streams.h"

#define NS_PER_S INT64_C(1000000000)

static void fill_limits(const struct rnl_core_options *options,
                        Runnel__V1__Limits *limits)
{
    limits->max_frame_bytes = options->max_frame_bytes;
    limits->max_streams = options->max_streams;
    limits->max_connections = options->max_connections;
    limits->max_job_output_bytes = options->max_job_output_bytes;
    limits->max_jobs = options->max_jobs;
    limits->max_event_streams = options->max_event_streams;
}

static void fill_jobs(struct rnl_jobs *jobs, Runnel__V1__GetInfoResponse *info)
{
    struct rnl_jobs_counts counts;
    rnl_jobs_count(jobs, &counts);
    info->store = (char *)rnl_jobs_store_name(jobs);
    info->jobs_queued = counts.queued;
    info->jobs_running = counts.running;
    info->jobs_stored = counts.stored;
    info->kinds = (char **)rnl_jobs_kinds(jobs, &info->n_kinds);
}

static void fill_streams(const struct rnl_streams *streams,
                         Runnel__V1__GetInfoResponse *info)
{
    struct rnl_streams_counts counts;
    rnl_streams_count(streams, &counts);
    info->event_streams = counts.streams;
    info->events_ingested = counts.events;
}

static void answer(struct rnl_stream *stream)
{
    struct rnl_core *core = rnl_stream_core(stream);
    struct rnl_core_counts counts;
    rnl_core_count(core, &counts);
    Google__Protobuf__Timestamp start = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    start.seconds = core->start_wall_ns / NS_PER_S;
    start.nanos = (int32_t)(core->start_wall_ns % NS_PER_S);
    Runnel__V1__Limits limits = RUNNEL__V1__LIMITS__INIT;
    fill_limits(&core->options, &limits);
    Runnel__V1__GetInfoResponse info = RUNNEL__V1__GET_INFO_RESPONSE__INIT;
    info.version = (char *)RNL_VERSION;
    info.epoch = core->epoch;
    info.start_time = &start;
    info.connections = counts.connections;
    info.streams_open = counts.streams;
    info.calls = counts.calls;
    info.limits = &limits;
    fill_jobs(core->jobs, &info);
    fill_streams(core->streams, &info);
    info.draining = core->draining;
    rnl_stream_reply(stream, &info.base);
}

static void get_info(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    void *request = rnl_stream_unpack(
        stream, &runnel__v1__get_info_request__descriptor, data, len);
    if (request == NULL)
        return;
    answer(stream);
    rnl_request_free(request);
}

static const struct rnl_method methods[] = {
    {.name = "runnel.v1.AdminService/GetInfo",
     .shape = RNL_UNARY,
     .on_message = get_info},
};

const struct rnl_service rnl_admin_service = {methods, sizeof(methods) /
                                                           sizeof(methods[0])};
