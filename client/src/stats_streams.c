/* SPDX-License-Identifier: Apache-2.0 */
/* Creating, listing and deleting statistics streams; the server's info. */
#include <stddef.h>

#include <runnel/v1/admin.pb-c.h>

#include "alloc.h"
#include "client_private.h"
#include "stats_model.h"
#include "typed.h"

/* Of all streams, in pages of the largest size. */
#define PAGE_SIZE 1000

struct list_box {
    struct rnl_stream_list list;
    struct rnl_arena arena;
};

struct info_box {
    struct rnl_server_info info;
    struct rnl_arena arena;
};

_Static_assert(offsetof(struct list_box, list) == 0 &&
                   offsetof(struct info_box, info) == 0,
               "a result is its box");

void rnl_stream_list_destroy(struct rnl_stream_list *list)
{
    struct list_box *box = (struct list_box *)list;
    if (box == NULL)
        return;
    rnl_arena_fini(&box->arena);
    rnl_free(box);
}

void rnl_server_info_destroy(struct rnl_server_info *info)
{
    struct info_box *box = (struct info_box *)info;
    if (box == NULL)
        return;
    rnl_arena_fini(&box->arena);
    rnl_free(box);
}

/* --- create and delete --- */

/* Borrows from own. */
static Runnel__V1__StreamConfig message_of(struct rnl_stream_config *own)
{
    Runnel__V1__StreamConfig to = RUNNEL__V1__STREAM_CONFIG__INIT;
    to.name = rnl_typed_text(own->name);
    to.window_seconds = own->window_seconds;
    to.n_window_seconds = own->window_count;
    to.unique_precision = own->unique_precision;
    to.top_capacity = own->top_capacity;
    to.value_threshold_set = own->has_value_threshold;
    to.value_threshold = own->value_threshold;
    to.latency_threshold_ms = own->latency_threshold_ms;
    to.anomaly_threshold = own->anomaly_threshold;
    to.unique_algorithm = (Runnel__V1__UniqueAlgorithm)own->unique_algorithm;
    to.key_hash = (Runnel__V1__KeyHash)own->key_hash;
    to.time_basis = (Runnel__V1__TimeBasis)own->time_basis;
    return to;
}

enum rnl_code rnl_stream_create(struct rnl_client *client,
                                const struct rnl_stream_config *config,
                                bool *ret_existing)
{
    static const struct rnl_method_type method = {
        "runnel.v1.StatsService/CreateStream",
        &runnel__v1__create_stream_response__descriptor,
    };
    struct rnl_stream_config own;
    if (!rnl_options_copy(&own, sizeof(own), config))
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    if (own.window_count > RNL_STREAM_WINDOWS_MAX)
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT,
                               "window_count must be at most %d",
                               RNL_STREAM_WINDOWS_MAX);
    Runnel__V1__StreamConfig to = message_of(&own);
    Runnel__V1__CreateStreamRequest request =
        RUNNEL__V1__CREATE_STREAM_REQUEST__INIT;
    request.config = &to;
    struct rnl_arena arena = {0};
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &request.base, &arena, &answer);
    if (code == RNL_OK && ret_existing != NULL)
        *ret_existing =
            ((const Runnel__V1__CreateStreamResponse *)answer)->existing;
    rnl_arena_fini(&arena);
    return code;
}

enum rnl_code rnl_stream_delete(struct rnl_client *client, const char *name)
{
    static const struct rnl_method_type method = {
        "runnel.v1.StatsService/DeleteStream",
        &runnel__v1__delete_stream_response__descriptor,
    };
    Runnel__V1__DeleteStreamRequest request =
        RUNNEL__V1__DELETE_STREAM_REQUEST__INIT;
    request.stream = rnl_typed_text(name);
    struct rnl_arena arena = {0};
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &request.base, &arena, &answer);
    rnl_arena_fini(&arena);
    return code;
}

/* --- get and list --- */

