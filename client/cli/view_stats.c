/* SPDX-License-Identifier: Apache-2.0 */
#include "view_stats.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "text.h"
#include "view_parts.h"

/* Keys that the live view shows. */
#define LIVE_TOP_COUNT ((size_t)10)

/* Below this width the blocks stand one below the other. */
#define WIDE_COLUMNS ((size_t)96)

void cli_view_stats(struct cli_buf *buf, const struct cli_term *term,
                    const json_t *stats)
{
    size_t columns = term->columns < 100 ? term->columns : 100;
    cli_view_headline(buf, term, stats);
    if (cli_json_u64(stats, "count") == 0)
        return;
    cli_view_top(buf, term, stats, columns, SIZE_MAX);
    cli_view_distribution(buf, term, cli_json_at(stats, "value"), "VALUE",
                          false, columns);
    cli_view_distribution(buf, term, cli_json_at(stats, "latencyMs"), "LATENCY",
                          true, columns);
}

/* "ANOMALY_METRIC_LATENCY_P99" to "latency p99". */
static void add_metric_name(struct cli_buf *buf, const json_t *anomaly)
{
    static const char prefix[] = "ANOMALY_METRIC_";
    const char *name = cli_json_text(anomaly, "metric");
    if (strncmp(name, prefix, strlen(prefix)) == 0)
        name += strlen(prefix);
    for (; *name; name++) {
        char c = *name == '_'                   ? ' '
                 : *name >= 'A' && *name <= 'Z' ? (char)(*name + 32)
                                                : *name;
        cli_buf_add(buf, &c, 1);
    }
}

static void add_metric_value(struct cli_buf *buf, const json_t *anomaly,
                             const char *field)
{
    const char *metric = cli_json_text(anomaly, "metric");
    double number = cli_json_number(anomaly, field);
    if (strstr(metric, "LATENCY")) {
        cli_text_add_ms(buf, number);
        return;
    }
    cli_text_add_short(buf, number);
    if (strstr(metric, "RATE"))
        cli_buf_text(buf, "/s");
}

void cli_view_anomaly(struct cli_buf *buf, const struct cli_term *term,
                      const json_t *anomaly)
{
    struct cli_buf part = {0};
    bool by_threshold = strcmp(cli_json_text(anomaly, "method"),
                               "ANOMALY_METHOD_THRESHOLD") == 0;
    cli_text_add_time(&part, cli_json_time_ms(anomaly, "time"), true);
    cli_term_add(term, buf, CLI_FAINT, cli_buf_str(&part));
    cli_buf_text(buf, "  ");
    cli_buf_reset(&part);
    add_metric_name(&part, anomaly);
    cli_buf_text(&part, " ");
    add_metric_value(&part, anomaly, "observed");
    cli_term_add(term, buf, CLI_BAD, cli_buf_str(&part));
    cli_buf_reset(&part);
    cli_buf_text(&part, by_threshold ? "  above " : "  usually ");
    add_metric_value(&part, anomaly, by_threshold ? "threshold" : "baseline");
    if (!by_threshold)
        cli_buf_printf(&part, ", score %.1f",
                       cli_json_number(anomaly, "score"));
    const char *key = cli_json_text(anomaly, "key");
    if (*key) {
        cli_buf_text(&part, ", key ");
        cli_text_add_safe(&part, key, strlen(key), 40);
    }
    cli_buf_text(buf, cli_buf_str(&part));
    cli_buf_text(buf, "\n");
    cli_buf_fini(&part);
}

/* p50 and p99 of one metric, where it has any. */
static void add_quantile_pairs(struct cli_buf *buf, const json_t *stats,
                               const char *metric, const char *prefix)
{
    const json_t *d = cli_json_at(stats, metric);
    if (cli_json_u64(d, "count") == 0)
        return;
    cli_buf_printf(
        buf, " %smean=%.6g %sp50=%.6g %sp99=%.6g %smax=%.6g", prefix,
        cli_json_number(d, "mean"), prefix, cli_view_quantile(d, 0.5), prefix,
        cli_view_quantile(d, 0.99), prefix, cli_json_number(d, "max"));
}

