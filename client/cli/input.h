/* SPDX-License-Identifier: Apache-2.0 */
/* The whole content of a file or of stdin. */
#ifndef RNL_CLI_INPUT_H
#define RNL_CLI_INPUT_H

#include "buf.h"
#include "context.h"

/* Far above what a core accepts by default (its frame limit is 1 MiB); keeps
 * an endless stream on stdin from filling the memory. */
#define CLI_INPUT_LEN_MAX ((size_t)64 << 20)

/* Adds the content of path, "-" for stdin, to input; name is what errors call
 * it. Returns an exit status. */
int cli_input_read(const struct cli_context *context, const char *path,
                   const char *name, struct cli_buf *input);

#endif
