/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of import.h share: import.c, import_keys.c, import_metric.c.
 */
#ifndef RNL_STATS_IMPORT_PRIVATE_H
#define RNL_STATS_IMPORT_PRIVATE_H

#include "digest.h"
#include "import.h"

/* A sketch on its way into a meter. */
struct rnl_importing {
    struct rnl_meter *meter;
    const struct rnl_import *import;
    /* What it becomes; new, with the meter's settings and no end of keys. */
    struct rnl_digest *source;
    /* What it counts. */
    uint64_t count;
    struct rnl_import_fault *fault;
};

/* Fills fault, of the sketch, and returns code. */
enum rnl_code rnl_import_refuse(struct rnl_import_fault *fault,
                                enum rnl_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for what a reader of sketch/ has returned; what is "a ...". */
enum rnl_code rnl_import_read_fault(struct rnl_import_fault *fault,
                                    enum rnl_code code, const char *what);

/* Each reads the bytes, in one of the formats that the kind has, into source
 * and count. Errors: those of rnl_meter_import. */
RNL_MUST_USE enum rnl_code rnl_import_unique(struct rnl_importing *importing);
RNL_MUST_USE enum rnl_code rnl_import_frequency(
    struct rnl_importing *importing);
RNL_MUST_USE enum rnl_code rnl_import_metric(struct rnl_importing *importing);

#endif
