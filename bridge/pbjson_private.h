/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of pbjson share: the place being worked on, and helpers. */
#ifndef RNL_BRIDGE_PBJSON_PRIVATE_H
#define RNL_BRIDGE_PBJSON_PRIVATE_H

#include <stdbool.h>

#include "pbjson.h"

/* The place in the message: extended on the way down, cut on the way up. */
struct pbjson_path {
    struct rnl_pbjson_error *error;
    size_t len;
    unsigned depth;
};

/* Starts at the message as a whole. */
void pbjson_path_init(struct pbjson_path *path, struct rnl_pbjson_error *error);

/* Append ".name" or "[index]"; both return the length to give to pop. */
size_t pbjson_push_name(struct pbjson_path *path, const char *name);
size_t pbjson_push_index(struct pbjson_path *path, size_t index);
void pbjson_pop(struct pbjson_path *path, size_t len);

/* Says what is wrong here; false, so that callers can return it. */
bool pbjson_fail(struct pbjson_path *path, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes of one element of a field. */
size_t pbjson_element_size(const ProtobufCFieldDescriptor *field);

/* A field's name in lowerCamelCase and quotes. */
void pbjson_put_name(struct rnl_text *text, const char *name);

/* The scalar reader of pbjson_scalar.c: all types but messages. slot gets the
 * value, strings and bytes through rnl_malloc. False with the error set; out
 * of memory when error->what is empty. */
bool pbjson_read_scalar(struct pbjson_path *path,
                        const ProtobufCFieldDescriptor *field,
                        const json_t *value, void *slot);

#endif
