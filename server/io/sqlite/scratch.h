/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for one decoded record at a time: the writer decodes each that it
 * writes, and a dozen small blocks a record, taken and given back, cost as much
 * as the decoding. It belongs to one thread, and does not use the core's
 * allocator.
 */
#ifndef RNL_IO_SQLITE_SCRATCH_H
#define RNL_IO_SQLITE_SCRATCH_H

#include <runnel/v1/jobs.pb-c.h>

/* A record with 16 labels of 64 bytes fits. */
#define RNL_SCRATCH_BYTES 8192

struct rnl_scratch {
    size_t used;
    _Alignas(max_align_t) uint8_t bytes[RNL_SCRATCH_BYTES];
};

/* Decodes a record, which is valid until the next one or until
 * rnl_scratch_release; one that does not fit is taken from the heap. NULL: it
 * is not a record, or memory is out. */
Runnel__V1__Job *rnl_scratch_job(struct rnl_scratch *scratch,
                                 const uint8_t *record, size_t len);

/* Gives back a record. */
void rnl_scratch_release(struct rnl_scratch *scratch, Runnel__V1__Job *job);

#endif