void cli_view_snapshot_lines(struct cli_buf *buf, const json_t *snapshot)
{
    size_t i;
    json_t *stats;
    json_array_foreach(cli_json_at(snapshot, "windows"), i, stats)
    {
        cli_buf_printf(
            buf, "time=%s stream=%s window=", cli_json_text(snapshot, "time"),
            cli_json_text(stats, "stream"));
        cli_text_add_window(buf,
                            (uint32_t)cli_json_u64(stats, "windowSeconds"));
        cli_buf_printf(buf, " events=%" PRIu64 " rate=%.6g unique=%.0f",
                       cli_json_u64(stats, "count"),
                       cli_json_number(stats, "rate"),
                       cli_json_number(stats, "uniqueKeys.value"));
        add_quantile_pairs(buf, stats, "value", "");
        add_quantile_pairs(buf, stats, "latencyMs", "latency_");
        cli_buf_text(buf, "\n");
    }
}

void cli_view_anomaly_line(struct cli_buf *buf, const char *stream,
                           const json_t *anomaly)
{
    const char *metric = cli_json_text(anomaly, "metric");
    const char *name = strstr(metric, "METRIC_");
    cli_buf_printf(buf,
                   "time=%s stream=%s anomaly=%s observed=%.6g baseline=%.6g "
                   "score=%.3g\n",
                   cli_json_text(anomaly, "time"), stream,
                   name ? name + strlen("METRIC_") : metric,
                   cli_json_number(anomaly, "observed"),
                   cli_json_number(anomaly, "baseline"),
                   cli_json_number(anomaly, "score"));
}

void cli_live_fini(struct cli_live *live)
{
    json_decref(live->windows);
    json_decref(live->anomalies);
    *live = (struct cli_live){0};
}

static uint32_t window_of(const json_t *stats)
{
    return (uint32_t)cli_json_u64(stats, "windowSeconds");
}

/* Windows in rising order, all time (0) last. */
static bool comes_before(uint32_t a, uint32_t b)
{
    return a - 1 < b - 1;
}

void cli_live_snapshot(struct cli_live *live, const json_t *snapshot)
{
    size_t i;
    json_t *stats;
    if (!live->windows)
        live->windows = cli_json_array();
    json_array_foreach(cli_json_at(snapshot, "windows"), i, stats)
    {
        size_t at = 0;
        while (at < json_array_size(live->windows) &&
               comes_before(window_of(json_array_get(live->windows, at)),
                            window_of(stats)))
            at++;
        json_t *there = json_array_get(live->windows, at);
        if (there && window_of(there) == window_of(stats))
            json_array_set(live->windows, at, stats);
        else
            json_array_insert(live->windows, at, stats);
    }
}

void cli_live_anomaly(struct cli_live *live, const json_t *anomaly)
{
    if (!live->anomalies)
        live->anomalies = cli_json_array();
    json_array_append(live->anomalies, (json_t *)anomaly);
    if (json_array_size(live->anomalies) > CLI_ANOMALY_COUNT_MAX)
        json_array_remove(live->anomalies, 0);
}

static const json_t *find_window(const struct cli_live *live, uint32_t seconds)
{
    size_t i;
    json_t *stats;
    json_array_foreach(live->windows, i, stats)
    {
        if (window_of(stats) == seconds)
            return stats;
    }
    return NULL;
}

void cli_live_tick(struct cli_live *live, int64_t now_ms)
{
    const json_t *all = find_window(live, 0);
    if (!all)
        return;
    uint64_t count = cli_json_u64(all, "count");
    int64_t elapsed_ms = now_ms - live->tick_before_ms;
    if (live->tick_before_ms != 0 && elapsed_ms > 0) {
        double rate = count > live->count_before
                          ? (double)(count - live->count_before) * 1000 /
                                (double)elapsed_ms
                          : 0;
        live->rates[live->rate_count++ % CLI_RATE_COUNT_MAX] = rate;
    }
    live->count_before = count;
    live->tick_before_ms = now_ms;
}

static void draw_title(const struct cli_live *live, const struct cli_term *term,
                       struct cli_buf *buf, const char *clock)
{
    struct cli_buf right = {0};
    size_t start = buf->len;
    const char *status = live->status ? live->status : "live";
    cli_term_add(term, buf, CLI_STRONG, live->stream);
    cli_buf_text(buf, "  ");
    cli_term_add(term, buf, live->status_bad ? CLI_WARN : CLI_GOOD,
                 term->unicode ? "● " : "* ");
    cli_term_add(term, buf, live->status_bad ? CLI_WARN : CLI_PLAIN, status);
    cli_buf_printf(&right, "%s   Ctrl-C ends", clock);
    size_t left_width = cli_text_width(buf->data + start, buf->len - start);
    if (left_width + right.len + 2 <= term->columns) {
        cli_buf_repeat(buf, " ", term->columns - left_width - right.len);
        cli_term_add(term, buf, CLI_FAINT, cli_buf_str(&right));
    }
    cli_buf_text(buf, "\n");
    cli_buf_fini(&right);
}

