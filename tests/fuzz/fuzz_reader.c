/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's readers of events, every format. */
#include "fuzz.h"

#include <math.h>

#include "reader.h"

static void check(const struct cli_reader *reader, enum cli_read got,
                  const struct cli_record *record)
{
    if (got == CLI_READ_BAD || got == CLI_READ_FATAL)
        FUZZ_CHECK(cli_reader_error(reader)[0] != '\0');
    if (got != CLI_READ_RECORD)
        return;
    FUZZ_CHECK(record->key_len >= 1 && record->key_len <= CLI_KEY_LEN_MAX);
    FUZZ_CHECK(!record->has_value || isfinite(record->value));
    FUZZ_CHECK(!record->has_latency ||
               (isfinite(record->latency_ms) && record->latency_ms >= 0));
}

static void read_all(struct cli_reader *reader, const uint8_t *data,
                     size_t size, uint8_t cut)
{
    struct cli_record record = {0};
    enum cli_read got;
    for (size_t at = 0; at < size;) {
        size_t used;
        got = cli_reader_feed(reader, (const char *)data + at,
                              fuzz_cut(cut, at, size - at), &used, &record);
        check(reader, got, &record);
        if (got == CLI_READ_FATAL)
            return;
        FUZZ_CHECK(used <= size - at);
        at += used;
    }
    for (size_t left = size + 4; left > 0; left--) {
        got = cli_reader_finish(reader, &record);
        check(reader, got, &record);
        if (got == CLI_READ_MORE || got == CLI_READ_FATAL)
            return;
    }
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t format = fuzz_byte(&data, &size);
    uint8_t cut = fuzz_byte(&data, &size);
    struct cli_reader_options options = {
        .format = (enum cli_format)(format % CLI_FORMAT_COUNT),
    };
    if ((format & 0x80) != 0) {
        options.fields[CLI_COLUMN_KEY] = "k";
        options.fields[CLI_COLUMN_VALUE] = "v";
    }
    char error[256];
    struct cli_reader *reader =
        cli_reader_create(&options, error, sizeof(error));
    if (reader == NULL)
        return 0;
    read_all(reader, data, size, cut);
    cli_reader_destroy(reader);
    return 0;
}
