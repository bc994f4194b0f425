/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_config.h"

#include <stdio.h>
#include <string.h>

static enum rnl_code say_fault(const struct rnl_meter_fault *fault,
                               struct rnl_field_error *error)
{
    char field[sizeof(error->field)];
    if (fault->index == SIZE_MAX)
        snprintf(field, sizeof(field), "config.%s", fault->field);
    else
        snprintf(field, sizeof(field), "config.%s[%zu]", fault->field,
                 fault->index);
    return rnl_field_error_set(error, field, "%s", fault->what);
}

enum rnl_code rnl_stream_config_read(const Runnel__V1__StreamConfig *from,
                                     struct rnl_meter_config *ret_config,
                                     struct rnl_field_error *error)
{
    struct rnl_meter_config config = {
        .window_count = from->n_window_seconds,
        .unique_precision = from->unique_precision,
        .top_capacity = from->top_capacity,
        .has_value_threshold = from->value_threshold_set,
        .value_threshold = from->value_threshold,
        .latency_threshold_ms = from->latency_threshold_ms,
        .anomaly_threshold = from->anomaly_threshold,
        .unique_algorithm = (enum rnl_unique_by)from->unique_algorithm,
        .key_hash = (enum rnl_key_hash)from->key_hash,
        .time_basis = (enum rnl_time_basis)from->time_basis,
    };
    if (config.window_count > RNL_METER_WINDOWS_MAX)
        return rnl_field_error_set(error, "config.window_seconds",
                                   "must have at most %d entries",
                                   RNL_METER_WINDOWS_MAX);
    for (size_t i = 0; i < config.window_count; i++)
        config.window_seconds[i] = from->window_seconds[i];
    /* Most likely forgotten; it would do nothing. */
    if (!config.has_value_threshold && config.value_threshold != 0)
        return rnl_field_error_set(error, "config.value_threshold",
                                   "counts only with value_threshold_set");
    struct rnl_meter_fault fault;
    enum rnl_code code = rnl_meter_config_check(&config, &fault);
    if (code != RNL_OK)
        return say_fault(&fault, error);
    *ret_config = config;
    return RNL_OK;
}

void rnl_stream_config_write(const struct rnl_meter_config *config,
                             const char *name, Runnel__V1__StreamConfig *to)
{
    *to = (Runnel__V1__StreamConfig)RUNNEL__V1__STREAM_CONFIG__INIT;
    to->name = (char *)(uintptr_t)name;
    to->window_seconds = (uint32_t *)(uintptr_t)config->window_seconds;
    to->n_window_seconds = config->window_count;
    to->unique_precision = config->unique_precision;
    to->top_capacity = config->top_capacity;
    to->value_threshold_set = config->has_value_threshold;
    to->value_threshold = config->value_threshold;
    to->latency_threshold_ms = config->latency_threshold_ms;
    to->anomaly_threshold = config->anomaly_threshold;
    to->unique_algorithm =
        (Runnel__V1__UniqueAlgorithm)config->unique_algorithm;
    to->key_hash = (Runnel__V1__KeyHash)config->key_hash;
    to->time_basis = (Runnel__V1__TimeBasis)config->time_basis;
}

/* Numbers as they were given: equal is equal. */
static bool differ(double a, double b)
{
    return a < b || a > b;
}

const char *rnl_stream_config_difference(const struct rnl_meter_config *a,
                                         const struct rnl_meter_config *b)
{
    if (a->window_count != b->window_count ||
        memcmp(a->window_seconds, b->window_seconds,
               a->window_count * sizeof(a->window_seconds[0])) != 0)
        return "window_seconds";
    if (a->unique_precision != b->unique_precision)
        return "unique_precision";
    if (a->unique_algorithm != b->unique_algorithm)
        return "unique_algorithm";
    if (a->key_hash != b->key_hash)
        return "key_hash";
    if (a->time_basis != b->time_basis)
        return "time_basis";
    if (a->top_capacity != b->top_capacity)
        return "top_capacity";
    if (a->has_value_threshold != b->has_value_threshold)
        return "value_threshold_set";
    if (differ(a->value_threshold, b->value_threshold))
        return "value_threshold";
    if (differ(a->latency_threshold_ms, b->latency_threshold_ms))
        return "latency_threshold_ms";
    return differ(a->anomaly_threshold, b->anomaly_threshold)
               ? "anomaly_threshold"
               : NULL;
}
