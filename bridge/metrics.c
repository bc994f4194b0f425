/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /metrics in the text format of Prometheus: the counters of all workers,
 * and what the core says of itself. Metrics of the bridge are there while the
 * core is away.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <runnel/v1/admin.pb-c.h>

#include "core_link.h"
#include "handlers.h"
#include "unary.h"
#include "worker.h"

#define METRICS_BYTES_MAX (256 * 1024)

struct metric {
    const char *name;
    const char *type;
    const char *help;
    /* Of struct rnl_counters. */
    size_t offset;
};

#define METRIC(name_, type_, help_, field)       \
    {                                            \
        "runnel_bridge_" name_, type_, help_,    \
            offsetof(struct rnl_counters, field) \
    }

static const struct metric metrics[] = {
    METRIC("connections_accepted_total", "counter", "Connections accepted.",
           connections_accepted),
    METRIC("connections_refused_total", "counter",
           "Connections closed at once: the limit was reached.",
           connections_refused),
    METRIC("connections_open", "gauge", "Connections open.", connections_open),
    METRIC("event_streams_open", "gauge", "Answers that stream events.",
           event_streams_open),
    METRIC("call_streams_open", "gauge",
           "Answers of Connect and gRPC-Web that stream.", call_streams_open),
    METRIC("topics_open", "gauge",
           "Jobs and streams that are followed at the core.", topics_open),
    METRIC("frames_encoded_total", "counter", "Events encoded, once each.",
           frames_encoded),
    METRIC("frames_sent_total", "counter", "Pieces of streams sent.",
           frames_sent),
    METRIC("stream_bytes_sent_total", "counter", "Bytes of streams sent.",
           bytes_sent),
    METRIC("fallbacks_total", "counter",
           "Readers that fell behind and went on by a replay of their own.",
           fallbacks),
    METRIC("stuck_total", "counter", "Readers dropped: they took nothing.",
           stuck),
    METRIC("requests_limited_total", "counter",
           "Requests refused: too many of one token or address.",
           requests_limited),
    METRIC("calls_shared_total", "counter",
           "Requests answered by the call of another that asked the same.",
           calls_shared),
};

static uint64_t sum(const struct rnl_worker *worker, size_t offset)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < worker->worker_count; i++) {
        const char *counters = (const char *)&worker->workers[i].counters;
        total += atomic_load_explicit(
            (const atomic_uint_fast64_t *)(const void *)(counters + offset),
            memory_order_relaxed);
    }
    return total;
}

static void put_head(struct rnl_text *text, const char *name, const char *type,
                     const char *help)
{
    rnl_text_printf(text, "# HELP %s %s\n", name, help);
    rnl_text_printf(text, "# TYPE %s %s\n", name, type);
}

static void put_bridge(struct rnl_text *text, const struct rnl_worker *worker)
{
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        const struct metric *metric = &metrics[i];
        put_head(text, metric->name, metric->type, metric->help);
        rnl_text_printf(text, "%s %" PRIu64 "\n", metric->name,
                        sum(worker, metric->offset));
    }
    static const char answers[] = "runnel_bridge_answers_total";
    put_head(text, answers, "counter", "HTTP answers by class of status.");
    for (size_t class = 2; class <= 5; class ++)
        rnl_text_printf(text, "%s{class=\"%zuxx\"} %" PRIu64 "\n", answers,
                        class,
                        sum(worker, offsetof(struct rnl_counters, answers) +
                                        class * sizeof(atomic_uint_fast64_t)));
}

static void put_core_value(struct rnl_text *text, const char *name,
                           const char *help, uint64_t value)
{
    char full[64];
    snprintf(full, sizeof(full), "runnel_core_%s", name);
    size_t len = strlen(name);
    bool is_counter = len > 6 && strcmp(name + len - 6, "_total") == 0;
    put_head(text, full, is_counter ? "counter" : "gauge", help);
    rnl_text_printf(text, "%s %" PRIu64 "\n", full, value);
}

