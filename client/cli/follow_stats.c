/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_stats.h"

#include <string.h>
#include <time.h>

#include "core.h"
#include "keys.h"
#include "text.h"
#include "view_live.h"
#include "view_stats.h"

/* The view is redrawn this often, for its clock and after a resize. */
#define TICK_MS 200

/* A tall terminal shows as many keys. */
#define LIVE_TOP 50

struct follow {
    struct cli_context *context;
    const struct cli_follow_stats *options;
    struct cli_screen screen;
    struct cli_live live;
    bool is_live;
    bool reconnecting;
    /* Statistics came since the connection was made. */
    bool seen;
    bool seen_before_loss;
    bool missing;
    int status;
};

static void add_clock(struct cli_buf *buf)
{
    char text[16];
    struct tm now;
    time_t seconds = (time_t)(cli_wall_ms() / 1000);
    localtime_r(&seconds, &now);
    strftime(text, sizeof(text), "%H:%M:%S", &now);
    cli_buf_text(buf, text);
}

static void draw(struct follow *f)
{
    struct cli_buf view = {0};
    struct cli_buf clock = {0};
    if (!f->is_live)
        return;
    cli_term_measure(&f->context->out);
    add_clock(&clock);
    f->live.status = f->reconnecting ? "reconnecting…"
                     : f->missing    ? "waiting for its first event"
                                     : "live";
    f->live.status_bad = f->reconnecting || f->missing;
    cli_live_draw(&f->live, &f->context->out, &view, cli_buf_str(&clock));
    cli_screen_show(&f->screen, &view);
    cli_buf_fini(&view);
    cli_buf_fini(&clock);
}

static bool print_lines(struct follow *f, const json_t *update)
{
    struct cli_buf lines = {0};
    const json_t *anomaly = cli_json_at(update, "anomaly");
    if (anomaly)
        cli_view_anomaly_line(&lines, f->options->stream, anomaly);
    else
        cli_view_snapshot_lines(&lines, cli_json_at(update, "snapshot"));
    bool ok = cli_write_out(f->context, cli_buf_str(&lines), lines.len);
    cli_buf_fini(&lines);
    return ok;
}

static void print_clipped(const struct follow *f, const struct cli_buf *view)
{
    struct cli_buf lines = {0};
    for (const char *at = cli_buf_str(view); *at;) {
        size_t len = strcspn(at, "\n");
        cli_text_add_clipped(&lines, at, len, f->context->out.columns);
        cli_buf_text(&lines, "\n");
        at += len + (at[len] == '\n');
    }
    cli_print(&lines);
}

/* Gives the terminal back; the last view stays in its history. */
static void end_live(void *arg)
{
    struct follow *f = arg;
    struct cli_buf view = {0};
    struct cli_buf clock = {0};
    if (!f->is_live)
        return;
    f->is_live = false;
    cli_screen_end(&f->screen);
    cli_keys_end();
    if (!f->live.windows)
        return;
    f->live.has_keys = false;
    f->live.status = "ended";
    f->live.status_bad = false;
    add_clock(&clock);
    cli_live_draw(&f->live, &f->context->out, &view, cli_buf_str(&clock));
    print_clipped(f, &view);
    cli_buf_fini(&clock);
    cli_buf_fini(&view);
}

static bool check_window(struct follow *f)
{
    const struct cli_follow_stats *options = f->options;
    if (!options->has_window ||
        cli_live_has_window(&f->live, options->window_seconds))
        return true;
    struct cli_buf windows = {0};
    size_t i;
    json_t *stats;
    json_array_foreach(f->live.windows, i, stats)
    {
        cli_buf_text(&windows, i > 0 ? ", " : "");
        cli_text_add_window(&windows,
                            (uint32_t)cli_json_u64(stats, "windowSeconds"));
    }
    end_live(f);
    cli_error(f->context, "--window: stream %s has %s", options->stream,
              cli_buf_str(&windows));
    cli_buf_fini(&windows);
    f->status = CLI_EXIT_ERROR;
    return false;
}

