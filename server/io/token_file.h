/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens from a file of the settings, for servers that keep nothing
 * (--durability memory) and for those whose configuration is made by a
 * program. One token a line, hashed, so that the file is no secret:
 *
 *   # comment
 *   SHA256-IN-64-HEX-DIGITS  jobs:read,stats:read  name of the token
 *
 * The token's id is the first 12 digits of its hash.
 */
#ifndef RNL_IO_TOKEN_FILE_H
#define RNL_IO_TOKEN_FILE_H

#include <stddef.h>

#include "tokens.h"

#define RNL_TOKEN_FILE_LINE_MAX 512

struct rnl_token_list {
    /* Owned. */
    struct rnl_token_record *records;
    size_t count;
};

/* Reads the file. Returns NULL, or what is wrong with it: a sentence with the
 * number of the line, static until the next call. */
const char *rnl_token_file_read(const char *path,
                                struct rnl_token_list *ret_list);

void rnl_token_list_fini(struct rnl_token_list *list);

#endif
