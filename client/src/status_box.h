/* SPDX-License-Identifier: Apache-2.0 */
/* A struct rnl_status_info that owns its strings. When memory is out it keeps
 * the code, with the code's own text. */
#ifndef RNL_CLIENT_STATUS_BOX_H
#define RNL_CLIENT_STATUS_BOX_H

#include <stdarg.h>

#include <runnel/client.h>

struct rnl_status_box {
    struct rnl_status_info info;
    /* Holds the strings; NULL when they are static. */
    void *block;
};

/* A code as it came; RNL_UNKNOWN for one that is not gRPC's. */
enum rnl_code rnl_status_code(int code);

/* RNL_OK with an empty message. */
void rnl_status_box_init(struct rnl_status_box *box);
void rnl_status_box_fini(struct rnl_status_box *box);

/* Sets code and message. */
void rnl_status_set(struct rnl_status_box *box, enum rnl_code code,
                    const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void rnl_status_set_v(struct rnl_status_box *box, enum rnl_code code,
                      const char *format, va_list args);

/* Copies all of info, which may be the box's own. */
void rnl_status_copy(struct rnl_status_box *box,
                     const struct rnl_status_info *info);

/* Reads an encoded runnel.v1.Status; RNL_INTERNAL when it cannot be read. */
void rnl_status_decode(struct rnl_status_box *box, const void *data,
                       size_t len);

#endif
