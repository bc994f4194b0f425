/* SPDX-License-Identifier: Apache-2.0 */
#include "view_live.h"

#include <string.h>

#include "draw.h"
#include "text.h"
#include "view_parts.h"
#include "view_stats.h"

/* Widths that blocks need side by side: the right one for its quantiles, the
 * left one for an address with count, bounds, share and a short bar. What a
 * terminal has above that they share, up to the width of a histogram. */
#define RIGHT_COLUMNS_MIN ((size_t)56)
#define RIGHT_COLUMNS_MAX ((size_t)66)
#define LEFT_COLUMNS_MIN  ((size_t)54)

/* Between the blocks. */
#define GAP_COLUMNS ((size_t)3)

/* Below this width the blocks stand one below the other. */
#define WIDE_COLUMNS (LEFT_COLUMNS_MIN + GAP_COLUMNS + RIGHT_COLUMNS_MIN)

/* Below this height fewer anomalies are shown. */
#define TALL_ROWS ((size_t)30)

/* A gap of this many intervals is no jitter: nothing happened. */
#define QUIET_INTERVALS 1.5

/* --- what is known --- */

void cli_live_reset(struct cli_live *live)
{
    json_decref(live->windows);
    json_decref(live->anomalies);
    live->windows = NULL;
    live->anomalies = NULL;
    live->count_before = 0;
    live->core_ms_before = 0;
}

void cli_live_fini(struct cli_live *live)
{
    cli_live_reset(live);
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

static void put_window(struct cli_live *live, json_t *stats)
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

bool cli_live_has_window(const struct cli_live *live, uint32_t seconds)
{
    return find_window(live, seconds) != NULL;
}

static void add_point(struct cli_live *live, double rate)
{
    live->rates[live->rate_count++ % CLI_RATE_COUNT_MAX] = rate;
}

/* A stream that was deleted and made again counts from 0: no negative rate. */
static void add_rate_point(struct cli_live *live, int64_t core_ms,
                           int64_t now_ms)
{
    const json_t *all = find_window(live, 0);
    if (!all)
        return;
    uint64_t count = cli_json_u64(all, "count");
    int64_t span_ms = core_ms - live->core_ms_before;
    if (live->core_ms_before != 0 && span_ms <= 0)
        return;
    if (live->core_ms_before != 0)
        add_point(live, count > live->count_before
                            ? (double)(count - live->count_before) * 1000 /
                                  (double)span_ms
                            : 0);
    live->count_before = count;
    live->core_ms_before = core_ms;
    live->own_ms_before = now_ms;
}

void cli_live_snapshot(struct cli_live *live, const json_t *snapshot,
                       int64_t now_ms)
{
    size_t i;
    json_t *stats;
    if (!live->windows)
        live->windows = cli_json_array();
    json_array_foreach(cli_json_at(snapshot, "windows"), i, stats)
    {
        put_window(live, stats);
    }
    add_rate_point(live, cli_json_time_ms(snapshot, "time"), now_ms);
}

void cli_live_anomaly(struct cli_live *live, const json_t *anomaly)
{
    if (!live->anomalies)
        live->anomalies = cli_json_array();
    json_array_append(live->anomalies, (json_t *)anomaly);
    if (json_array_size(live->anomalies) > CLI_ANOMALY_COUNT_MAX)
        json_array_remove(live->anomalies, 0);
}

void cli_live_tick(struct cli_live *live, int64_t now_ms)
{
    double quiet_ms = QUIET_INTERVALS * live->interval_ms;
    if (live->core_ms_before == 0 || live->interval_ms == 0)
        return;
    /* Both clocks move on, so that the events of the next snapshot are not
     * spread over the quiet time. */
    while ((double)(now_ms - live->own_ms_before) >= quiet_ms) {
        add_point(live, 0);
        live->own_ms_before += live->interval_ms;
        live->core_ms_before += live->interval_ms;
    }
}

/* The window in detail; NULL when there is none. */
static const json_t *focus_of(const struct cli_live *live)
{
    size_t i;
    json_t *stats;
    if (live->focus_chosen)
        return find_window(live, live->focus_seconds);
    json_array_foreach(live->windows, i, stats)
    {
        if (cli_json_u64(stats, "count") > 0)
            return stats;
    }
    return json_array_get(live->windows, 0);
}

void cli_live_next_window(struct cli_live *live)
{
    const json_t *focus = focus_of(live);
    size_t count = json_array_size(live->windows);
    for (size_t i = 0; i < count; i++) {
        if (json_array_get(live->windows, i) != focus)
            continue;
        live->focus_seconds =
            window_of(json_array_get(live->windows, (i + 1) % count));
        live->focus_chosen = true;
        return;
    }
}

/* --- drawing --- */

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
    cli_buf_printf(&right, "%s%s", clock,
                   live->has_keys ? "   w window  q quit" : "");
    size_t left_width = cli_text_width(buf->data + start, buf->len - start);
    if (left_width + right.len + 2 <= term->columns) {
        cli_buf_repeat(buf, " ", term->columns - left_width - right.len);
        cli_term_add(term, buf, CLI_FAINT, cli_buf_str(&right));
    }
    cli_buf_text(buf, "\n");
    cli_buf_fini(&right);
}

/* The newest rates that fit, oldest first; returns how many. */
static size_t read_rates(const struct cli_live *live, size_t room,
                         double *rates, double *ret_most)
{
    size_t kept = live->rate_count < CLI_RATE_COUNT_MAX ? live->rate_count
                                                        : CLI_RATE_COUNT_MAX;
    size_t count = kept < room ? kept : room;
    *ret_most = 0;
    for (size_t i = 0; i < count; i++) {
        rates[i] =
            live->rates[(live->rate_count - count + i) % CLI_RATE_COUNT_MAX];
        *ret_most = rates[i] > *ret_most ? rates[i] : *ret_most;
    }
    return count;
}

