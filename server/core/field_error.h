/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a request: which field, and what it must be. */
#ifndef RNL_CORE_FIELD_ERROR_H
#define RNL_CORE_FIELD_ERROR_H

#include <stdint.h>

#include <runnel/status.h>

struct rnl_field_error {
    /* Path in the request: "options.pace_ms"; empty: no single field. */
    char field[128];
    char message[256];
    /* After which the same request may succeed; 0: nothing is known. */
    uint32_t retry_delay_ms;
};

/* Fills error and returns RNL_INVALID_ARGUMENT. */
enum rnl_code rnl_field_error_set(struct rnl_field_error *error,
                                  const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for what is no fault of a field: returns code. */
enum rnl_code rnl_field_error_text(struct rnl_field_error *error,
                                   enum rnl_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
