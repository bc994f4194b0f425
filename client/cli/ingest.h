/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads files or a pipe into a stream, however long they are: the input waits
 * while the core takes what was read, and nothing is lost when the core is
 * away for a while.
 */
#ifndef RNL_CLI_INGEST_H
#define RNL_CLI_INGEST_H

#include "context.h"
#include "reader.h"

struct cli_ingest_options {
    const char *stream;
    /* "-" is stdin. */
    const char *const *files;
    size_t file_count;
    /* Without has_format each file's name tells it. */
    struct cli_reader_options reader;
    bool has_format;
    /* The first bad line ends it. */
    bool strict;
    int64_t linger_ms;
};

/* Returns an exit status; the summary was printed. */
int cli_ingest_run(struct cli_context *context,
                   const struct cli_ingest_options *options);

#endif
