/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bin of a number, from its bits. Bin i holds the magnitudes in
 * (2^(i / 64), 2^((i + 1) / 64)]; see log_histogram.h.
 *
 *     x            3ff8000000000000    1.5
 *     x - 1 bit    3ff7ffffffffffff    upper bounds belong to their bin: the
 *                                      question becomes "edges at or below"
 *     exponent     0x3ff - 1023 = 0    the octave: i = 0 * 64 + s
 *     slice        7 bits, 0x7f & (0x7ffff... >> 45) = 63
 *     s            (mantissa + rnl_log_slices[63]) >> 52 = 37, since
 *                  2^(37/64) = 1.493 < 1.5 <= 2^(38/64) = 1.509
 *
 * The 63 edges of an octave are at least 0.0108 apart and a slice is 1/128 =
 * 0.0078 wide: at most one edge is in a slice, and one addition carries into
 * bit 52 if the mantissa is at or above it.
 */
#ifndef RNL_SKETCH_LOG_BINS_H
#define RNL_SKETCH_LOG_BINS_H

#include <stdint.h>
#include <string.h>

#include "log_histogram.h"
#include "simd.h"

#define RNL_LOG_SLICES 128

/* Bin of the smallest subnormal double, 2^-1074, and of the largest double. */
#define RNL_LOG_INDEX_MIN (-1074 * RNL_HISTOGRAM_OCTAVE - 1)
#define RNL_LOG_INDEX_MAX (1024 * RNL_HISTOGRAM_OCTAVE - 1)

/* What rnl_log_raw adds to an index: exponents of doubles are biased. */
#define RNL_LOG_RAW_BIAS (1023 * RNL_HISTOGRAM_OCTAVE)

extern const uint64_t rnl_log_slices[RNL_LOG_SLICES];

RNL_SIMD_INLINE uint64_t rnl_double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* The bits of a positive normal double; its index, biased to be positive. */
RNL_SIMD_INLINE uint32_t rnl_log_raw(uint64_t bits)
{
    uint64_t below = bits - 1;
    uint64_t mantissa = below & ((UINT64_C(1) << 52) - 1);
    uint64_t step = (mantissa + rnl_log_slices[mantissa >> 45]) >> 52;
    return (uint32_t)((below >> 52) * RNL_HISTOGRAM_OCTAVE + step);
}

/* value is finite and above 0. */
static inline int32_t rnl_log_index(double value)
{
    /* Subnormals have no exponent of their own: 2^54 makes them normal. */
    int32_t bias = RNL_LOG_RAW_BIAS;
    if (value < 0x1p-1022) {
        value *= 0x1p54;
        bias += 54 * RNL_HISTOGRAM_OCTAVE;
    }
    return (int32_t)rnl_log_raw(rnl_double_bits(value)) - bias;
}

/* Power of two at or below the lower edge: index / 64, rounded down. */
static inline int32_t rnl_log_octave(int32_t index)
{
    return index >= 0
               ? index / RNL_HISTOGRAM_OCTAVE
               : -((RNL_HISTOGRAM_OCTAVE - 1 - index) / RNL_HISTOGRAM_OCTAVE);
}

/* 2^(index / 64), the lower edge of a bin; infinity above the largest double.
 * Exact at multiples of 64. */
double rnl_log_edge(int32_t index);

/* What stands for a value in the bin: 2lu / (l + u). */
double rnl_log_middle(int32_t index);

#endif
