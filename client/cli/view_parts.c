/* SPDX-License-Identifier: Apache-2.0 */
#include "view_parts.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "draw.h"
#include "text.h"

/* The schema's limit of buckets. */
#define BUCKET_COUNT_MAX ((size_t)64)

double cli_view_quantile(const json_t *distribution, double q)
{
    size_t i;
    json_t *quantile;
    json_array_foreach(cli_json_at(distribution, "quantiles"), i, quantile)
    {
        if (fabs(cli_json_number(quantile, "q") - q) < 1e-9)
            return cli_json_number(quantile, "value");
    }
    return NAN;
}

/* "1,234 ±1.6%"; the interval is not symmetric, its wider half is shown. */
static void add_estimate(struct cli_buf *buf, const json_t *estimate)
{
    double value = cli_json_number(estimate, "value");
    double above = cli_json_number(estimate, "upper") - value;
    double below = value - cli_json_number(estimate, "lower");
    double error = above > below ? above : below;
    cli_text_add_count(buf, (uint64_t)llround(value < 0 ? 0 : value));
    if (value > 0 && error / value >= 0.0005)
        cli_buf_printf(buf, " ±%.1f%%", error / value * 100);
}

static void add_rate(struct cli_buf *buf, const json_t *stats)
{
    cli_text_add_short(buf, cli_json_number(stats, "rate"));
    cli_buf_text(buf, "/s");
}

/* "name 1,234   " with the number in bold. */
static void add_fact(struct cli_buf *buf, const struct cli_term *term,
                     const char *name, struct cli_buf *number)
{
    cli_term_add(term, buf, CLI_FAINT, name);
    cli_buf_text(buf, " ");
    cli_term_add(term, buf, CLI_STRONG, cli_buf_str(number));
    cli_buf_text(buf, "   ");
    cli_buf_reset(number);
}

static void end_line(struct cli_buf *buf)
{
    while (buf->len > 0 && buf->data[buf->len - 1] == ' ')
        buf->len--;
    cli_buf_text(buf, "\n");
}

static void add_rare_facts(struct cli_buf *buf, const struct cli_term *term,
                           const json_t *stats)
{
    static const struct {
        const char *field, *name;
    } facts[] = {{"mergedEvents", "merged"},
                 {"lateEvents", "late"},
                 {"duplicateBatches", "duplicate batches"},
                 {"anomalyCount", "anomalies"}};
    struct cli_buf number = {0};
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        uint64_t count = cli_json_u64(stats, facts[i].field);
        if (count == 0)
            continue;
        cli_text_add_count(&number, count);
        add_fact(buf, term, facts[i].name, &number);
    }
    cli_buf_fini(&number);
}

void cli_view_headline(struct cli_buf *buf, const struct cli_term *term,
                       const json_t *stats)
{
    struct cli_buf number = {0};
    uint32_t seconds = (uint32_t)cli_json_u64(stats, "windowSeconds");
    cli_term_add(term, buf, CLI_STRONG, cli_json_text(stats, "stream"));
    if (seconds == 0) {
        cli_term_add(term, buf, CLI_FAINT, "  all time\n");
    } else {
        cli_buf_text(&number, "  last ");
        cli_text_add_window(&number, seconds);
        cli_buf_text(&number, "\n");
        cli_term_add(term, buf, CLI_FAINT, cli_buf_str(&number));
        cli_buf_reset(&number);
    }
    cli_text_add_count(&number, cli_json_u64(stats, "count"));
    add_fact(buf, term, "events", &number);
    add_rate(&number, stats);
    add_fact(buf, term, "rate", &number);
    add_estimate(&number, cli_json_at(stats, "uniqueKeys"));
    add_fact(buf, term, "unique keys", &number);
    add_rare_facts(buf, term, stats);
    end_line(buf);
    cli_buf_fini(&number);
}

/* Which metric a window's row can tell of: latency where there is one. */
static const char *row_metric(const json_t *windows)
{
    size_t i;
    json_t *stats;
    json_array_foreach(windows, i, stats)
    {
        if (cli_json_u64(stats, "latencyMs.count") > 0)
            return "latencyMs";
    }
    return "value";
}

static void add_measure(struct cli_buf *buf, double number, bool is_ms)
{
    if (isnan(number))
        cli_buf_text(buf, "-");
    else if (is_ms)
        cli_text_add_ms(buf, number);
    else
        cli_text_add_number(buf, number);
}

/* More figures than the error of a quantile leaves would be false. */
static double four_figures(double number)
{
    if (number == 0 || !isfinite(number))
        return number;
    double unit = pow(10, floor(log10(fabs(number))) - 3);
    return round(number / unit) * unit;
}

