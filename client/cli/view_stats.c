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

void cli_view_stats(struct cli_buf *buf, const struct cli_term *term,
                    const json_t *stats)
{
    size_t columns = term->columns < 100 ? term->columns : 100;
    cli_view_headline(buf, term, stats);
    if (cli_json_u64(stats, "count") == 0)
        return;
    struct cli_block block = {.columns = columns, .histogram_rows = 4};
    cli_view_top(buf, term, stats, columns, SIZE_MAX);
    cli_view_distribution(buf, term, cli_json_at(stats, "value"), &block);
    block.is_ms = true;
    cli_view_distribution(buf, term, cli_json_at(stats, "latencyMs"), &block);
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
