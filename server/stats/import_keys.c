/* SPDX-License-Identifier: Apache-2.0 */
/* Sketches of keys: of their number, and of their frequencies. */
#include <math.h>
#include <string.h>

#include "aspect_bytes.h"
#include "import_private.h"
#include "meter_private.h"
#include "sketch/frequent_datasketches.h"
#include "sketch/hll_datasketches.h"
#include "sketch/hll_redis.h"
#include "sketch/ultraloglog.h"
#include "utf8.h"

/* ---- distinct keys ---- */

static const char *hash_name(int profile)
{
    return profile == RNL_HASH_REDIS          ? "REDIS"
           : profile == RNL_HASH_DATASKETCHES ? "DATASKETCHES"
                                              : "RUNNEL";
}

static enum rnl_code check_kind(struct rnl_importing *importing,
                                struct rnl_hll *hll)
{
    bool own_is_ultra = rnl_ull_is(&importing->meter->panes.total.fallen);
    if (rnl_ull_is(hll) == own_is_ultra)
        return RNL_OK;
    if (own_is_ultra)
        return rnl_import_refuse(
            importing->fault, RNL_FAILED_PRECONDITION,
            "is a HyperLogLog, which an UltraLogLog cannot be made of: merge "
            "it into a stream with unique_algorithm HYPERLOGLOG");
    struct rnl_hll made = {0};
    enum rnl_code code = rnl_ull_to_hll(hll, &made);
    if (code != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_hll_fini(hll);
    *hll = made;
    return RNL_OK;
}

/* Checks that a sketch goes together with the meter's; makes an UltraLogLog the
 * HyperLogLog that it contains where that is wanted. */
static enum rnl_code fit(struct rnl_importing *importing, struct rnl_hll *hll)
{
    const struct rnl_hll *own = &importing->meter->panes.total.fallen;
    if (hll->profile != own->profile)
        return rnl_import_refuse(
            importing->fault, RNL_FAILED_PRECONDITION,
            "hashes keys with the key_hash %s and the stream with %s: merge it "
            "into a stream that was created with key_hash %s",
            hash_name(hll->profile), hash_name(own->profile),
            hash_name(hll->profile));
    if (hll->seed_check != own->seed_check)
        return rnl_import_refuse(importing->fault, RNL_FAILED_PRECONDITION,
                                 "hashes keys with another seed");
    if (hll->precision < own->precision)
        return rnl_import_refuse(
            importing->fault, RNL_FAILED_PRECONDITION,
            "has precision %u, below the stream's %u, which it would take "
            "down: merge it into a stream with unique_precision %u",
            hll->precision, own->precision, hll->precision);
    return check_kind(importing, hll);
}

static enum rnl_code read_unique(const struct rnl_import *import,
                                 struct rnl_hll *hll, const char **ret_what)
{
    switch (import->format) {
    case RNL_SKETCH_FORMAT_REDIS:
        *ret_what = "a HyperLogLog of Redis";
        return rnl_hll_redis_read(hll, import->bytes, import->len);
    case RNL_SKETCH_FORMAT_DATASKETCHES:
        *ret_what = "an HLL sketch of Apache DataSketches";
        return rnl_hll_datasketches_read(hll, import->bytes, import->len);
    default:
        *ret_what = "Runnel's sketch of unique keys";
        return rnl_digest_hll_read(hll, import->bytes, import->len);
    }
}

enum rnl_code rnl_import_unique(struct rnl_importing *importing)
{
    struct rnl_digest *source = importing->source;
    struct rnl_hll hll = {0};
    struct rnl_hll_estimate estimate;
    const char *what;
    enum rnl_code code = read_unique(importing->import, &hll, &what);
    if (code != RNL_OK)
        code = rnl_import_read_fault(importing->fault, code, what);
    else
        code = fit(importing, &hll);
    if (code != RNL_OK) {
        rnl_hll_fini(&hll);
        return code;
    }
    rnl_hll_estimate(&hll, &estimate);
    importing->count = (uint64_t)fmin(round(estimate.value), 0x1p62);
    rnl_hll_fini(&source->fallen);
    source->fallen = hll;
    source->merged_keys = hll.dense || hll.count > 0;
    return RNL_OK;
}

/* ---- frequencies ---- */

/* Keys are shown as text, and found by their hash. */
static enum rnl_code check_keys(struct rnl_importing *importing)
{
    const struct rnl_frequent *keys = &importing->source->keys;
    uint64_t seed = importing->meter->config.hash_seed;
    size_t slots = rnl_frequent_slots(keys);
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = &keys->entries[i];
        if (keys->hashes[i] == 0)
            continue;
        const uint8_t *key = rnl_frequent_key(keys, entry);
        uint64_t hash = rnl_hash(key, entry->key_len, seed);
        if (keys->hashes[i] != hash + (hash == 0))
            return rnl_import_refuse(importing->fault, RNL_FAILED_PRECONDITION,
                                     "hashes keys with another seed");
        if (!rnl_utf8_valid(key, entry->key_len) ||
            memchr(key, 0, entry->key_len) != NULL)
            return rnl_import_refuse(importing->fault, RNL_INVALID_ARGUMENT,
                                     "has a key that is not UTF-8 without "
                                     "U+0000");
    }
    return RNL_OK;
}

