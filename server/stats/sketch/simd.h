/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two builds of one loop: the baseline of the target, and AVX2 with fused
 * multiply-add, chosen at run time. The loop is an inline function, and
 * RNL_SIMD_AVX2 marks the wrapper that is compiled for AVX2. Both must give
 * the same result to the bit, since servers of one stream may differ in age.
 *
 * gcc's target_clones would write the same in one word, but its resolvers run
 * before the sanitizers are ready.
 */
#ifndef RNL_SKETCH_SIMD_H
#define RNL_SKETCH_SIMD_H

#include <stdbool.h>

#define RNL_SIMD_INLINE static inline __attribute__((always_inline))

/* For tests: makes every choice fall on the baseline. */
extern bool rnl_simd_off;

#if defined(__x86_64__) && defined(__GNUC__)
#define RNL_SIMD_X86  1
#define RNL_SIMD_AVX2 __attribute__((target("avx2,fma")))

static inline bool rnl_simd_avx2(void)
{
    return !rnl_simd_off && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("fma");
}
#else
#define RNL_SIMD_X86 0
#endif

#endif
