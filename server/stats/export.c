/* SPDX-License-Identifier: Apache-2.0 */
#include "export.h"

#include "alloc.h"
#include "aspect_bytes.h"
#include "meter_private.h"
#include "sketch/frequent_datasketches.h"
#include "sketch/histogram_ddsketch.h"
#include "sketch/histogram_otlp.h"
#include "sketch/hll_datasketches.h"
#include "sketch/hll_redis.h"

#define NS_PER_MS 1000000

static enum rnl_code say(const char **ret_what, enum rnl_code code,
                         const char *what)
{
    *ret_what = what;
    return code;
}

/* Takes memory for a sketch of that length. */
static enum rnl_code reserve(struct rnl_sketch_bytes *bytes, size_t len)
{
    bytes->data = rnl_malloc(len > 0 ? len : 1);
    bytes->len = len;
    return bytes->data == NULL ? RNL_RESOURCE_EXHAUSTED : RNL_OK;
}

/* ---- distinct keys ---- */

/* Makes the sketch that the format wants. RNL_FAILED_PRECONDITION: keys are
 * hashed otherwise, and not all are known by name. */
static enum rnl_code collect_keys(struct rnl_hll *hll,
                                  const struct rnl_digest *digest,
                                  enum rnl_hash_profile profile)
{
    const int own = digest->fallen.profile;
    bool named;
    enum rnl_code code = rnl_digest_keys(digest, hll, &named);
    if (code != RNL_OK || (int)profile == own)
        return code;
    if (!named)
        return RNL_FAILED_PRECONDITION;
    unsigned precision =
        profile == RNL_HASH_REDIS ? RNL_HLL_PRECISION_REDIS : hll->precision;
    rnl_hll_fini(hll);
    code = rnl_hll_init(hll, precision, profile, 0);
    if (code == RNL_OK)
        code = rnl_digest_add_table(digest, hll);
    return code == RNL_OK ? RNL_OK : RNL_RESOURCE_EXHAUSTED;
}