static void put_store(struct rnl_text *text, const Runnel__V1__StoreInfo *store)
{
    static const char latency[] = "runnel_core_store_last_commit_seconds";
    put_core_value(text, "store_writable", "New jobs and events are taken.",
                   store->state !=
                       RUNNEL__V1__STORE_STATE__STORE_STATE_STALLED);
    put_core_value(text, "store_bytes", "Records, inputs and events of jobs.",
                   store->bytes);
    put_core_value(text, "store_max_bytes", "What they may come to.",
                   store->max_bytes);
    put_core_value(text, "store_disk_bytes", "Size of the files.",
                   store->disk_bytes);
    put_core_value(text, "store_waiting_bytes",
                   "Bytes of events that wait to be written.",
                   store->waiting_bytes);
    put_core_value(text, "store_commits_total", "Groups of changes written.",
                   store->commits);
    put_core_value(text, "store_failed_commits_total",
                   "Groups that could not be written.", store->failed_commits);
    put_core_value(text, "store_event_answers_waiting",
                   "Answers to batches of events that wait to be written.",
                   store->event_answers_waiting);
    put_core_value(text, "store_event_log_bytes",
                   "Logs of event streams, which a start replays.",
                   store->event_log_bytes);
    if (store->last_commit == NULL)
        return;
    put_head(text, latency, "gauge", "Time that the last group took.");
    rnl_text_printf(text, "%s %" PRId64 ".%09d\n", latency,
                    store->last_commit->seconds, store->last_commit->nanos);
}

/* The names of kinds need no escape. */
static void put_kind_values(struct rnl_text *text,
                            const Runnel__V1__GetInfoResponse *info,
                            const char *name, const char *help, size_t offset)
{
    put_head(text, name, "gauge", help);
    for (size_t i = 0; i < info->n_kind_infos; i++) {
        const char *kind = (const char *)info->kind_infos[i];
        uint64_t value;
        memcpy(&value, kind + offset, sizeof(value));
        rnl_text_printf(text, "%s{kind=\"%s\"} %" PRIu64 "\n", name,
                        info->kind_infos[i]->kind, value);
    }
}

static void put_kinds(struct rnl_text *text,
                      const Runnel__V1__GetInfoResponse *info)
{
    put_kind_values(text, info, "runnel_core_kind_jobs_waiting",
                    "Jobs of a kind that could begin.",
                    offsetof(Runnel__V1__KindInfo, jobs_waiting));
    put_kind_values(text, info, "runnel_core_kind_jobs_running",
                    "Jobs of a kind that run.",
                    offsetof(Runnel__V1__KindInfo, jobs_running));
}

static void put_core(struct rnl_text *text,
                     const Runnel__V1__GetInfoResponse *info)
{
    put_core_value(text, "up", "The core answers.", info != NULL);
    if (info == NULL)
        return;
    put_core_value(text, "connections", "Connections.", info->connections);
    put_core_value(text, "streams_open", "Open calls.", info->streams_open);
    put_core_value(text, "calls_total", "Calls since its start.", info->calls);
    put_core_value(text, "jobs_queued", "Jobs waiting.", info->jobs_queued);
    put_core_value(text, "jobs_running", "Jobs running.", info->jobs_running);
    put_core_value(text, "jobs_stored", "Jobs kept.", info->jobs_stored);
    put_core_value(text, "event_streams", "Statistics streams.",
                   info->event_streams);
    put_core_value(text, "events_ingested_total",
                   "Events taken since its start.", info->events_ingested);
    if (info->store_info != NULL)
        put_store(text, info->store_info);
    put_kinds(text, info);
    put_core_value(text, "draining", "It is shutting down.",
                   (uint64_t)info->draining);
}

static void reply(struct rnl_exchange *exchange,
                  const ProtobufCMessage *response,
                  const struct rnl_status_info *status)
{
    struct rnl_text text;
    (void)status;
    rnl_text_init(&text, METRICS_BYTES_MAX);
    put_bridge(&text, exchange->worker);
    put_core(&text, (const void *)response);
    if (text.failed)
        rnl_exchange_fail_text(exchange, 500, RNL_RESOURCE_EXHAUSTED, NULL);
    else
        rnl_exchange_reply(exchange, 200,
                           "text/plain; version=0.0.4; charset=utf-8",
                           text.data, text.len);
    rnl_text_fini(&text);
}

void rnl_handle_metrics(struct rnl_exchange *exchange)
{
    static const struct rnl_probe probe = {
        .rpc = "runnel.v1.AdminService/GetInfo",
        .response = &runnel__v1__get_info_response__descriptor,
        .on_done = reply};
    static const Runnel__V1__GetInfoRequest request =
        RUNNEL__V1__GET_INFO_REQUEST__INIT;
    if (rnl_core_link_ready(exchange->worker->core))
        rnl_probe_start(exchange, &probe, &request.base);
    else
        reply(exchange, NULL, NULL);
}
