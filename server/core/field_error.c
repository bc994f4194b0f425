/* SPDX-License-Identifier: Apache-2.0 */
#include "field_error.h"

#include <stdarg.h>
#include <stdio.h>

enum rnl_code rnl_field_error_set(struct rnl_field_error *error,
                                  const char *field, const char *format, ...)
{
    va_list args;
    error->retry_delay_ms = 0;
    va_start(args, format);
    snprintf(error->field, sizeof(error->field), "%s", field);
    vsnprintf(error->message, sizeof(error->message), format, args);
    va_end(args);
    return RNL_INVALID_ARGUMENT;
}

enum rnl_code rnl_field_error_text(struct rnl_field_error *error,
                                   enum rnl_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error->field[0] = '\0';
    error->retry_delay_ms = 0;
    vsnprintf(error->message, sizeof(error->message), format, args);
    va_end(args);
    return code;
}
