/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes become a digest of their own, which is checked and then merged like
 * the digest of a pane. */
#include "import.h"

#include <stdarg.h>
#include <stdio.h>

#include "alloc.h"
#include "aspect_bytes.h"
#include "deferred.h"
#include "import_private.h"
#include "meter_private.h"

enum rnl_code rnl_import_refuse(struct rnl_import_fault *fault,
                                enum rnl_code code, const char *format, ...)
{
    va_list args;
    fault->field = "sketch";
    va_start(args, format);
    vsnprintf(fault->what, sizeof(fault->what), format, args);
    va_end(args);
    return code;
}

enum rnl_code rnl_import_read_fault(struct rnl_import_fault *fault,
                                    enum rnl_code code, const char *what)
{
    if (code == RNL_UNIMPLEMENTED)
        return rnl_import_refuse(
            fault, RNL_INVALID_ARGUMENT,
            "is %s of a later version than this server knows", what);
    if (code == RNL_INVALID_ARGUMENT)
        return rnl_import_refuse(fault, code, "is not %s, or is damaged", what);
    return code;
}

static enum rnl_code no_such_format(struct rnl_import_fault *fault,
                                    const char *formats)
{
    (void)rnl_import_refuse(fault, RNL_INVALID_ARGUMENT, "must be %s", formats);
    fault->field = "format";
    return RNL_INVALID_ARGUMENT;
}

static enum rnl_code read_sketch(struct rnl_importing *importing)
{
    const struct rnl_import *import = importing->import;
    switch (import->of) {
    case RNL_SKETCH_OF_UNIQUE:
        if (import->format == RNL_SKETCH_FORMAT_RUNNEL ||
            import->format == RNL_SKETCH_FORMAT_DATASKETCHES ||
            import->format == RNL_SKETCH_FORMAT_REDIS)
            return rnl_import_unique(importing);
        return no_such_format(importing->fault,
                              "RUNNEL, DATASKETCHES or REDIS_HYLL for unique "
                              "keys");
    case RNL_SKETCH_OF_FREQUENCY:
        if (import->format == RNL_SKETCH_FORMAT_RUNNEL ||
            import->format == RNL_SKETCH_FORMAT_DATASKETCHES)
            return rnl_import_frequency(importing);
        return no_such_format(importing->fault,
                              "RUNNEL or DATASKETCHES for frequencies");
    case RNL_SKETCH_OF_VALUE:
    case RNL_SKETCH_OF_LATENCY:
        break;
    }
    if (import->format == RNL_SKETCH_FORMAT_RUNNEL ||
        import->format == RNL_SKETCH_FORMAT_DDSKETCH ||
        import->format == RNL_SKETCH_FORMAT_OTEL)
        return rnl_import_metric(importing);
    return no_such_format(
        importing->fault,
        "RUNNEL, DDSKETCH or OTEL_EXPONENTIAL for a distribution");
}

/* Counts must not come near the end of 64 bits, whatever is merged. */
static enum rnl_code check_room(struct rnl_importing *importing)
{
    const struct rnl_meter *meter = importing->meter;
    const struct rnl_digest *source = importing->source;
    uint64_t count = source->count;
    uint64_t there = meter->count + meter->merged_events;
    for (size_t m = 0; m < RNL_METER_METRICS; m++) {
        uint64_t values = rnl_histogram_count(&source->metrics[m].histogram);
        if (values == 0)
            continue;
        count = values;
        there = meter->count +
                rnl_histogram_count(&meter->panes.total.metrics[m].histogram);
    }
    if (count <= RNL_IMPORT_COUNT_MAX && there <= RNL_IMPORT_COUNT_MAX - count)
        return RNL_OK;
    return rnl_import_refuse(importing->fault, RNL_INVALID_ARGUMENT,
                             "counts %llu, which with the %llu that are there "
                             "is above 2^61",
                             (unsigned long long)count,
                             (unsigned long long)there);
}

static enum rnl_code take(struct rnl_importing *importing)
{
    struct rnl_meter *meter = importing->meter;
    /* What waits in a lane is counted first: the meter is the lane's till
     * then. */
    if (meter->deferred != NULL && !rnl_deferred_settle(meter->deferred))
        return RNL_RESOURCE_EXHAUSTED;
    enum rnl_code code = read_sketch(importing);
    if (code == RNL_OK)
        code = check_room(importing);
    if (code == RNL_OK)
        code = rnl_digest_merge(&meter->panes.total, importing->source);
    if (code != RNL_OK)
        return code;
    meter->merged_events += importing->source->count;
    meter->version++;
    rnl_meter_drop_views(meter);
    return RNL_OK;
}

enum rnl_code rnl_meter_import(struct rnl_meter *meter,
                               const struct rnl_import *import,
                               uint64_t *ret_count,
                               struct rnl_import_fault *ret_fault)
{
    rnl_meter_settle(meter);
    if (import->len > RNL_SKETCH_BYTES_MAX)
        return rnl_import_refuse(ret_fault, RNL_INVALID_ARGUMENT,
                                 "must have at most %zu bytes",
                                 RNL_SKETCH_BYTES_MAX);
    struct rnl_digest *source = rnl_malloc(sizeof(*source));
    if (source == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    struct rnl_digest_settings settings = meter->panes.settings;
    settings.entries_max = RNL_FREQUENT_UNLIMITED;
    rnl_digest_init(source, &settings);
    struct rnl_importing importing = {meter, import, source, 0, ret_fault};
    enum rnl_code code = take(&importing);
    rnl_digest_fini(source);
    rnl_free(source);
    if (code == RNL_OK)
        *ret_count = importing.count;
    return code;
}