/* Quantiles that a row has room for, most wanted first where not all fit. */
static const struct {
    size_t count;
    double qs[3];
    const char *names[3];
} row_quantiles[] = {
    {3, {0.5, 0.9, 0.99}, {"p50", "p90", "p99"}},
    {2, {0.5, 0.99}, {"p50", "p99"}},
    {1, {0.99}, {"p99"}},
    {0, {0}, {NULL}},
};

#define ROW_KINDS (sizeof(row_quantiles) / sizeof(row_quantiles[0]))

/* The columns of a table of windows. */
struct row_style {
    const char *metric;
    bool is_ms;
    size_t kind;
};

static void add_window_row(struct cli_table *table, const json_t *stats,
                           const struct row_style *style, const char *mark)
{
    const json_t *d = cli_json_at(stats, style->metric);
    bool any = cli_json_u64(d, "count") > 0;
    struct cli_buf cell = {0};
    cli_buf_text(&cell, mark);
    cli_text_add_window(&cell, (uint32_t)cli_json_u64(stats, "windowSeconds"));
    cli_table_take(table, CLI_PLAIN, &cell);
    cli_text_add_count(&cell, cli_json_u64(stats, "count"));
    cli_table_take(table, CLI_PLAIN, &cell);
    add_rate(&cell, stats);
    cli_table_take(table, CLI_PLAIN, &cell);
    add_estimate(&cell, cli_json_at(stats, "uniqueKeys"));
    cli_table_take(table, CLI_PLAIN, &cell);
    for (size_t i = 0; i < row_quantiles[style->kind].count; i++) {
        double q = row_quantiles[style->kind].qs[i];
        double value = any ? cli_view_quantile(d, q) : (double)NAN;
        add_measure(&cell, four_figures(value), style->is_ms);
        cli_table_take(table, CLI_PLAIN, &cell);
    }
    cli_buf_fini(&cell);
}

static void add_window_titles(struct cli_table *table,
                              const struct row_style *style)
{
    static const char *const titles[] = {"WINDOW", "EVENTS", "RATE",
                                         "UNIQUE KEYS"};
    struct cli_buf cell = {0};
    for (size_t i = 0; i < 4; i++)
        cli_table_cell(table, CLI_FAINT, titles[i]);
    for (size_t i = 0; i < row_quantiles[style->kind].count; i++) {
        if (i == 0)
            cli_buf_text(&cell, style->is_ms ? "LATENCY " : "VALUE ");
        cli_buf_text(&cell, row_quantiles[style->kind].names[i]);
        cli_table_take(table, CLI_FAINT, &cell);
    }
    cli_buf_fini(&cell);
}

static void draw_windows(struct cli_buf *buf, const struct cli_term *term,
                         const json_t *windows, const json_t *focus,
                         const struct row_style *style)
{
    const char *mark = term->unicode ? "▸ " : "> ";
    struct cli_table table;
    size_t i;
    json_t *stats;
    cli_table_init(&table, 4 + row_quantiles[style->kind].count, 0x7E);
    add_window_titles(&table, style);
    json_array_foreach(windows, i, stats)
    {
        add_window_row(&table, stats, style, stats == focus ? mark : "  ");
    }
    cli_table_draw(&table, term, buf);
    cli_table_fini(&table);
}

void cli_view_windows(struct cli_buf *buf, const struct cli_term *term,
                      const json_t *windows, const json_t *focus)
{
    struct row_style style = {.metric = row_metric(windows)};
    size_t start = buf->len;
    style.is_ms = strcmp(style.metric, "latencyMs") == 0;
    for (; style.kind < ROW_KINDS; style.kind++) {
        buf->len = start;
        draw_windows(buf, term, windows, focus, &style);
        const char *row = buf->data + start;
        if (cli_text_width(row, strcspn(row, "\n")) <= term->columns)
            return;
    }
}

/* Adds text padded to a width on its left or right. */
static void add_padded(struct cli_buf *buf, const char *text, size_t columns,
                       bool flush_right)
{
    size_t width = cli_text_width(text, strlen(text));
    size_t pad = columns > width ? columns - width : 0;
    if (flush_right)
        cli_buf_repeat(buf, " ", pad);
    cli_buf_text(buf, text);
    if (!flush_right)
        cli_buf_repeat(buf, " ", pad);
}

/* So that the table stays put while short names come and go. */
#define NAME_COLUMNS_MIN ((size_t)12)

/* Widths of the table of keys, and what shares and bars are of. */
struct top_style {
    size_t name_columns;
    size_t bar_columns;
    /* Counts are estimates: their bounds are shown. */
    bool bounds;
    double total;
    double most;
};

