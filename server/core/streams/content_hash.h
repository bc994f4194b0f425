/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batch or a sketch says, as one number: two that say the same have the
 * same, others have another one but for a chance of 2^-64. By it a number that
 * a producer uses again for something else is told from a repetition.
 *
 * It is XXH3 over the columns as decoded, one after the other, each seeded with
 * the hash so far. So the encoding does not matter (packed or not, in one part
 * or in several), nor the producer's name and number; and the time of arrival
 * is not in it, so that a batch without times is the same whenever it comes.
 * It is stored (producers_bytes.h): another way to hash needs another version.
 */
#ifndef RNL_STREAMS_CONTENT_HASH_H
#define RNL_STREAMS_CONTENT_HASH_H

#include <stdint.h>

#include "import.h"
#include "meter.h"

/* Of a producer whose last batch is not known by its content. */
#define RNL_CONTENT_UNKNOWN 0

/* Never RNL_CONTENT_UNKNOWN. Some 0.05 ns a byte. */
uint64_t rnl_content_of_batch(const struct rnl_meter_batch *batch);

/* The same of a sketch; never that of a batch of events. */
uint64_t rnl_content_of_sketch(const struct rnl_import *import);

#endif
