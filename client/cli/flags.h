/* SPDX-License-Identifier: Apache-2.0 */
/* Flags that several commands have. */
#ifndef RNL_CLI_FLAGS_H
#define RNL_CLI_FLAGS_H

#include "command.h"
#include "context.h"
#include "core.h"

#define CLI_FLAG_END \
    {                \
        0            \
    }

#define CLI_FLAG_WINDOW                                                        \
    {                                                                          \
        .name = "window", .value = "DUR", .letter = 'w',                       \
        .help = "sliding window, one of the stream's: 1m, 5m, 1h, or all for " \
                "all time"                                                     \
    }

/* A size flag, "65536", "64K", "16M", "1G" (powers of 1,024); *ret_bytes is
 * unchanged when it was not given. Returns an exit status. */
int cli_flag_size(const struct cli_context *context,
                  const struct cli_args *args, const char *name,
                  uint64_t *ret_bytes);

/* Reads every "name=value" of a flag that repeats. *ret_pairs and what it
 * points to are freed with cli_pairs_free. Returns an exit status. */
int cli_flag_pairs(const struct cli_context *context,
                   const struct cli_args *args, const char *name,
                   struct rnl_pair **ret_pairs, size_t *ret_count);
void cli_pairs_free(struct rnl_pair *pairs, size_t count);

#endif