static void choose_top_style(struct top_style *style, const json_t *keys,
                             size_t count, size_t columns)
{
    size_t widest = NAME_COLUMNS_MIN;
    for (size_t i = 0; i < count; i++) {
        const json_t *key = json_array_get(keys, i);
        const char *name = cli_json_text(key, "key");
        size_t width = cli_text_width(name, strlen(name));
        widest = width > widest ? width : widest;
        style->bounds = style->bounds ||
                        cli_json_u64(key, "upper") > cli_json_u64(key, "lower");
    }
    /* Count, bounds and share; a sixth at least is for the bars. */
    size_t numbers = (style->bounds ? 30 : 22) + columns / 6;
    size_t room = columns > numbers + 8 ? columns - numbers : 8;
    style->name_columns = widest < room ? widest : room;
    numbers = style->bounds ? 30 : 22;
    style->bar_columns = columns > style->name_columns + numbers + 4
                             ? columns - style->name_columns - numbers
                             : 4;
}

/* "±1.2%": how far off the count may be. */
static void add_bounds(struct cli_buf *buf, const json_t *key)
{
    struct cli_buf part = {0};
    double count = cli_json_number(key, "count");
    double above = cli_json_number(key, "upper") - count;
    double below = count - cli_json_number(key, "lower");
    double error = above > below ? above : below;
    if (error > 0 && count > 0)
        cli_buf_printf(&part, "±%.1f%%", error / count * 100);
    add_padded(buf, cli_buf_str(&part), 8, true);
    cli_buf_fini(&part);
}

static void add_top_row(struct cli_buf *buf, const struct cli_term *term,
                        const json_t *key, const struct top_style *style)
{
    struct cli_buf part = {0};
    const char *name = cli_json_text(key, "key");
    double count = cli_json_number(key, "count");
    cli_text_add_safe(&part, name, strlen(name), style->name_columns);
    add_padded(buf, cli_buf_str(&part), style->name_columns, false);
    cli_buf_reset(&part);
    cli_text_add_count(&part, cli_json_u64(key, "count"));
    add_padded(buf, cli_buf_str(&part), 12, true);
    if (style->bounds)
        add_bounds(buf, key);
    cli_buf_reset(&part);
    cli_buf_printf(&part, "%5.1f%%  ",
                   style->total > 0 ? count / style->total * 100 : 0);
    add_padded(buf, cli_buf_str(&part), 10, true);
    cli_buf_reset(&part);
    cli_draw_bar(&part, style->most > 0 ? count / style->most : 0,
                 style->bar_columns, term->unicode, false);
    cli_term_add(term, buf, CLI_ACCENT, cli_buf_str(&part));
    cli_buf_text(buf, "\n");
    cli_buf_fini(&part);
}

void cli_view_top(struct cli_buf *buf, const struct cli_term *term,
                  const json_t *stats, size_t columns, size_t count_max)
{
    const json_t *keys = cli_json_at(stats, "topKeys");
    size_t count = json_array_size(keys);
    struct top_style style = {
        .total = cli_json_number(stats, "count"),
        .most = cli_json_number(json_array_get(keys, 0), "count")};
    if (count == 0)
        return;
    count = count < count_max ? count : count_max;
    choose_top_style(&style, keys, count, columns);
    cli_buf_text(buf, "\n");
    cli_term_add(term, buf, CLI_FAINT, "TOP KEYS");
    cli_buf_text(buf, "\n");
    for (size_t i = 0; i < count; i++)
        add_top_row(buf, term, json_array_get(keys, i), &style);
}

static void add_moments(struct cli_buf *buf, const struct cli_term *term,
                        const json_t *d, bool is_ms)
{
    static const struct {
        const char *field, *name, *error;
    } facts[] = {{"mean", "mean", "meanError"},
                 {"stddev", "sd", "stddevError"},
                 {"min", "min", NULL},
                 {"max", "max", NULL}};
    struct cli_buf number = {0};
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        add_measure(&number, cli_json_number(d, facts[i].field), is_ms);
        /* Of values that came as the buckets of another program. */
        if (facts[i].error && cli_json_number(d, facts[i].error) > 0) {
            cli_buf_text(&number, term->unicode ? " ±" : " +-");
            add_measure(&number,
                        four_figures(cli_json_number(d, facts[i].error)),
                        is_ms);
        }
        add_fact(buf, term, facts[i].name, &number);
    }
    end_line(buf);
    cli_buf_fini(&number);
}

static void add_quantiles(struct cli_buf *buf, const struct cli_term *term,
                          const json_t *d, bool is_ms)
{
    static const struct {
        double q;
        const char *name;
    } shown[] = {{0.5, "p50"}, {0.9, "p90"}, {0.95, "p95"}, {0.99, "p99"}};
    struct cli_buf number = {0};
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        double value = cli_view_quantile(d, shown[i].q);
        add_measure(&number, four_figures(value), is_ms);
        add_fact(buf, term, shown[i].name, &number);
    }
    end_line(buf);
    cli_buf_fini(&number);
}