/* Makes the sketch of distinct keys of a table that has them all what the meter
 * would have made of these keys. */
static enum rnl_code sketch_table(struct rnl_importing *importing)
{
    struct rnl_digest *source = importing->source;
    const struct rnl_hll *own = &importing->meter->panes.total.fallen;
    const int profile = own->profile;
    rnl_hll_fini(&source->fallen);
    enum rnl_code code = rnl_hll_copy(&source->fallen, own);
    rnl_hll_reset(&source->fallen);
    rnl_hll_trim(&source->fallen);
    if (code == RNL_OK && profile != RNL_HASH_NATIVE)
        code = rnl_digest_add_table(source, &source->fallen);
    return code == RNL_OK ? RNL_OK : RNL_RESOURCE_EXHAUSTED;
}

static enum rnl_code read_own(struct rnl_importing *importing)
{
    struct rnl_digest *source = importing->source;
    const struct rnl_import *import = importing->import;
    enum rnl_code code =
        rnl_digest_keys_read(source, import->bytes, import->len);
    if (code != RNL_OK)
        return rnl_import_read_fault(importing->fault, code,
                                     "Runnel's sketch of frequencies");
    code = check_keys(importing);
    if (code != RNL_OK)
        return code;
    if (rnl_rest_total(&source->rest) == 0 && source->lost_events == 0 &&
        !source->merged_keys)
        return sketch_table(importing);
    return fit(importing, &source->fallen);
}

/* Its weights are what it still knows; it has dropped the rest. */
static enum rnl_code read_foreign(struct rnl_importing *importing)
{
    struct rnl_digest *source = importing->source;
    const struct rnl_import *import = importing->import;
    uint64_t left;
    enum rnl_code code = rnl_frequent_datasketches_read(
        &source->keys, importing->meter->config.hash_seed, import->bytes,
        import->len, &left);
    if (code != RNL_OK)
        return rnl_import_read_fault(
            importing->fault, code,
            "a Frequent Items sketch of strings of Apache DataSketches, of "
            "keys of 1 to 256 bytes");
    source->count = left;
    size_t slots = rnl_frequent_slots(&source->keys);
    for (size_t i = 0; i < slots; i++) {
        if (source->keys.hashes[i] == 0)
            continue;
        if (source->keys.entries[i].count > left)
            return rnl_import_refuse(importing->fault, RNL_INVALID_ARGUMENT,
                                     "has items that weigh more than its "
                                     "stream");
        left -= source->keys.entries[i].count;
    }
    if (source->keys.offset > source->count)
        return rnl_import_refuse(importing->fault, RNL_INVALID_ARGUMENT,
                                 "has an offset above the weight of its "
                                 "stream");
    source->lost_events = left;
    source->lost_offset = source->keys.offset;
    code = check_keys(importing);
    return code == RNL_OK ? sketch_table(importing) : code;
}

enum rnl_code rnl_import_frequency(struct rnl_importing *importing)
{
    enum rnl_code code =
        importing->import->format == RNL_SKETCH_FORMAT_DATASKETCHES
            ? read_foreign(importing)
            : read_own(importing);
    importing->count = importing->source->count;
    return code;
}
