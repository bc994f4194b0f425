/* SPDX-License-Identifier: Apache-2.0 */
#include "trim.h"

#include <assert.h>
#include <string.h>

static void note(struct rnl_trim *trim, uint64_t sequence)
{
    assert(trim->count < RNL_TRIM_PLACES);
    trim->places[trim->count++] = (struct rnl_trim_place){
        .sequence = sequence,
        .bytes = trim->bytes,
    };
}

void rnl_trim_init(struct rnl_trim *trim, uint64_t keep_bytes,
                   uint64_t sequence, uint64_t bytes)
{
    *trim = (struct rnl_trim){.keep_bytes = keep_bytes, .bytes = bytes};
    if (sequence > 0)
        note(trim, sequence);
}

/* Drops the oldest places. */
static void forget(struct rnl_trim *trim, uint32_t count)
{
    trim->count -= count;
    memmove(trim->places, trim->places + count,
            trim->count * sizeof(trim->places[0]));
}

void rnl_trim_add(struct rnl_trim *trim, uint64_t sequence, uint64_t bytes)
{
    trim->bytes += bytes;
    uint64_t noted = trim->count == 0 ? trim->gone_bytes
                                      : trim->places[trim->count - 1].bytes;
    uint64_t part = trim->keep_bytes / RNL_TRIM_PARTS;
    if (trim->bytes - noted < part || trim->bytes == noted)
        return;
    /* Only when nobody takes what is due: the place in front is as good. */
    if (trim->count == RNL_TRIM_PLACES)
        forget(trim, 1);
    note(trim, sequence);
}

bool rnl_trim_take(struct rnl_trim *trim, uint64_t *ret_sequence,
                   uint64_t *ret_bytes)
{
    uint32_t due = 0;
    while (due < trim->count &&
           trim->bytes - trim->places[due].bytes >= trim->keep_bytes)
        due++;
    if (due == 0)
        return false;
    *ret_sequence = trim->places[due - 1].sequence;
    *ret_bytes = trim->places[due - 1].bytes - trim->gone_bytes;
    trim->gone_bytes = trim->places[due - 1].bytes;
    forget(trim, due);
    return true;
}
