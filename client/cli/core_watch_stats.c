/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching a stream's statistics. librunnel resumes over lost connections; a
 * stream that is not there is asked for again from here, since the person may
 * start the watch before the first event.
 */
#include "core_internal.h"
#include "core_json.h"

/* Nothing tells that a stream was made, so that one is asked for this often:
 * soon enough for a person, and nothing for a core. */
#define MISSING_RETRY_MS 250

/* A watch while it runs. */
struct stats_watch {
    struct cli_context *context;
    const struct cli_stats_watch *watch;
    /* NULL while the stream is missing. */
    struct rnl_stats_watch *handle;
    int64_t retry_at_ms;
    int64_t tick_at_ms;
    bool done;
    int status;
};

static json_t *snapshot_json(const struct rnl_stats_update *update)
{
    json_t *snapshot = cli_json_object();
    json_t *windows = cli_json_array();
    for (size_t i = 0; i < update->stats.window_count; i++)
        json_array_append_new(
            windows,
            cli_window_json(update->stats.stream, &update->stats.windows[i]));
    cli_json_set_time(snapshot, "time", update->time_ms);
    cli_json_set(snapshot, "windows", windows);
    return snapshot;
}

static void on_update(struct rnl_stats_watch *handle,
                      const struct rnl_stats_update *update, void *arg)
{
    struct stats_watch *w = arg;
    json_t *answer = cli_json_object();
    (void)handle;
    cli_json_set_u64(answer, "sequence", update->sequence);
    if (update->stats.anomaly_count > 0)
        cli_json_set(answer, "anomaly",
                     cli_anomaly_json(&update->stats.anomalies[0]));
    else
        cli_json_set(answer, "snapshot", snapshot_json(update));
    if (!w->done && !w->watch->on_update(w->watch->arg, answer))
        w->done = true;
    json_decref(answer);
}

static void on_connection(struct rnl_stats_watch *handle, bool connected,
                          void *arg)
{
    struct stats_watch *w = arg;
    (void)handle;
    if (w->watch->on_connection)
        w->watch->on_connection(w->watch->arg, connected);
}

static void on_end(struct rnl_stats_watch *handle,
                   const struct rnl_status_info *status, void *arg)
{
    struct stats_watch *w = arg;
    struct cli_subject subject;
    if (status->code == RNL_NOT_FOUND && w->watch->on_missing(w->watch->arg)) {
        w->handle = NULL;
        w->retry_at_ms = cli_now_ms() + MISSING_RETRY_MS;
        rnl_stats_watch_destroy(handle);
        return;
    }
    w->done = true;
    if (w->watch->on_fail)
        w->watch->on_fail(w->watch->arg);
    if (status->code != RNL_OK)
        w->status = cli_core_fail(
            w->context, cli_stream_subject(&subject, w->watch->stream), status);
}

/* A core refuses to list more keys than the stream keeps. That a stream is
 * missing, and all other errors, the watch itself will tell. */
static uint32_t choose_top(const struct stats_watch *w)
{
    struct rnl_stream_list *list;
    uint32_t top = w->watch->top;
    if (!w->watch->top_at_most ||
        rnl_stream_get(w->context->client, w->watch->stream, &list) != RNL_OK)
        return top;
    uint32_t kept = list->streams[0].config.top_capacity;
    rnl_stream_list_destroy(list);
    return kept > 0 && kept < top ? kept : top;
}

static int start(struct stats_watch *w)
{
    const struct cli_stats_watch *watch = w->watch;
    struct rnl_stats_watch_options options = RNL_OPTIONS_INIT(options);
    struct cli_subject subject;
    options.window_seconds = watch->windows;
    options.window_count = watch->window_count;
    options.interval_ms = watch->interval_ms;
    options.top = choose_top(w);
    /* The core was reached once: from now on it is waited for. */
    options.wait_for_connection = true;
    options.on_update = on_update;
    options.on_connection = on_connection;
    options.on_end = on_end;
    options.arg = w;
    enum rnl_code code = rnl_stats_watch_start(
        w->context->client, watch->stream, &options, &w->handle);
    if (code == RNL_OK)
        return CLI_EXIT_OK;
    struct rnl_status_info info = {.code = code, .message = ""};
    return cli_core_fail(w->context,
                         cli_stream_subject(&subject, watch->stream), &info);
}

/* Does what is due; returns the time until more will be. */
static int64_t do_due(struct stats_watch *w)
{
    const struct cli_stats_watch *watch = w->watch;
    int64_t now_ms = cli_now_ms();
    int64_t wait_ms = -1;
    if (w->handle == NULL) {
        if (now_ms >= w->retry_at_ms) {
            w->status = start(w);
            w->done = w->status != CLI_EXIT_OK;
            return 0;
        }
        wait_ms = w->retry_at_ms - now_ms;
    }
    if (watch->tick_ms <= 0)
        return wait_ms;
    if (now_ms >= w->tick_at_ms) {
        watch->on_tick(watch->arg);
        w->tick_at_ms = now_ms + watch->tick_ms;
    }
    int64_t tick_ms = w->tick_at_ms - now_ms;
    return wait_ms >= 0 && wait_ms < tick_ms ? wait_ms : tick_ms;
}

static int run(struct stats_watch *w)
{
    bool readable = false;
    while (!w->done) {
        int64_t wait_ms = do_due(w);
        if (w->done)
            break;
        cli_core_wait(w->context, w->watch->input_fd, wait_ms, &readable);
        if (cli_interrupted())
            return CLI_EXIT_INTERRUPTED;
        if (readable && !w->watch->on_input(w->watch->arg))
            break;
    }
    return w->status;
}

int cli_core_watch_stats(struct cli_context *context,
                         const struct cli_stats_watch *watch)
{
    struct stats_watch w = {.context = context, .watch = watch};
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    status = run(&w);
    rnl_stats_watch_destroy(w.handle);
    return status;
}
