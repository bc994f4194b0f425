/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a meter's configuration. */
#include <math.h>

#include "meter.h"
#include "sketch/hyperloglog.h"

#define PRECISION_DEFAULT 14
#define PRECISION_MIN     4
#define PRECISION_MAX     18
#define TOP_DEFAULT       100
#define ANOMALY_DEFAULT   6.0
#define ANOMALY_MIN       3.0
#define ANOMALY_MAX       100.0

static const uint32_t windows_default[] = {60, 300, 3600};

static enum rnl_code fault(struct rnl_meter_fault *ret_fault, const char *field,
                           size_t index, const char *what)
{
    ret_fault->field = field;
    ret_fault->index = index;
    ret_fault->what = what;
    return RNL_INVALID_ARGUMENT;
}

static enum rnl_code check_windows(struct rnl_meter_config *config,
                                   struct rnl_meter_fault *ret_fault)
{
    const char *field = "window_seconds";
    if (config->window_count > RNL_METER_WINDOWS_MAX)
        return fault(ret_fault, field, SIZE_MAX, "must be at most 8");
    if (config->window_count == 0) {
        config->window_count =
            sizeof(windows_default) / sizeof(*windows_default);
        for (size_t i = 0; i < config->window_count; i++)
            config->window_seconds[i] = windows_default[i];
    }
    uint32_t before = 0;
    for (size_t i = 0; i < config->window_count; i++) {
        uint32_t seconds = config->window_seconds[i];
        if (seconds == 0 || seconds > RNL_METER_WINDOW_SECONDS_MAX)
            return fault(ret_fault, field, i, "must be 1 to 86400");
        if (seconds <= before)
            return fault(ret_fault, field, i, "must be above the one before");
        before = seconds;
    }
    return RNL_OK;
}

static enum rnl_code check_unique(struct rnl_meter_config *config,
                                  struct rnl_meter_fault *ret_fault)
{
    if (config->unique_precision == 0)
        config->unique_precision = PRECISION_DEFAULT;
    if (config->unique_precision < PRECISION_MIN ||
        config->unique_precision > PRECISION_MAX)
        return fault(ret_fault, "unique_precision", SIZE_MAX,
                     "must be 4 to 18");
    if (config->unique_algorithm == 0)
        config->unique_algorithm = RNL_UNIQUE_BY_HYPERLOGLOG;
    if (config->key_hash == 0)
        config->key_hash = RNL_KEY_HASH_RUNNEL;
    if (config->unique_algorithm == RNL_UNIQUE_BY_ULTRALOGLOG &&
        config->key_hash != RNL_KEY_HASH_RUNNEL)
        return fault(ret_fault, "unique_algorithm", SIZE_MAX,
                     "must be HYPERLOGLOG with the key_hash of another "
                     "program, which has no other");
    if (config->key_hash == RNL_KEY_HASH_REDIS &&
        config->unique_precision != RNL_HLL_PRECISION_REDIS)
        return fault(ret_fault, "unique_precision", SIZE_MAX,
                     "must be 14 with the key_hash REDIS, which has no other");
    return RNL_OK;
}

/* The schema's numbers, as a reader may give them: any. */
static enum rnl_code check_choices(struct rnl_meter_config *config,
                                   struct rnl_meter_fault *ret_fault)
{
    const int algorithm = (int)config->unique_algorithm;
    const int hash = (int)config->key_hash;
    const int basis = (int)config->time_basis;
    if (algorithm < 0 || algorithm > RNL_UNIQUE_BY_ULTRALOGLOG)
        return fault(ret_fault, "unique_algorithm", SIZE_MAX,
                     "must be HYPERLOGLOG or ULTRALOGLOG");
    if (hash < 0 || hash > RNL_KEY_HASH_DATASKETCHES)
        return fault(ret_fault, "key_hash", SIZE_MAX,
                     "must be RUNNEL, REDIS or DATASKETCHES");
    if (basis < 0 || basis > RNL_TIME_BASIS_ARRIVAL)
        return fault(ret_fault, "time_basis", SIZE_MAX,
                     "must be EVENT or ARRIVAL");
    if (basis == 0)
        config->time_basis = RNL_TIME_BASIS_EVENT;
    return RNL_OK;
}

static enum rnl_code check_thresholds(struct rnl_meter_config *config,
                                      struct rnl_meter_fault *ret_fault)
{
    if (config->has_value_threshold && !isfinite(config->value_threshold))
        return fault(ret_fault, "value_threshold", SIZE_MAX, "must be finite");
    if (!isfinite(config->latency_threshold_ms) ||
        config->latency_threshold_ms < 0)
        return fault(ret_fault, "latency_threshold_ms", SIZE_MAX,
                     "must be finite and not negative");
    if (config->anomaly_threshold == 0)
        config->anomaly_threshold = ANOMALY_DEFAULT;
    if (!(config->anomaly_threshold >= ANOMALY_MIN &&
          config->anomaly_threshold <= ANOMALY_MAX))
        return fault(ret_fault, "anomaly_threshold", SIZE_MAX,
                     "must be 3 to 100");
    return RNL_OK;
}

enum rnl_code rnl_meter_config_check(struct rnl_meter_config *config,
                                     struct rnl_meter_fault *ret_fault)
{
    enum rnl_code code = check_windows(config, ret_fault);
    if (code == RNL_OK)
        code = check_choices(config, ret_fault);
    if (code == RNL_OK)
        code = check_unique(config, ret_fault);
    if (code != RNL_OK)
        return code;
    if (config->top_capacity == 0)
        config->top_capacity = TOP_DEFAULT;
    if (config->top_capacity > RNL_METER_TOP_MAX)
        return fault(ret_fault, "top_capacity", SIZE_MAX, "must be 1 to 1000");
    return check_thresholds(config, ret_fault);
}
