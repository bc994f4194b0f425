/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints a line whenever the statistics of a stream have changed, at most once
 * a second, with callbacks and the client's own loop.
 *
 *   stats_watch [STREAM] [UPDATES] [HOST:PORT]      (0 updates: for ever)
 */
#include <stdio.h>
#include <stdlib.h>

#include <runnel/runnel.h>

struct view {
    unsigned updates_left;
    bool ended;
};

static void on_update(struct rnl_stats_watch *watch,
                      const struct rnl_stats_update *update, void *arg)
{
    struct view *view = arg;
    (void)watch;
    for (size_t i = 0; i < update->stats.anomaly_count; i++)
        printf("anomaly: observed %g, expected %g\n",
               update->stats.anomalies[i].observed,
               update->stats.anomalies[i].baseline);
    for (size_t i = 0; i < update->stats.window_count; i++) {
        const struct rnl_window_stats *window = &update->stats.windows[i];
        printf("%llu events, %.1f/s, %.0f keys, mean %g\n",
               (unsigned long long)window->count, window->rate,
               window->unique_keys.value, window->value.mean);
    }
    fflush(stdout);
    view->ended = view->updates_left == 1;
    view->updates_left -= view->updates_left > 0;
}

static void on_connection(struct rnl_stats_watch *watch, bool connected,
                          void *arg)
{
    (void)watch;
    (void)arg;
    fputs(connected ? "connected again\n" : "connection lost\n", stderr);
}

static void on_end(struct rnl_stats_watch *watch,
                   const struct rnl_status_info *status, void *arg)
{
    struct view *view = arg;
    (void)watch;
    view->ended = true;
    fprintf(stderr, "%s (%s)\n", status->message, rnl_code_name(status->code));
}

int main(int argc, char **argv)
{
    const char *stream = argc > 1 ? argv[1] : "example";
    static const uint32_t all_time = 0;
    struct view view = {.updates_left = 0};
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_stats_watch_options watch_options =
        RNL_OPTIONS_INIT(watch_options);
    struct rnl_client *client;
    struct rnl_stats_watch *watch;
    if (argc > 2)
        view.updates_left = (unsigned)strtoul(argv[2], NULL, 10);
    options.address = argc > 3 ? argv[3] : NULL;
    watch_options.window_seconds = &all_time;
    watch_options.window_count = 1;
    watch_options.on_update = on_update;
    watch_options.on_connection = on_connection;
    watch_options.on_end = on_end;
    watch_options.arg = &view;
    if (rnl_client_create(&options, &client) != RNL_OK)
        return 1;
    if (rnl_stats_watch_start(client, stream, &watch_options, &watch) == RNL_OK)
        while (!view.ended)
            rnl_client_poll(client, -1);
    rnl_client_destroy(client);
    return 0;
}
