/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which events of a log may go so that the newest bytes of it stay: a value
 * type that sees each event once, and remembers a few places of the log.
 *
 * A place is noted each time a sixteenth of what is kept has been added. When
 * all that is kept lies behind a place, what lies before it may go. So the log
 * holds what is to be kept and at most a sixteenth and one event more, and is
 * trimmed once for each sixteenth.
 */
#ifndef RNL_JOBS_TRIM_H
#define RNL_JOBS_TRIM_H

#include <stdbool.h>
#include <stdint.h>

#define RNL_TRIM_PARTS 16

/* Those of the parts, the one before, and the one that is due. */
#define RNL_TRIM_PLACES (RNL_TRIM_PARTS + 2)

struct rnl_trim_place {
    /* The last event in front of the place. */
    uint64_t sequence;
    /* Bytes of all events up to it, those that have gone too. */
    uint64_t bytes;
};

struct rnl_trim {
    uint64_t keep_bytes;
    /* Of all events that there were, and of those that have gone. */
    uint64_t bytes;
    uint64_t gone_bytes;
    /* Oldest first. */
    struct rnl_trim_place places[RNL_TRIM_PLACES];
    uint32_t count;
};

/* keep_bytes is at least 1. The log has events up to sequence of so many bytes,
 * which later go as one. */
void rnl_trim_init(struct rnl_trim *trim, uint64_t keep_bytes,
                   uint64_t sequence, uint64_t bytes);

/* An event of so many bytes was added. */
void rnl_trim_add(struct rnl_trim *trim, uint64_t sequence, uint64_t bytes);

/* Whether events may go: those up to *ret_sequence, which have *ret_bytes. It
 * is taken for done. */
bool rnl_trim_take(struct rnl_trim *trim, uint64_t *ret_sequence,
                   uint64_t *ret_bytes);

#endif
