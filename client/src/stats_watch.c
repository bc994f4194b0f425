/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches of statistics. Snapshots need no cursor: the first one after a
 * reconnect is whole. Anomalies are asked for after the last one seen.
 */
#include <string.h>

#include "alloc.h"
#include "feed.h"
#include "stats_model.h"
#include "typed.h"

#define STREAM_SIZE 129

/* All time and every window of a stream. */
#define WINDOW_COUNT_MAX (RNL_STREAM_WINDOWS_MAX + 1)

struct rnl_stats_watch {
    struct rnl_feed feed;
    /* window_seconds in it is not valid. */
    struct rnl_stats_watch_options options;
    char stream[STREAM_SIZE];
    uint32_t windows[WINDOW_COUNT_MAX];
    uint64_t last_anomaly;
    struct rnl_arena arena;
};

_Static_assert(offsetof(struct rnl_stats_watch, feed) == 0,
               "a feed is its watch");

static struct rnl_stats_watch *watch_of(struct rnl_feed *feed)
{
    return (struct rnl_stats_watch *)feed;
}

static enum rnl_code ask(struct rnl_feed *feed)
{
    struct rnl_stats_watch *watch = watch_of(feed);
    Runnel__V1__WatchStatsRequest request =
        RUNNEL__V1__WATCH_STATS_REQUEST__INIT;
    /* Another store counts its anomalies from 1. */
    if (rnl_feed_epoch_changed(feed))
        watch->last_anomaly = 0;
    request.stream = watch->stream;
    request.window_seconds = watch->windows;
    request.n_window_seconds = watch->options.window_count;
    request.interval_ms = watch->options.interval_ms;
    request.top = watch->options.top;
    request.after_anomaly = watch->last_anomaly;
    return rnl_feed_ask(feed, &request.base);
}

static void convert(struct rnl_arena *arena,
                    const Runnel__V1__WatchStatsResponse *from,
                    struct rnl_stats_update *update)
{
    update->sequence = from->sequence;
    if (from->update_case == RUNNEL__V1__WATCH_STATS_RESPONSE__UPDATE_ANOMALY) {
        update->stats.anomalies = rnl_stats_anomalies(arena, &from->anomaly, 1);
        update->stats.anomaly_count = 1;
    } else if (from->update_case ==
               RUNNEL__V1__WATCH_STATS_RESPONSE__UPDATE_SNAPSHOT) {
        const Runnel__V1__StatsSnapshot *snapshot = from->snapshot;
        update->time_ms = rnl_typed_time_ms(snapshot->time);
        update->stats.windows =
            rnl_stats_windows(arena, snapshot->windows, snapshot->n_windows);
        update->stats.window_count = snapshot->n_windows;
    }
}

static void on_message(struct rnl_feed *feed, const uint8_t *data, size_t len)
{
    struct rnl_stats_watch *watch = watch_of(feed);
    rnl_arena_reset(&watch->arena);
    const Runnel__V1__WatchStatsResponse *response = rnl_arena_unpack(
        &watch->arena, &runnel__v1__watch_stats_response__descriptor, data,
        len);
    struct rnl_stats_update update = {
        .stats = {.stream = watch->stream},
        .encoded = data,
        .encoded_len = len,
    };
    if (response != NULL)
        convert(&watch->arena, response, &update);
    if (response == NULL || watch->arena.exhausted) {
        rnl_feed_fail(feed,
                      watch->arena.exhausted ? RNL_RESOURCE_EXHAUSTED
                                             : RNL_INTERNAL,
                      "the statistics cannot be read");
        return;
    }
    if (update.stats.anomaly_count > 0)
        watch->last_anomaly = update.stats.anomalies[0].sequence;
    if (watch->options.on_update != NULL)
        watch->options.on_update(watch, &update, watch->options.arg);
}

static void on_connection(struct rnl_feed *feed, bool connected)
{
    struct rnl_stats_watch *watch = watch_of(feed);
    if (watch->options.on_connection != NULL)
        watch->options.on_connection(watch, connected, watch->options.arg);
}

static void on_end(struct rnl_feed *feed, struct rnl_status_box *status)
{
    struct rnl_stats_watch *watch = watch_of(feed);
    if (status->info.code == RNL_NOT_FOUND && rnl_feed_epoch_changed(feed))
        rnl_status_set(status, RNL_NOT_FOUND,
                       "stream %s is gone: the core at %s was restarted "
                       "without its earlier streams",
                       watch->stream, feed->client->address.text);
    if (watch->options.on_end != NULL)
        watch->options.on_end(watch, &status->info, watch->options.arg);
}

static void free_watch(struct rnl_feed *feed)
{
    struct rnl_stats_watch *watch = watch_of(feed);
    rnl_arena_fini(&watch->arena);
    rnl_free(watch);
}

/* NULL, or what is wrong. */
static const char *read_options(struct rnl_stats_watch *watch,
                                const char *stream,
                                const struct rnl_stats_watch_options *given)
{
    struct rnl_stats_watch_options *options = &watch->options;
    if (!rnl_options_copy(options, sizeof(*options), given))
        return RNL_OPTIONS_FAULT;
    if (stream == NULL || stream[0] == '\0' || strlen(stream) >= STREAM_SIZE)
        return "stream must have 1 to 128 bytes";
    if (options->window_count > WINDOW_COUNT_MAX)
        return "window_count must be at most 9";
    memcpy(watch->stream, stream, strlen(stream));
    for (size_t i = 0; i < options->window_count; i++)
        watch->windows[i] = options->window_seconds[i];
    watch->last_anomaly = options->after_anomaly;
    watch->feed.no_resume = options->no_resume;
    watch->feed.wait_for_connection = options->wait_for_connection;
    watch->feed.manual_consume = options->manual_consume;
    return NULL;
}

enum rnl_code rnl_stats_watch_start(
    struct rnl_client *client, const char *stream,
    const struct rnl_stats_watch_options *options,
    struct rnl_stats_watch **ret_watch)
{
    static const struct rnl_feed_ops ops = {
        .method = "runnel.v1.StatsService/WatchStats",
        .ask = ask,
        .message = on_message,
        .connection = on_connection,
        .end = on_end,
        .free = free_watch,
    };
    struct rnl_stats_watch *watch = rnl_calloc(1, sizeof(*watch));
    if (watch == NULL)
        return rnl_typed_no_memory(client);
    const char *fault = read_options(watch, stream, options);
    enum rnl_code code =
        fault == NULL
            ? rnl_feed_start(&watch->feed, client, &ops)
            : rnl_client_fail(client, RNL_INVALID_ARGUMENT, "%s", fault);
    if (code != RNL_OK) {
        rnl_free(watch);
        return code;
    }
    *ret_watch = watch;
    return RNL_OK;
}

void rnl_stats_watch_consume(struct rnl_stats_watch *watch, size_t len)
{
    rnl_feed_consume(&watch->feed, len);
}

void rnl_stats_watch_destroy(struct rnl_stats_watch *watch)
{
    if (watch != NULL)
        rnl_feed_destroy(&watch->feed);
}