static enum rnl_code get_one(struct rnl_client *client, const char *name,
                             struct list_box *box)
{
    static const struct rnl_method_type method = {
        "runnel.v1.StatsService/GetStream",
        &runnel__v1__get_stream_response__descriptor,
    };
    Runnel__V1__GetStreamRequest request = RUNNEL__V1__GET_STREAM_REQUEST__INIT;
    request.stream = rnl_typed_text(name);
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &request.base, &box->arena, &answer);
    if (code != RNL_OK)
        return code;
    const Runnel__V1__GetStreamResponse *response = answer;
    if (response->stream == NULL)
        return rnl_client_fail(client, RNL_INTERNAL,
                               "the answer has no stream");
    box->list.streams = rnl_stats_streams(&box->arena, &response->stream, 1);
    box->list.stream_count = 1;
    return RNL_OK;
}

/* Appends a page to the list; the arrays before stay in the arena. */
static bool append(struct list_box *box,
                   const Runnel__V1__ListStreamsResponse *page)
{
    size_t before = box->list.stream_count;
    const struct rnl_stream_info *more =
        rnl_stats_streams(&box->arena, page->streams, page->n_streams);
    struct rnl_stream_info *all =
        rnl_arena_alloc(&box->arena, before + page->n_streams, sizeof(*all));
    if (more == NULL || all == NULL)
        return false;
    for (size_t i = 0; i < before; i++)
        all[i] = box->list.streams[i];
    for (size_t i = 0; i < page->n_streams; i++)
        all[before + i] = more[i];
    box->list.streams = all;
    box->list.stream_count = before + page->n_streams;
    return true;
}

static enum rnl_code get_all(struct rnl_client *client, struct list_box *box)
{
    static const struct rnl_method_type method = {
        "runnel.v1.StatsService/ListStreams",
        &runnel__v1__list_streams_response__descriptor,
    };
    Runnel__V1__ListStreamsRequest request =
        RUNNEL__V1__LIST_STREAMS_REQUEST__INIT;
    request.page_size = PAGE_SIZE;
    do {
        void *answer;
        enum rnl_code code = rnl_typed_call(client, &method, &request.base,
                                            &box->arena, &answer);
        if (code != RNL_OK)
            return code;
        const Runnel__V1__ListStreamsResponse *page = answer;
        if (!append(box, page))
            return rnl_typed_no_memory(client);
        /* Else a broken server could keep us here for ever. */
        if (page->n_streams == 0 && page->next_page_token[0] != '\0')
            return rnl_client_fail(client, RNL_INTERNAL,
                                   "the server's list does not end");
        request.page_token = page->next_page_token;
    } while (request.page_token[0] != '\0');
    return RNL_OK;
}

/* The list of name, or of all when it is NULL. */
static enum rnl_code make_list(struct rnl_client *client, const char *name,
                               struct rnl_stream_list **ret_list)
{
    struct list_box *box = rnl_calloc(1, sizeof(*box));
    if (box == NULL)
        return rnl_typed_no_memory(client);
    enum rnl_code code =
        name == NULL ? get_all(client, box) : get_one(client, name, box);
    if (code == RNL_OK && box->arena.exhausted)
        code = rnl_typed_no_memory(client);
    if (code == RNL_OK)
        *ret_list = &box->list;
    else
        rnl_stream_list_destroy(&box->list);
    return code;
}

enum rnl_code rnl_stream_get(struct rnl_client *client, const char *name,
                             struct rnl_stream_list **ret_list)
{
    return make_list(client, rnl_typed_text(name), ret_list);
}

enum rnl_code rnl_stream_list(struct rnl_client *client,
                              struct rnl_stream_list **ret_list)
{
    return make_list(client, NULL, ret_list);
}

/* --- the server --- */

static void fill_limits(const Runnel__V1__Limits *from,
                        struct rnl_server_limits *limits)
{
    *limits = (struct rnl_server_limits){
        .max_frame_bytes = from->max_frame_bytes,
        .max_streams = from->max_streams,
        .max_connections = from->max_connections,
        .max_job_output_bytes = from->max_job_output_bytes,
        .max_jobs = from->max_jobs,
        .max_event_streams = from->max_event_streams,
        .max_stats_bytes = from->max_stats_bytes,
        .max_message_bytes = from->max_message_bytes,
        .max_job_input_bytes = from->max_job_input_bytes,
        .max_batch_events = from->max_batch_events,
        .max_key_bytes = from->max_key_bytes,
        .max_stream_name_bytes = from->max_stream_name_bytes,
        .max_producer_id_bytes = from->max_producer_id_bytes,
        .max_sketch_bytes = from->max_sketch_bytes,
        .max_page_size = from->max_page_size,
        .max_frequency_keys = from->max_frequency_keys,
        .max_quantiles = from->max_quantiles,
        .max_top = from->max_top,
        .min_stats_interval_ms = from->min_stats_interval_ms,
    };
}

