/* SPDX-License-Identifier: Apache-2.0 */
#include "rest.h"

void rnl_rest_fini(struct rnl_rest *rest)
{
    for (size_t i = 0; i < RNL_REST_WIDTHS; i++) {
        rnl_count_min_destroy(rest->by_width[i]);
        rest->by_width[i] = NULL;
    }
}

enum rnl_code rnl_rest_prepare(struct rnl_rest *rest, uint32_t width_log2)
{
    if (rnl_rest_of(rest, width_log2) != NULL)
        return RNL_OK;
    return rnl_count_min_create(
        width_log2, &rest->by_width[width_log2 - RNL_REST_WIDTH_LOG2_MIN]);
}

enum rnl_code rnl_rest_reserve(struct rnl_rest *rest,
                               const struct rnl_rest *other)
{
    for (uint32_t i = 0; i < RNL_REST_WIDTHS; i++) {
        if (other->by_width[i] != NULL &&
            rnl_rest_prepare(rest, i + RNL_REST_WIDTH_LOG2_MIN) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
    }
    return RNL_OK;
}

void rnl_rest_merge(struct rnl_rest *rest, const struct rnl_rest *other)
{
    for (size_t i = 0; i < RNL_REST_WIDTHS; i++) {
        if (other->by_width[i] != NULL)
            rnl_count_min_merge(rest->by_width[i], other->by_width[i]);
    }
}

void rnl_rest_fold(struct rnl_rest *rest, uint32_t width_log2)
{
    struct rnl_count_min **target =
        &rest->by_width[width_log2 - RNL_REST_WIDTH_LOG2_MIN];
    for (size_t i = width_log2 - RNL_REST_WIDTH_LOG2_MIN + 1;
         i < RNL_REST_WIDTHS; i++) {
        struct rnl_count_min *wide = rest->by_width[i];
        if (wide == NULL)
            continue;
        rest->by_width[i] = NULL;
        if (*target != NULL) {
            rnl_count_min_merge(*target, wide);
            rnl_count_min_destroy(wide);
        } else {
            rnl_count_min_fold(&wide, width_log2);
            *target = wide;
        }
    }
}

uint64_t rnl_rest_total(const struct rnl_rest *rest)
{
    uint64_t total = 0;
    for (size_t i = 0; i < RNL_REST_WIDTHS; i++) {
        if (rest->by_width[i] != NULL)
            total += rest->by_width[i]->total;
    }
    return total;
}

bool rnl_rest_has_others(const struct rnl_rest *rest, uint32_t width_log2)
{
    for (uint32_t i = 0; i < RNL_REST_WIDTHS; i++) {
        if (rest->by_width[i] != NULL &&
            i + RNL_REST_WIDTH_LOG2_MIN != width_log2)
            return true;
    }
    return false;
}

void rnl_rest_estimate(const struct rnl_rest *rest, uint64_t hash,
                       struct rnl_rest_estimate *ret_estimate)
{
    ret_estimate->upper = 0;
    ret_estimate->noise = 0;
    for (size_t i = 0; i < RNL_REST_WIDTHS; i++) {
        const struct rnl_count_min *sketch = rest->by_width[i];
        if (sketch == NULL)
            continue;
        uint64_t cell = rnl_count_min_estimate(sketch, hash);
        if (cell == RNL_COUNT_MIN_SATURATED) {
            ret_estimate->upper = UINT64_MAX;
            return;
        }
        ret_estimate->upper += cell;
        ret_estimate->noise += sketch->total >> sketch->width_log2;
    }
}

size_t rnl_rest_bytes(const struct rnl_rest *rest)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < RNL_REST_WIDTHS; i++) {
        if (rest->by_width[i] != NULL)
            bytes += rnl_count_min_size(i + RNL_REST_WIDTH_LOG2_MIN);
    }
    return bytes;
}
