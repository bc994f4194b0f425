/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A meter as bytes, to go on after a restart exactly as if there had been none:
 * every answer, later anomalies and the choice of what a full table forgets are
 * the same to the last bit.
 *
 * It is written in parts: a head (times, counts, detectors), the list of
 * anomalies, and one part for each digest (of all time, and of each pane). A
 * save gives the parts that have changed since the last one, and so costs what
 * has happened since and not what the stream has: a pane of an hour ago is
 * written once. Who keeps the parts replaces those of the same key; they are
 * then what one save of all would have given. (A slot may hold the pane that
 * was in it before; it is seen to be out of date and skipped.)
 *
 * Parts are sealed: each begins with letters and a version and ends with a hash
 * (sketch/bytes.h).
 */
#ifndef RNL_STATS_METER_BYTES_H
#define RNL_STATS_METER_BYTES_H

#include "meter.h"

/* The key of the head, lowest of all: it is read first. Keys are below
 * RNL_METER_PART_END. */
#define RNL_METER_PART_HEAD 0
#define RNL_METER_PART_END  (1U << 20)

/* Returns room for a part of so many bytes, which are written before the next
 * call; NULL: memory is out. */
typedef uint8_t *rnl_meter_room_fn(void *arg, uint32_t key, size_t len);

/* Writes the parts that have changed since the last save, or all. Call it
 * between batches. Errors: RNL_RESOURCE_EXHAUSTED: room said so; what has
 * changed counts as such still. */
RNL_MUST_USE enum rnl_code rnl_meter_save(struct rnl_meter *meter, bool all,
                                          rnl_meter_room_fn *room, void *arg);

/*
 * Makes a meter of its head, without its digests: all other parts follow, in
 * any order, by rnl_meter_restore_part. config is that of the original, and was
 * checked.
 *
 * Errors of these three: RNL_INVALID_ARGUMENT: not what rnl_meter_save wrote of
 * a meter with this configuration, or damaged; RNL_UNIMPLEMENTED: of a later
 * version; RNL_RESOURCE_EXHAUSTED. Destroy a meter that is half made.
 */
RNL_MUST_USE enum rnl_code rnl_meter_restore(
    const struct rnl_meter_config *config, const uint8_t *head, size_t len,
    struct rnl_meter **ret_meter);

RNL_MUST_USE enum rnl_code rnl_meter_restore_part(struct rnl_meter *meter,
                                                  uint32_t key,
                                                  const uint8_t *bytes,
                                                  size_t len);

/* Checks that nothing is missing. */
RNL_MUST_USE enum rnl_code rnl_meter_restore_end(const struct rnl_meter *meter);

#endif
