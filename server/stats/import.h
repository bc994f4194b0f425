/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sketches as bytes into a meter: the other direction of export.h.
 *
 * A sketch knows no times. So what is merged belongs to all time and to no
 * window, is no part of any rate, and is judged by no detector; a window's
 * figures stay those of the events in it.
 *
 * A sketch is of one aspect of its events, and changes the answers of that
 * aspect alone:
 *
 *     unique keys   the estimate of distinct keys
 *     frequencies   count, frequencies, the top list; and distinct keys, as far
 *                   as the sketch knows them
 *     value,        the distribution of that metric, its own count included
 *     latency
 *
 * Runnel's own formats bring all that there is to know: a stream that others
 * were merged into answers as one that had taken their events itself. Sketches
 * of other programs bring less, and the answers say so:
 *
 * - histograms have no squares, and some no sum and no extremes: see rough.h;
 * - Frequent Items has dropped keys whose events it only counts: any key may
 *   have had as many of them as its offset says, and the number of distinct
 *   keys may be higher by one for each of those events.
 *
 * To merge the same bytes twice counts them twice, but for unique keys: a key
 * that is there is there.
 */
#ifndef RNL_STATS_IMPORT_H
#define RNL_STATS_IMPORT_H

#include "aspect_bytes.h"
#include "export.h"

/* Longest sketch: four times the largest that is exported. */
#define RNL_SKETCH_BYTES_MAX ((size_t)16 << 20)

/* Events, or values, that a meter and what is merged into it may come to: half
 * of what may be read, so that events on top never make what is saved of it
 * unreadable. */
#define RNL_IMPORT_COUNT_MAX (UINT64_C(1) << 61)

_Static_assert(RNL_IMPORT_COUNT_MAX == RNL_DIGEST_COUNT_MAX / 2, "half of it");

struct rnl_import {
    enum rnl_sketch_of of;
    enum rnl_sketch_format format;
    const uint8_t *bytes;
    size_t len;
};

struct rnl_import_fault {
    /* "sketch" or "format". */
    const char *field;
    /* Sentence fragment. */
    char what[240];
};

/*
 * Merges a sketch whole or not at all. *ret_count: what it counts, which is
 * distinct keys (an estimate), events, or values.
 *
 * Errors, the first two with ret_fault: RNL_INVALID_ARGUMENT: the bytes are not
 * in that format, damaged or contradict themselves, or that kind of sketch has
 * not that format; RNL_FAILED_PRECONDITION: it does not go together with this
 * meter's configuration; RNL_RESOURCE_EXHAUSTED.
 */
RNL_MUST_USE enum rnl_code rnl_meter_import(struct rnl_meter *meter,
                                            const struct rnl_import *import,
                                            uint64_t *ret_count,
                                            struct rnl_import_fault *ret_fault);

#endif