/* Reads the buckets, neighbours merged until they fit; returns their number
 * and *ret_edges, the lower edge of the first and of the middle one, and the
 * upper of the last. */
static size_t read_buckets(const json_t *d, size_t columns_max, double *heights,
                           double ret_edges[3])
{
    const json_t *buckets = cli_json_at(d, "histogram");
    size_t count = json_array_size(buckets);
    if (count > BUCKET_COUNT_MAX)
        count = BUCKET_COUNT_MAX;
    if (count == 0)
        return 0;
    size_t merge = (count + columns_max - 1) / columns_max;
    memset(heights, 0, BUCKET_COUNT_MAX * sizeof(*heights));
    for (size_t i = 0; i < count; i++)
        heights[i / merge] +=
            cli_json_number(json_array_get(buckets, i), "count");
    ret_edges[0] = cli_json_number(json_array_get(buckets, 0), "lower");
    ret_edges[1] = cli_json_number(json_array_get(buckets, count / 2), "lower");
    ret_edges[2] = cli_json_number(json_array_get(buckets, count - 1), "upper");
    return (count + merge - 1) / merge;
}

/* Adds a label at that column, or behind what is there. */
static void add_label(struct cli_buf *axis, size_t column,
                      const struct cli_buf *label)
{
    size_t used = cli_text_width(cli_buf_str(axis), axis->len);
    cli_buf_repeat(axis, " ", column > used ? column - used : used > 0);
    cli_buf_text(axis, cli_buf_str(label));
}

/* Values at the ends and in the middle of the histogram, below it. Buckets grow
 * with the values, so that the middle is not halfway between the ends. */
static void add_axis(struct cli_buf *buf, const struct cli_term *term,
                     const double edges[3], bool is_ms, size_t columns)
{
    struct cli_buf axis = {0};
    struct cli_buf labels[3] = {{0}};
    size_t widths[3];
    for (size_t i = 0; i < 3; i++) {
        add_measure(&labels[i], four_figures(edges[i]), is_ms);
        widths[i] = cli_text_width(cli_buf_str(&labels[i]), labels[i].len);
    }
    size_t half = widths[1] / 2;
    size_t middle = columns / 2 > half ? columns / 2 - half : 0;
    size_t high = columns > widths[2] ? columns - widths[2] : 0;
    add_label(&axis, 0, &labels[0]);
    if (middle > widths[0] && middle + widths[1] < high)
        add_label(&axis, middle, &labels[1]);
    add_label(&axis, high, &labels[2]);
    cli_term_add(term, buf, CLI_FAINT, cli_buf_str(&axis));
    cli_buf_text(buf, "\n");
    for (size_t i = 0; i < 3; i++)
        cli_buf_fini(&labels[i]);
    cli_buf_fini(&axis);
}

/* Each bucket one character wide. */
static void add_histogram(struct cli_buf *buf, const struct cli_term *term,
                          const json_t *d, const struct cli_block *block)
{
    double heights[BUCKET_COUNT_MAX];
    double edges[3] = {0};
    size_t room = block->columns > 8 ? block->columns : 8;
    size_t count = read_buckets(d, room, heights, edges);
    struct cli_buf part = {0};
    if (count < 2)
        return;
    for (size_t row = 0; row < block->histogram_rows; row++) {
        cli_draw_histogram_row(&part, heights, count, row,
                               block->histogram_rows, term->unicode);
        cli_term_add(term, buf, CLI_ACCENT_2, cli_buf_str(&part));
        cli_buf_text(buf, "\n");
        cli_buf_reset(&part);
    }
    add_axis(buf, term, edges, block->is_ms, count);
    cli_buf_fini(&part);
}

void cli_view_distribution(struct cli_buf *buf, const struct cli_term *term,
                           const json_t *distribution,
                           const struct cli_block *block)
{
    if (cli_json_u64(distribution, "count") == 0)
        return;
    cli_buf_text(buf, "\n");
    cli_term_add(term, buf, CLI_FAINT, block->is_ms ? "LATENCY" : "VALUE");
    cli_buf_text(buf, "\n");
    add_moments(buf, term, distribution, block->is_ms);
    add_quantiles(buf, term, distribution, block->is_ms);
    if (block->histogram_rows > 0)
        add_histogram(buf, term, distribution, block);
}

size_t cli_view_distribution_lines(const json_t *distribution,
                                   const struct cli_block *block)
{
    if (cli_json_u64(distribution, "count") == 0)
        return 0;
    bool drawn = block->histogram_rows > 0 &&
                 json_array_size(cli_json_at(distribution, "histogram")) > 1;
    return 4 + (drawn ? block->histogram_rows + 1 : 0);
}
