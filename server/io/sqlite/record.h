/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of an encoded runnel.v1.Job has a column of its own, read in one walk
 * over its fields: the writer reads each record that it writes, and unpacking
 * them cost a tenth of its time.
 */
#ifndef RNL_IO_SQLITE_RECORD_H
#define RNL_IO_SQLITE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lent by the record; not terminated. data is never NULL. */
struct rnl_record_text {
    const char *data;
    int len;
};

struct rnl_record_time {
    bool is_set;
    int64_t ns;
};

struct rnl_record {
    /* Numbers of the enum. */
    int state;
    struct rnl_record_text kind;
    struct rnl_record_text key;
    int priority;
    int attempt;
    struct rnl_record_time create;
    struct rnl_record_time start;
    struct rnl_record_time end;
    bool has_error;
    int error_code;
    struct rnl_record_text error;
    int64_t output_bytes;
};

/* False: it is not a record. */
bool rnl_record_read(const uint8_t *bytes, size_t len,
                     struct rnl_record *ret_record);

#endif