static bool on_update(void *arg, const json_t *update)
{
    struct follow *f = arg;
    const json_t *snapshot = cli_json_at(update, "snapshot");
    f->seen = true;
    f->missing = false;
    if (f->context->json) {
        cli_print_json(json_incref((json_t *)update));
        return true;
    }
    if (!f->is_live)
        return print_lines(f, update);
    if (snapshot)
        cli_live_snapshot(&f->live, snapshot, cli_now_ms());
    else
        cli_live_anomaly(&f->live, cli_json_at(update, "anomaly"));
    if (snapshot && !check_window(f))
        return false;
    draw(f);
    return true;
}

/* A core that restarted with an empty store gets the stream back with the next
 * event; one that was deleted may never come back. */
static bool on_missing(void *arg)
{
    struct follow *f = arg;
    bool waits = f->is_live || f->options->wait || f->seen_before_loss;
    if (waits && !f->missing && !f->is_live)
        cli_note(f->context, "no stream %s; waiting for its first event",
                 f->options->stream);
    if (!f->missing)
        cli_live_reset(&f->live);
    f->missing = true;
    return waits;
}

static void on_connection(void *arg, bool connected)
{
    struct follow *f = arg;
    if (!connected)
        f->seen_before_loss = f->seen || f->seen_before_loss;
    f->seen = false;
    if (!f->is_live && f->reconnecting == connected)
        cli_note(f->context, connected ? "connected again"
                                       : "connection lost; reconnecting");
    f->reconnecting = !connected;
    draw(f);
}

static void on_tick(void *arg)
{
    struct follow *f = arg;
    if (!f->reconnecting)
        cli_live_tick(&f->live, cli_now_ms());
    draw(f);
}

static bool on_key(void *arg)
{
    struct follow *f = arg;
    int key = cli_keys_read();
    if (key < 0 || key == 'q' || key == 'Q')
        return false;
    if (key == 'w' || key == '\t')
        cli_live_next_window(&f->live);
    draw(f);
    return true;
}

static int follow(struct follow *f)
{
    const struct cli_follow_stats *options = f->options;
    struct cli_stats_watch watch = {
        .stream = options->stream,
        .interval_ms = options->interval_ms,
        .top = options->top > 0 ? options->top
               : f->is_live     ? LIVE_TOP
                                : 0,
        .top_at_most = options->top == 0 && f->is_live,
        .on_update = on_update,
        .on_missing = on_missing,
        .on_connection = on_connection,
        .on_tick = on_tick,
        .tick_ms = f->is_live ? TICK_MS : 0,
        .input_fd = f->is_live ? cli_keys_begin() : -1,
        .on_input = on_key,
        .on_fail = end_live,
        .arg = f,
    };
    f->live.has_keys = watch.input_fd >= 0;
    /* The live view shows all windows, and that one in detail. */
    if (options->has_window && !f->is_live)
        watch.windows[watch.window_count++] = options->window_seconds;
    cli_interrupt_catch();
    return cli_core_watch_stats(f->context, &watch);
}

int cli_follow_stats(struct cli_context *context,
                     const struct cli_follow_stats *options)
{
    struct follow f = {
        .context = context,
        .options = options,
        .screen = {.term = &context->out, .full = true},
        .live = {.stream = options->stream,
                 .focus_seconds = options->window_seconds,
                 .focus_chosen = options->has_window,
                 .interval_ms = options->interval_ms},
        .is_live = context->out.is_tty && !context->json,
    };
    /* Errors of the first connection belong on the first screen. */
    int status = cli_core_connect(context);
    if (status != CLI_EXIT_OK)
        return status;
    status = follow(&f);
    end_live(&f);
    cli_live_fini(&f.live);
    if (status == CLI_EXIT_OK)
        status = f.status;
    return status == CLI_EXIT_INTERRUPTED ? CLI_EXIT_OK : status;
}
