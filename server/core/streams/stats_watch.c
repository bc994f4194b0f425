/* SPDX-License-Identifier: Apache-2.0 */
/* WatchStats: what is wished for, checked; watch_hub.c does the rest. */
#include <stdio.h>
#include <stdlib.h>

#include <runnel/v1/stats.pb-c.h>

#include "watch_hub.h"

static int by_size(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static bool has_window(const struct rnl_meter_config *config, uint32_t window)
{
    for (size_t i = 0; i < config->window_count; i++)
        if (config->window_seconds[i] == window)
            return true;
    return window == 0;
}

static void add_window(struct rnl_snapshot_spec *spec, uint32_t window)
{
    for (uint32_t i = 0; i < spec->window_count; i++)
        if (spec->windows[i] == window)
            return;
    spec->windows[spec->window_count++] = window;
}

static bool read_windows(struct rnl_stream *stream,
                         const struct rnl_event_stream *subject,
                         const Runnel__V1__WatchStatsRequest *request,
                         struct rnl_snapshot_spec *spec)
{
    const struct rnl_meter_config *config = rnl_meter_config(subject->meter);
    for (size_t i = 0; i < request->n_window_seconds; i++) {
        uint32_t window = request->window_seconds[i];
        if (!has_window(config, window)) {
            char field[48];
            snprintf(field, sizeof(field), "window_seconds[%zu]", i);
            rnl_stream_finish_field(stream, field,
                                    "stream %s has no window of %u s",
                                    subject->name, window);
            return false;
        }
        add_window(spec, window);
    }
    if (request->n_window_seconds == 0) {
        add_window(spec, 0);
        for (size_t i = 0; i < config->window_count; i++)
            add_window(spec, config->window_seconds[i]);
    }
    qsort(spec->windows, spec->window_count, sizeof(spec->windows[0]), by_size);
    return true;
}

static void watch(struct rnl_stream *stream,
                  const Runnel__V1__WatchStatsRequest *request)
{
    struct rnl_watch_wish wish = {.after_anomaly = request->after_anomaly};
    struct rnl_field_error error;
    struct rnl_event_stream *subject =
        rnl_stream_subject(stream, request->stream);
    if (subject == NULL)
        return;
    uint32_t interval_ms = request->interval_ms;
    if (interval_ms != 0 && (interval_ms < RNL_STATS_INTERVAL_MS_MIN ||
                             interval_ms > RNL_STATS_INTERVAL_MS_MAX)) {
        rnl_stream_finish_field(
            stream, "interval_ms", "must be 0 or from %d to %d",
            RNL_STATS_INTERVAL_MS_MIN, RNL_STATS_INTERVAL_MS_MAX);
        return;
    }
    wish.interval_ms =
        interval_ms == 0 ? RNL_STATS_INTERVAL_DEFAULT : interval_ms;
    if (!rnl_stats_top(stream, subject, request->top, &wish.spec.top) ||
        !read_windows(stream, subject, request, &wish.spec))
        return;
    enum rnl_code code = rnl_watch_hub_join(stream, subject, &wish, &error);
    if (code != RNL_OK)
        rnl_stream_finish_error(stream, code, &error);
}

void rnl_stats_watch_on_message(struct rnl_stream *stream, const uint8_t *data,
                                size_t len)
{
    Runnel__V1__WatchStatsRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__watch_stats_request__descriptor, data, len);
    if (request == NULL)
        return;
    watch(stream, request);
    rnl_request_free(request);
}

void rnl_stats_watch_on_writable(struct rnl_stream *stream)
{
    struct rnl_watcher *watcher = rnl_stream_state(stream);
    if (watcher != NULL)
        rnl_watcher_resume(watcher);
}

void rnl_stats_watch_on_close(struct rnl_stream *stream, enum rnl_code code)
{
    (void)code;
    struct rnl_watcher *watcher = rnl_stream_state(stream);
    if (watcher != NULL)
        rnl_watcher_leave(watcher);
}