/* The newest rates that fit, oldest first. */
static void draw_rates(const struct cli_live *live, const struct cli_term *term,
                       struct cli_buf *buf)
{
    double shown[CLI_RATE_COUNT_MAX];
    size_t kept = live->rate_count < CLI_RATE_COUNT_MAX ? live->rate_count
                                                        : CLI_RATE_COUNT_MAX;
    size_t room = term->columns > 44 ? term->columns - 40 : 4;
    size_t count = kept < room ? kept : room;
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        shown[i] =
            live->rates[(live->rate_count - count + i) % CLI_RATE_COUNT_MAX];
        most = shown[i] > most ? shown[i] : most;
    }
    struct cli_buf part = {0};
    cli_text_add_short(&part, count > 0 ? shown[count - 1] : 0);
    cli_buf_text(&part, "/s");
    cli_buf_text(buf, "\nnow ");
    cli_buf_repeat(buf, " ", part.len < 9 ? 9 - part.len : 0);
    cli_term_add(term, buf, CLI_STRONG, cli_buf_str(&part));
    cli_buf_text(buf, "  ");
    cli_buf_reset(&part);
    cli_draw_sparkline(&part, shown, count, term->unicode);
    cli_term_add(term, buf, CLI_ACCENT, cli_buf_str(&part));
    cli_buf_reset(&part);
    cli_buf_text(&part, "  peak ");
    cli_text_add_short(&part, most);
    cli_buf_text(&part, "/s\n");
    cli_term_add(term, buf, CLI_FAINT, cli_buf_str(&part));
    cli_buf_fini(&part);
}

/* Puts two blocks of lines side by side. */
static void join(struct cli_buf *buf, const struct cli_buf *left,
                 const struct cli_buf *right, size_t left_columns)
{
    const char *l = cli_buf_str(left);
    const char *r = cli_buf_str(right);
    while (*l || *r) {
        size_t l_len = strcspn(l, "\n");
        size_t r_len = strcspn(r, "\n");
        size_t width = cli_text_width(l, l_len);
        cli_buf_add(buf, l, l_len);
        if (r_len > 0) {
            cli_buf_repeat(buf, " ",
                           width < left_columns ? left_columns - width : 0);
            cli_buf_add(buf, r, r_len);
        }
        cli_buf_text(buf, "\n");
        l += l_len + (l[l_len] == '\n');
        r += r_len + (r[r_len] == '\n');
    }
}

static void draw_blocks(const struct cli_term *term, struct cli_buf *buf,
                        const json_t *stats)
{
    bool wide = term->columns >= WIDE_COLUMNS;
    size_t right_columns = wide ? term->columns / 2 - 2 : term->columns;
    size_t left_columns =
        wide ? term->columns - right_columns - 3 : term->columns;
    struct cli_buf left = {0};
    struct cli_buf right = {0};
    cli_view_top(&left, term, stats, left_columns, LIVE_TOP_COUNT);
    cli_view_distribution(&right, term, cli_json_at(stats, "latencyMs"),
                          "LATENCY", true, right_columns);
    cli_view_distribution(&right, term, cli_json_at(stats, "value"), "VALUE",
                          false, right_columns);
    if (wide) {
        join(buf, &left, &right, left_columns + 3);
    } else {
        cli_buf_text(buf, cli_buf_str(&left));
        cli_buf_text(buf, cli_buf_str(&right));
    }
    cli_buf_fini(&left);
    cli_buf_fini(&right);
}

static void draw_anomalies(const struct cli_live *live,
                           const struct cli_term *term, struct cli_buf *buf)
{
    size_t i;
    json_t *anomaly;
    if (json_array_size(live->anomalies) == 0)
        return;
    cli_buf_text(buf, "\n");
    cli_term_add(term, buf, CLI_STRONG, "ANOMALIES");
    cli_buf_text(buf, "\n");
    json_array_foreach(live->anomalies, i, anomaly)
    {
        cli_view_anomaly(buf, term, anomaly);
    }
}

void cli_live_draw(const struct cli_live *live, const struct cli_term *term,
                   struct cli_buf *buf, const char *clock)
{
    const json_t *focus = find_window(live, live->focus_seconds);
    draw_title(live, term, buf, clock);
    if (!live->windows) {
        cli_buf_text(buf, "\nwaiting for the first statistics\n");
        return;
    }
    draw_rates(live, term, buf);
    cli_buf_text(buf, "\n");
    cli_view_windows(buf, term, live->windows);
    draw_anomalies(live, term, buf);
    if (focus)
        draw_blocks(term, buf, focus);
}