static void fill_info(const Runnel__V1__GetInfoResponse *from,
                      struct rnl_server_info *info)
{
    *info = (struct rnl_server_info){
        .version = from->version,
        .epoch = from->epoch,
        .start_time_ms = rnl_typed_time_ms(from->start_time),
        .store = from->store,
        .connections = from->connections,
        .streams_open = from->streams_open,
        .calls = from->calls,
        .jobs_queued = from->jobs_queued,
        .jobs_running = from->jobs_running,
        .jobs_stored = from->jobs_stored,
        .event_streams = from->event_streams,
        .events_ingested = from->events_ingested,
        .kinds = (const char *const *)from->kinds,
        .kind_count = from->n_kinds,
        .draining = from->draining,
        .fair_label = from->fair_label,
        .store_error = "",
    };
    if (from->limits != NULL)
        fill_limits(from->limits, &info->limits);
    const Runnel__V1__StoreInfo *store = from->store_info;
    if (store == NULL)
        return;
    info->store_stalled =
        store->state == RUNNEL__V1__STORE_STATE__STORE_STATE_STALLED;
    info->store_error = store->error;
    info->store_bytes = store->bytes;
    info->store_bytes_max = store->max_bytes;
    info->store_disk_bytes = store->disk_bytes;
    info->store_waiting_bytes = store->waiting_bytes;
    info->store_commits = store->commits;
    info->store_failed_commits = store->failed_commits;
    info->store_event_answers_waiting = store->event_answers_waiting;
    info->store_event_log_bytes = store->event_log_bytes;
    if (store->last_commit != NULL)
        info->store_commit_ms = (double)store->last_commit->seconds * 1e3 +
                                store->last_commit->nanos / 1e6;
}

/* False: memory is out. */
static bool fill_kinds(const Runnel__V1__GetInfoResponse *from,
                       struct info_box *box)
{
    if (from->n_kind_infos == 0)
        return true;
    struct rnl_kind_info *kinds =
        rnl_arena_alloc(&box->arena, from->n_kind_infos, sizeof(kinds[0]));
    if (kinds == NULL)
        return false;
    for (size_t i = 0; i < from->n_kind_infos; i++) {
        const Runnel__V1__KindInfo *kind = from->kind_infos[i];
        kinds[i] = (struct rnl_kind_info){
            .kind = kind->kind,
            .built_in = kind->built_in,
            .workers = kind->workers,
            .jobs_waiting = kind->jobs_waiting,
            .jobs_running = kind->jobs_running,
            .max_running = kind->max_running,
        };
    }
    box->info.kind_infos = kinds;
    box->info.kind_info_count = from->n_kind_infos;
    return true;
}

enum rnl_code rnl_server_info_get(struct rnl_client *client,
                                  struct rnl_server_info **ret_info)
{
    static const struct rnl_method_type method = {
        "runnel.v1.AdminService/GetInfo",
        &runnel__v1__get_info_response__descriptor,
    };
    Runnel__V1__GetInfoRequest request = RUNNEL__V1__GET_INFO_REQUEST__INIT;
    struct info_box *box = rnl_calloc(1, sizeof(*box));
    if (box == NULL)
        return rnl_typed_no_memory(client);
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &request.base, &box->arena, &answer);
    if (code != RNL_OK) {
        rnl_server_info_destroy(&box->info);
        return code;
    }
    fill_info(answer, &box->info);
    if (!fill_kinds(answer, box)) {
        rnl_server_info_destroy(&box->info);
        return rnl_typed_no_memory(client);
    }
    *ret_info = &box->info;
    return RNL_OK;
}
