/* SPDX-License-Identifier: Apache-2.0 */
#include "admin_service.h"

#include <runnel/v1/admin.pb-c.h>

#include "alloc.h"
#include "bounds.h"
#include "core.h"
#include "import.h"
#include "job_bounds.h"
#include "jobs.h"
#include "meter.h"
#include "stream_bounds.h"
#include "streams.h"
#include "timestamp.h"

/* By settings. */
static void fill_limits(const struct rnl_core *core, Runnel__V1__Limits *limits)
{
    const struct rnl_core_options *options = &core->options;
    limits->max_frame_bytes = options->max_frame_bytes;
    limits->max_streams = options->max_streams;
    limits->max_connections = options->max_connections;
    limits->max_job_output_bytes = options->max_job_output_bytes;
    limits->max_jobs = options->max_jobs;
    limits->max_event_streams = options->max_event_streams;
    limits->max_stats_bytes = options->max_stats_bytes;
    limits->max_message_bytes =
        options->max_frame_bytes - RNL_FRAME_OVERHEAD_MAX;
    limits->max_job_input_bytes =
        (uint32_t)rnl_jobs_input_bytes_max(core->jobs);
}

/* Those of the contract, so that a client need not know them. */
static void fill_fixed_limits(Runnel__V1__Limits *limits)
{
    limits->max_batch_events = RNL_METER_BATCH_EVENTS_MAX;
    limits->max_key_bytes = RNL_METER_KEY_BYTES_MAX;
    limits->max_stream_name_bytes = RNL_STREAM_NAME_LEN_MAX;
    limits->max_producer_id_bytes = RNL_PRODUCER_ID_LEN_MAX;
    limits->max_sketch_bytes = limits->max_message_bytes < RNL_SKETCH_BYTES_MAX
                                   ? limits->max_message_bytes
                                   : (uint32_t)RNL_SKETCH_BYTES_MAX;
    limits->max_page_size = RNL_JOB_PAGE_MAX;
    limits->max_frequency_keys = RNL_FREQUENCY_KEYS_MAX;
    limits->max_quantiles = RNL_QUANTILES_MAX;
    limits->max_top = RNL_METER_TOP_MAX;
    limits->min_stats_interval_ms = RNL_STATS_INTERVAL_MS_MIN;
}

_Static_assert(RNL_JOB_PAGE_MAX == RNL_STREAM_PAGE_MAX, "one limit of pages");

/* What an answer points to. */
struct store_view {
    Runnel__V1__StoreInfo info;
    Google__Protobuf__Duration last_commit;
};

static void fill_store(const struct rnl_store_usage *usage,
                       struct store_view *view)
{
    view->info = (Runnel__V1__StoreInfo)RUNNEL__V1__STORE_INFO__INIT;
    rnl_duration_set(&view->last_commit, usage->commit_ns);
    view->info.state = usage->stalled
                           ? RUNNEL__V1__STORE_STATE__STORE_STATE_STALLED
                           : RUNNEL__V1__STORE_STATE__STORE_STATE_WRITABLE;
    view->info.error = (char *)(usage->stalled ? usage->error : "");
    view->info.bytes = usage->bytes;
    view->info.max_bytes = usage->bytes_max;
    view->info.disk_bytes = usage->disk_bytes;
    view->info.waiting_bytes = usage->waiting_bytes;
    view->info.commits = usage->commits;
    view->info.failed_commits = usage->failed_commits;
    if (usage->commits > 0)
        view->info.last_commit = &view->last_commit;
}

static void fill_jobs(struct rnl_jobs *jobs, struct store_view *store,
                      Runnel__V1__GetInfoResponse *info)
{
    struct rnl_jobs_counts counts;
    rnl_jobs_count(jobs, &counts);
    fill_store(&counts.store, store);
    info->store_info = &store->info;
    info->store = (char *)rnl_jobs_store_name(jobs);
    info->jobs_queued = counts.queued;
    info->jobs_running = counts.running;
    info->jobs_stored = counts.stored;
    info->kinds = (char **)rnl_jobs_kinds(jobs, &info->n_kinds);
}

/* The list, and what it points to, in one block. NULL: memory is out, or
 * there is none. */
static Runnel__V1__KindInfo **make_kinds(const struct rnl_jobs *jobs,
                                         size_t *ret_count)
{
    size_t count = 0;
    struct rnl_kind_state state;
    while (rnl_jobs_kind_at(jobs, count, &state))
        count++;
    Runnel__V1__KindInfo **refs =
        rnl_malloc(count * (sizeof(*refs) + sizeof(**refs)));
    *ret_count = refs == NULL ? 0 : count;
    for (size_t i = 0; i < *ret_count; i++) {
        Runnel__V1__KindInfo *info = (Runnel__V1__KindInfo *)(refs + count) + i;
        (void)rnl_jobs_kind_at(jobs, i, &state);
        *info = (Runnel__V1__KindInfo)RUNNEL__V1__KIND_INFO__INIT;
        info->kind = (char *)state.kind;
        info->built_in = state.built_in;
        info->workers = state.workers;
        info->jobs_waiting = state.waiting;
        info->jobs_running = state.running;
        if (state.running_max != UINT64_MAX)
            info->max_running = (uint32_t)state.running_max;
        refs[i] = info;
    }
    return refs;
}

static void fill_streams(const struct rnl_streams *streams,
                         Runnel__V1__GetInfoResponse *info)
{
    struct rnl_streams_counts counts;
    rnl_streams_count(streams, &counts);
    info->event_streams = counts.streams;
    info->events_ingested = counts.events;
    /* One file has both. */
    Runnel__V1__StoreInfo *store = info->store_info;
    store->event_answers_waiting = counts.answers_waiting;
    store->event_log_bytes = counts.log_bytes;
    if (!counts.stalled)
        return;
    store->state = RUNNEL__V1__STORE_STATE__STORE_STATE_STALLED;
    if (store->error[0] == '\0')
        store->error = (char *)"events cannot be written";
}

static void answer(struct rnl_stream *stream)
{
    struct rnl_core *core = rnl_stream_core(stream);
    struct rnl_core_counts counts;
    rnl_core_count(core, &counts);
    Google__Protobuf__Timestamp start;
    rnl_timestamp_set(&start, core->start_wall_ns);
    Runnel__V1__Limits limits = RUNNEL__V1__LIMITS__INIT;
    fill_limits(core, &limits);
    fill_fixed_limits(&limits);
    Runnel__V1__GetInfoResponse info = RUNNEL__V1__GET_INFO_RESPONSE__INIT;
    info.version = (char *)RNL_VERSION;
    info.epoch = core->epoch;
    info.start_time = &start;
    info.connections = counts.connections;
    info.streams_open = counts.streams;
    info.calls = counts.calls;
    info.limits = &limits;
    struct store_view store;
    fill_jobs(core->jobs, &store, &info);
    fill_streams(core->streams, &info);
    info.draining = core->draining;
    info.kind_infos = make_kinds(core->jobs, &info.n_kind_infos);
    if (core->options.fair_label != NULL)
        info.fair_label = (char *)core->options.fair_label;
    rnl_stream_reply(stream, &info.base);
    rnl_free(info.kind_infos);
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
     .scope = RNL_SCOPE_ANY,
     .shape = RNL_UNARY,
     .on_message = get_info},
};

const struct rnl_service rnl_admin_service = {methods, sizeof(methods) /
                                                           sizeof(methods[0])};
