/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int read_all(const struct cli_context *context, FILE *file,
                    const char *name, struct cli_buf *input)
{
    char chunk[65536];
    size_t len;
    while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        cli_buf_add(input, chunk, len);
        if (input->len > CLI_INPUT_LEN_MAX)
            return cli_usage_error(context, "%s: longer than %zu MiB", name,
                                   CLI_INPUT_LEN_MAX >> 20);
    }
    if (ferror(file)) {
        cli_error(context, "%s: %s", name, strerror(errno));
        return CLI_EXIT_ERROR;
    }
    return CLI_EXIT_OK;
}

int cli_input_read(const struct cli_context *context, const char *path,
                   const char *name, struct cli_buf *input)
{
    if (strcmp(path, "-") == 0)
        return read_all(context, stdin, name, input);
    FILE *file = fopen(path, "rb");
    if (!file) {
        cli_error(context, "%s: %s", name, strerror(errno));
        return errno == ENOENT ? CLI_EXIT_NOT_FOUND : CLI_EXIT_ERROR;
    }
    int status = read_all(context, file, name, input);
    fclose(file);
    return status;
}