static enum rnl_code write_keys(const struct rnl_hll *hll,
                                enum rnl_sketch_format format,
                                struct rnl_sketch_bytes *bytes)
{
    size_t len = format == RNL_SKETCH_FORMAT_REDIS ? rnl_hll_redis_len(hll)
                 : format == RNL_SKETCH_FORMAT_DATASKETCHES
                     ? rnl_hll_datasketches_len(hll)
                     : rnl_hll_serialized_len(hll);
    if (reserve(bytes, len) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    if (format == RNL_SKETCH_FORMAT_REDIS)
        rnl_hll_redis_write(hll, bytes->data);
    else if (format == RNL_SKETCH_FORMAT_DATASKETCHES)
        rnl_hll_datasketches_write(hll, bytes->data);
    else
        rnl_hll_serialize(hll, bytes->data);
    return RNL_OK;
}

static enum rnl_code export_unique(const struct rnl_meter_view *view,
                                   enum rnl_sketch_format format,
                                   struct rnl_sketch_bytes *ret_bytes,
                                   const char **ret_what)
{
    const int own = view->digest.fallen.profile;
    enum rnl_hash_profile profile = (enum rnl_hash_profile)own;
    if (format == RNL_SKETCH_FORMAT_REDIS)
        profile = RNL_HASH_REDIS;
    else if (format == RNL_SKETCH_FORMAT_DATASKETCHES)
        profile = RNL_HASH_DATASKETCHES;
    else if (format != RNL_SKETCH_FORMAT_RUNNEL)
        return say(ret_what, RNL_INVALID_ARGUMENT,
                   "of unique keys must be RUNNEL, DATASKETCHES or "
                   "REDIS_HYLL");
    struct rnl_hll hll = {0};
    struct rnl_sketch_bytes bytes = {0};
    enum rnl_code code = collect_keys(&hll, &view->digest, profile);
    if (code == RNL_OK)
        code = write_keys(&hll, format, &bytes);
    rnl_hll_fini(&hll);
    if (code == RNL_FAILED_PRECONDITION)
        return say(ret_what, code,
                   "needs the hash of another program, and there are more keys "
                   "than are known by name: write RUNNEL, or create the stream "
                   "with that key_hash");
    if (code != RNL_OK)
        return say(ret_what, code, "memory is out");
    *ret_bytes = bytes;
    return RNL_OK;
}

/* ---- distributions ---- */

static enum rnl_code write_own(const struct rnl_digest_metric *metric,
                               struct rnl_sketch_bytes *bytes)
{
    if (reserve(bytes, rnl_digest_metric_len(metric)) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_digest_metric_write(metric, bytes->data);
    return RNL_OK;
}

/* In the dialect of Datadog's agent. */
static enum rnl_code write_ddsketch(const struct rnl_histogram *histogram,
                                    struct rnl_sketch_bytes *bytes)
{
    size_t len = rnl_histogram_ddsketch_len(histogram, RNL_DDSKETCH_FLOOR);
    if (reserve(bytes, len) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_histogram_to_ddsketch(histogram, RNL_DDSKETCH_FLOOR, bytes->data);
    return RNL_OK;
}

/* A sum that is not known is left out, as the format allows, and so are the
 * ends then. */
static enum rnl_code write_otlp(const struct rnl_meter_view *view,
                                enum rnl_meter_metric of,
                                struct rnl_sketch_bytes *bytes)
{
    const struct rnl_rough_summary *summary = &view->summaries[of];
    const struct rnl_otlp_point point = {
        .histogram = &view->digest.metrics[of].histogram,
        .summary = summary->sum_error > 0 ? NULL : &summary->all,
        .start_unix_ns = (uint64_t)view->window.start_ms * NS_PER_MS,
        .end_unix_ns = (uint64_t)view->window.end_ms * NS_PER_MS,
    };
    if (reserve(bytes, rnl_otlp_point_len(&point)) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_otlp_point_write(&point, bytes->data);
    return RNL_OK;
}

static enum rnl_code export_metric(const struct rnl_meter_view *view,
                                   enum rnl_meter_metric of,
                                   enum rnl_sketch_format format,
                                   struct rnl_sketch_bytes *ret_bytes,
                                   const char **ret_what)
{
    const struct rnl_digest_metric *metric = &view->digest.metrics[of];
    struct rnl_sketch_bytes bytes = {0};
    enum rnl_code code;
    if (format == RNL_SKETCH_FORMAT_RUNNEL)
        code = write_own(metric, &bytes);
    else if (format == RNL_SKETCH_FORMAT_DDSKETCH)
        code = write_ddsketch(&metric->histogram, &bytes);
    else if (format == RNL_SKETCH_FORMAT_OTEL)
        code = write_otlp(view, of, &bytes);
    else
        return say(ret_what, RNL_INVALID_ARGUMENT,
                   "of a distribution must be RUNNEL, DDSKETCH or "
                   "OTEL_EXPONENTIAL");
    if (code != RNL_OK)
        return say(ret_what, code, "memory is out");
    *ret_bytes = bytes;
    return RNL_OK;
}

/* ---- frequencies ---- */

static enum rnl_code write_frequent_items(const struct rnl_meter_view *view,
                                          struct rnl_sketch_bytes *bytes)
{
    const struct rnl_frequent *keys = &view->digest.keys;
    if (reserve(bytes, rnl_frequent_datasketches_len(keys)) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return rnl_frequent_datasketches_write(keys, view->window.count,
                                           bytes->data);
}

static enum rnl_code write_own_keys(const struct rnl_meter_view *view,
                                    struct rnl_sketch_bytes *bytes)
{
    if (reserve(bytes, rnl_digest_keys_len(&view->digest)) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return rnl_digest_keys_write(&view->digest, bytes->data);
}

static enum rnl_code export_frequency(const struct rnl_meter_view *view,
                                      enum rnl_sketch_format format,
                                      struct rnl_sketch_bytes *ret_bytes,
                                      const char **ret_what)
{
    struct rnl_sketch_bytes bytes = {0};
    enum rnl_code code;
    if (format == RNL_SKETCH_FORMAT_RUNNEL)
        code = write_own_keys(view, &bytes);
    else if (format == RNL_SKETCH_FORMAT_DATASKETCHES)
        code = write_frequent_items(view, &bytes);
    else
        return say(ret_what, RNL_INVALID_ARGUMENT,
                   "of frequencies must be RUNNEL or DATASKETCHES");
    if (code != RNL_OK) {
        rnl_free(bytes.data);
        return say(ret_what, code, "memory is out");
    }
    *ret_bytes = bytes;
    return RNL_OK;
}

enum rnl_code rnl_meter_view_export(const struct rnl_meter_view *view,
                                    enum rnl_sketch_of of,
                                    enum rnl_sketch_format format,
                                    struct rnl_sketch_bytes *ret_bytes,
                                    const char **ret_what)
{
    switch (of) {
    case RNL_SKETCH_OF_UNIQUE:
        return export_unique(view, format, ret_bytes, ret_what);
    case RNL_SKETCH_OF_VALUE:
        return export_metric(view, RNL_METER_VALUE, format, ret_bytes,
                             ret_what);
    case RNL_SKETCH_OF_LATENCY:
        return export_metric(view, RNL_METER_LATENCY, format, ret_bytes,
                             ret_what);
    case RNL_SKETCH_OF_FREQUENCY:
        break;
    }
    return export_frequency(view, format, ret_bytes, ret_what);
}
