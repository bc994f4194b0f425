/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sketches of a view as bytes: Runnel's own, which keep everything, and
 * formats that other programs read (sketch/ has their layouts).
 *
 * Distinct keys in a foreign format need the foreign hash of each key. A meter
 * with that key_hash has them always. Others have them only while the view
 * knows every key by name, that is, while none has fallen out of its table
 * (digest.h).
 */
#ifndef RNL_STATS_EXPORT_H
#define RNL_STATS_EXPORT_H

#include "meter.h"

/* The numbers are those of the schema. */
enum rnl_sketch_of {
    RNL_SKETCH_OF_UNIQUE = 1,
    RNL_SKETCH_OF_FREQUENCY = 2,
    RNL_SKETCH_OF_VALUE = 3,
    RNL_SKETCH_OF_LATENCY = 4,
};

enum rnl_sketch_format {
    RNL_SKETCH_FORMAT_RUNNEL = 1,
    RNL_SKETCH_FORMAT_DDSKETCH = 2,
    RNL_SKETCH_FORMAT_OTEL = 3,
    RNL_SKETCH_FORMAT_DATASKETCHES = 4,
    RNL_SKETCH_FORMAT_REDIS = 5,
};

struct rnl_sketch_bytes {
    /* Owned by who asked: rnl_free. */
    uint8_t *data;
    size_t len;
};

/*
 * Writes a sketch.
 *
 * Errors, with *ret_what a static sentence fragment:
 * RNL_INVALID_ARGUMENT: that sketch has not that format;
 * RNL_FAILED_PRECONDITION: see above; RNL_RESOURCE_EXHAUSTED.
 */
RNL_MUST_USE enum rnl_code rnl_meter_view_export(
    const struct rnl_meter_view *view, enum rnl_sketch_of of,
    enum rnl_sketch_format format, struct rnl_sketch_bytes *ret_bytes,
    const char **ret_what);

#endif
