/* SPDX-License-Identifier: Apache-2.0 */
#include "stats_json.h"

#include <inttypes.h>

static void put_count(struct rnl_text_buf *text, const char *name,
                      uint64_t value)
{
    rnl_text_buf_printf(text, "\"%s\":\"%" PRIu64 "\"", name, value);
}

static void put_number(struct rnl_text_buf *text, const char *name,
                       double value)
{
    rnl_text_buf_printf(text, ",\"%s\":", name);
    rnl_text_buf_number(text, value);
}

static void put_estimate(struct rnl_text_buf *text,
                         const Runnel__V1__Estimate *estimate)
{
    rnl_text_buf_printf(text, ",\"uniqueKeys\":{\"value\":");
    rnl_text_buf_number(text, estimate->value);
    put_number(text, "lower", estimate->lower);
    put_number(text, "upper", estimate->upper);
    put_number(text, "confidence", estimate->confidence);
    rnl_text_buf_printf(text, "}");
}

static void put_key(struct rnl_text_buf *text,
                    const Runnel__V1__KeyFrequency *key)
{
    rnl_text_buf_printf(text, "{\"key\":");
    rnl_text_buf_string(text, key->key);
    rnl_text_buf_printf(text, ",");
    put_count(text, "count", key->count);
    rnl_text_buf_printf(text, ",");
    put_count(text, "lower", key->lower);
    rnl_text_buf_printf(text, ",");
    put_count(text, "upper", key->upper);
    put_number(text, "confidence", key->confidence);
    rnl_text_buf_printf(text, "}");
}

static void put_keys(struct rnl_text_buf *text,
                     const Runnel__V1__StreamStats *stats)
{
    rnl_text_buf_printf(text, ",\"topKeys\":[");
    for (size_t i = 0; i < stats->n_top_keys; i++) {
        if (i > 0)
            rnl_text_buf_printf(text, ",");
        put_key(text, stats->top_keys[i]);
    }
    rnl_text_buf_printf(text, "]");
}

static void put_quantiles(struct rnl_text_buf *text,
                          const Runnel__V1__Distribution *distribution)
{
    rnl_text_buf_printf(text, ",\"quantiles\":[");
    for (size_t i = 0; i < distribution->n_quantiles; i++) {
        rnl_text_buf_printf(text, "%s{\"q\":", i == 0 ? "" : ",");
        rnl_text_buf_number(text, distribution->quantiles[i]->q);
        put_number(text, "value", distribution->quantiles[i]->value);
        rnl_text_buf_printf(text, "}");
    }
    rnl_text_buf_printf(text, "]");
}

static void put_histogram(struct rnl_text_buf *text,
                          const Runnel__V1__Distribution *distribution)
{
    rnl_text_buf_printf(text, ",\"histogram\":[");
    for (size_t i = 0; i < distribution->n_histogram; i++) {
        const Runnel__V1__HistogramBucket *bucket = distribution->histogram[i];
        rnl_text_buf_printf(text, "%s{\"lower\":", i == 0 ? "" : ",");
        rnl_text_buf_number(text, bucket->lower);
        put_number(text, "upper", bucket->upper);
        rnl_text_buf_printf(text, ",");
        put_count(text, "count", bucket->count);
        rnl_text_buf_printf(text, "}");
    }
    rnl_text_buf_printf(text, "]");
}

static void put_distribution(struct rnl_text_buf *text, const char *name,
                             const Runnel__V1__Distribution *distribution)
{
    if (distribution == NULL)
        return;
    rnl_text_buf_printf(text, ",\"%s\":{", name);
    put_count(text, "count", distribution->count);
    put_number(text, "sum", distribution->sum);
    put_number(text, "min", distribution->min);
    put_number(text, "max", distribution->max);
    put_number(text, "mean", distribution->mean);
    put_number(text, "variance", distribution->variance);
    put_number(text, "stddev", distribution->stddev);
    put_quantiles(text, distribution);
    put_number(text, "quantileRelativeError",
               distribution->quantile_relative_error);
    put_histogram(text, distribution);
    rnl_text_buf_printf(text, "}");
}

void rnl_stats_json(const Runnel__V1__StreamStats *stats,
                    struct rnl_text_buf *text)
{
    rnl_text_buf_printf(text, "{");
    put_count(text, "count", stats->count);
    if (stats->unique_keys != NULL)
        put_estimate(text, stats->unique_keys);
    put_keys(text, stats);
    put_distribution(text, "value", stats->value);
    put_distribution(text, "latencyMs", stats->latency_ms);
    rnl_text_buf_printf(text, "}");
}
