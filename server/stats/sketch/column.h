/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A column of doubles or floats, read as doubles. A loop over one is written
 * once, as an inline function; its two callers give f32 as a constant, and the
 * compiler makes one loop for each type of it.
 */
#ifndef RNL_SKETCH_COLUMN_H
#define RNL_SKETCH_COLUMN_H

#include <stdbool.h>
#include <stddef.h>

#include "simd.h"

RNL_SIMD_INLINE double rnl_column_at(const void *values, size_t index, bool f32)
{
    return f32 ? (double)((const float *)values)[index]
               : ((const double *)values)[index];
}

RNL_SIMD_INLINE const void *rnl_column_from(const void *values, size_t index,
                                            bool f32)
{
    return f32 ? (const void *)((const float *)values + index)
               : (const void *)((const double *)values + index);
}

#endif
