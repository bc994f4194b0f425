/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far the values of a column spread: found in one vector pass, and then
 * shared by all sketches that take the column. It tells them how much storage
 * they need, so that they reserve it before they count, and which of their
 * loops is right for these values.
 */
#ifndef RNL_SKETCH_SPREAD_H
#define RNL_SKETCH_SPREAD_H

#include <stdbool.h>
#include <stddef.h>

struct rnl_spread {
    /* Lowest and highest of the finite values; 0 when there are none. */
    double min;
    double max;
    /* Smallest and largest magnitude of the finite values that are not 0;
     * both 0 when there are none. */
    double tiny;
    double huge;
    /* No NaN and no infinity among them. */
    bool finite;
    /* There may be a 0 or -0 among them; never false when there is. */
    bool zeros;
};

/* values may be NULL when count is 0. */
void rnl_spread_f64(const double *values, size_t count,
                    struct rnl_spread *ret_spread);
void rnl_spread_f32(const float *values, size_t count,
                    struct rnl_spread *ret_spread);

#endif
