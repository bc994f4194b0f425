/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner of plain objects and the parser that it stands in for say the
 * same of any line. */
#include "fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "reader_internal.h"

/* What a reader makes of a line, as text. */
static void read_line(char *text, size_t text_size, const uint8_t *data,
                      size_t size, bool parsed)
{
    struct cli_reader_options options = {
        .format = CLI_FORMAT_NDJSON,
        .fields = {"k", "v", NULL, NULL},
    };
    char error[256];
    struct cli_record record;
    struct cli_reader *reader =
        cli_reader_create(&options, error, sizeof(error));
    size_t used = 0;
    FUZZ_CHECK(reader != NULL);
    /* As if a path into an object were wanted, which the scanner leaves to the
     * parser. */
    reader->nested = parsed;
    enum cli_read got =
        cli_reader_feed(reader, (const char *)data, size, &used, &record);
    if (got == CLI_READ_MORE)
        got = cli_reader_finish(reader, &record);
    if (got == CLI_READ_RECORD)
        snprintf(text, text_size, "%.*s %d %.17g %zu", (int)record.key_len,
                 record.key, record.has_value, record.value, used);
    else
        snprintf(text, text_size, "%d %s %zu", (int)got,
                 cli_reader_error(reader), used);
    cli_reader_destroy(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char scanned[1024];
    char parsed[1024];
    read_line(scanned, sizeof(scanned), data, size, false);
    read_line(parsed, sizeof(parsed), data, size, true);
    FUZZ_CHECK(strcmp(scanned, parsed) == 0);
    return 0;
}