static void draw_rates(const struct cli_live *live, const struct cli_term *term,
                       struct cli_buf *buf)
{
    double rates[CLI_RATE_COUNT_MAX];
    double most;
    size_t room = term->columns > 44 ? term->columns - 36 : 8;
    size_t count = read_rates(live, room, rates, &most);
    struct cli_buf part = {0};
    cli_text_add_short(&part, count > 0 ? rates[count - 1] : 0);
    cli_buf_text(&part, "/s");
    cli_buf_text(buf, "\nnow ");
    cli_buf_repeat(buf, " ", part.len < 9 ? 9 - part.len : 0);
    cli_term_add(term, buf, CLI_STRONG, cli_buf_str(&part));
    cli_buf_text(buf, "  ");
    cli_buf_reset(&part);
    cli_draw_sparkline(&part, rates, count, term->unicode);
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

static size_t distribution_lines(const json_t *stats, size_t histogram_rows)
{
    struct cli_block block = {.histogram_rows = histogram_rows};
    return cli_view_distribution_lines(cli_json_at(stats, "latencyMs"),
                                       &block) +
           cli_view_distribution_lines(cli_json_at(stats, "value"), &block);
}

/* The highest histograms that leave rows for others. */
static size_t choose_histogram(const json_t *stats, size_t rows, size_t others)
{
    for (size_t height = 4; height > 1; height--) {
        if (distribution_lines(stats, height) + others <= rows)
            return height;
    }
    return 0;
}

static void add_distributions(const struct cli_term *term, struct cli_buf *buf,
                              const json_t *stats, struct cli_block block)
{
    block.is_ms = true;
    cli_view_distribution(buf, term, cli_json_at(stats, "latencyMs"), &block);
    block.is_ms = false;
    cli_view_distribution(buf, term, cli_json_at(stats, "value"), &block);
}

/* Rows that the top keys take at least: a blank line, title and five keys. */
#define TOP_ROWS_MIN ((size_t)7)

/* One below the other; the top keys take what is left. Values give way where
 * there is no room for both them and latencies. */
static void draw_stacked(const struct cli_term *term, struct cli_buf *buf,
                         const json_t *stats, size_t rows)
{
    struct cli_block block = {.columns = term->columns};
    json_t *shown = cli_json_must(json_copy((json_t *)stats));
    if (distribution_lines(stats, 0) + TOP_ROWS_MIN > rows &&
        cli_json_u64(stats, "latencyMs.count") > 0)
        json_object_del(shown, "value");
    block.histogram_rows = choose_histogram(shown, rows, TOP_ROWS_MIN);
    size_t taken = distribution_lines(shown, block.histogram_rows) + 2;
    cli_view_top(buf, term, shown, term->columns,
                 rows > taken + 1 ? rows - taken : 1);
    add_distributions(term, buf, shown, block);
    json_decref(shown);
}

static void draw_blocks(const struct cli_term *term, struct cli_buf *buf,
                        const json_t *stats, size_t rows)
{
    if (term->columns < WIDE_COLUMNS || distribution_lines(stats, 4) == 0) {
        draw_stacked(term, buf, stats, rows);
        return;
    }
    size_t right_columns =
        RIGHT_COLUMNS_MIN + (term->columns - WIDE_COLUMNS) / 2;
    if (right_columns > RIGHT_COLUMNS_MAX)
        right_columns = RIGHT_COLUMNS_MAX;
    size_t left_columns = term->columns - GAP_COLUMNS - right_columns;
    struct cli_block block = {.columns = right_columns,
                              .histogram_rows =
                                  choose_histogram(stats, rows, 0)};
    struct cli_buf left = {0};
    struct cli_buf right = {0};
    cli_view_top(&left, term, stats, left_columns, rows > 3 ? rows - 2 : 1);
    add_distributions(term, &right, stats, block);
    join(buf, &left, &right, left_columns + GAP_COLUMNS);
    cli_buf_fini(&left);
    cli_buf_fini(&right);
}

static void draw_anomalies(const struct cli_live *live,
                           const struct cli_term *term, struct cli_buf *buf)
{
    size_t count = json_array_size(live->anomalies);
    size_t shown = term->rows < TALL_ROWS ? 2 : CLI_ANOMALY_COUNT_MAX;
    if (count == 0)
        return;
    cli_buf_text(buf, "\n");
    cli_term_add(term, buf, CLI_FAINT, "ANOMALIES");
    cli_buf_text(buf, "\n");
    for (size_t i = count > shown ? count - shown : 0; i < count; i++)
        cli_view_anomaly(buf, term, json_array_get(live->anomalies, i));
}

static size_t count_lines(const struct cli_buf *buf)
{
    size_t lines = 0;
    for (size_t i = 0; i < buf->len; i++)
        lines += buf->data[i] == '\n';
    return lines;
}

void cli_live_draw(const struct cli_live *live, const struct cli_term *term,
                   struct cli_buf *buf, const char *clock)
{
    const json_t *focus = focus_of(live);
    draw_title(live, term, buf, clock);
    if (!live->windows) {
        cli_buf_printf(buf,
                       "\nno statistics yet; events come with, for example:\n"
                       "  tail -f access.log | runnel ingest %s --format "
                       "combined\n",
                       live->stream);
        return;
    }
    draw_rates(live, term, buf);
    cli_buf_text(buf, "\n");
    cli_view_windows(buf, term, live->windows, focus);
    draw_anomalies(live, term, buf);
    size_t used = count_lines(buf);
    if (focus)
        draw_blocks(term, buf, focus,
                    term->rows > used ? term->rows - used : 0);
}
