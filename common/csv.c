/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state machine over bytes, so that cutting the input anywhere changes
 * nothing. Runs of ordinary bytes are copied at once: most of a file is such
 * runs.
 */
#include "csv.h"

#include <string.h>

#include "alloc.h"

enum state {
    /* Before the first byte of a row. */
    STATE_START,
    /* At the first byte of a later field. */
    STATE_FIELD_START,
    STATE_PLAIN,
    /* After CR in a plain field: LF ends the row, all else makes it data. */
    STATE_PLAIN_CR,
    STATE_QUOTED,
    /* After a quote in a quoted field: its end, or the first of two. */
    STATE_QUOTE,
    STATE_QUOTE_CR,
    /* In a bad row, up to its line end. */
    STATE_SKIP,
};

static const char bom[] = "\xEF\xBB\xBF";

void rnl_csv_init(struct rnl_csv *csv, char separator)
{
    *csv = (struct rnl_csv){.separator = separator, .line_now = 1};
}

void rnl_csv_fini(struct rnl_csv *csv)
{
    rnl_free(csv->fields);
    rnl_free(csv->text);
    rnl_free(csv->ends);
    *csv = (struct rnl_csv){0};
}

static enum rnl_csv_result bad(struct rnl_csv *csv, const char *error)
{
    csv->error = error;
    csv->line = csv->row_line;
    csv->state = STATE_SKIP;
    csv->text_len = 0;
    csv->end_count = 0;
    return RNL_CSV_BAD;
}

/* Returns block, grown where it must be so that it holds need entries of size
 * bytes; NULL, with block still valid, when memory is out. */
static void *grow(void *block, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return block;
    size_t grown = *cap ? *cap * 2 : 64;
    while (grown < need)
        grown *= 2;
    void *bigger = rnl_realloc(block, grown * size);
    if (bigger)
        *cap = grown;
    return bigger;
}

static enum rnl_csv_result append(struct rnl_csv *csv, const char *data,
                                  size_t len)
{
    if (len > RNL_CSV_ROW_LEN_MAX - csv->text_len)
        return bad(csv, "the row is longer than 1,048,576 bytes");
    char *text = grow(csv->text, &csv->text_cap, csv->text_len + len, 1);
    if (!text)
        return RNL_CSV_NO_MEMORY;
    csv->text = text;
    memcpy(csv->text + csv->text_len, data, len);
    csv->text_len += len;
    return RNL_CSV_MORE;
}

static enum rnl_csv_result end_field(struct rnl_csv *csv)
{
    if (csv->end_count == RNL_CSV_FIELD_COUNT_MAX)
        return bad(csv, "the row has more than 16,384 fields");
    size_t *ends =
        grow(csv->ends, &csv->end_cap, csv->end_count + 1, sizeof(*csv->ends));
    if (!ends)
        return RNL_CSV_NO_MEMORY;
    csv->ends = ends;
    csv->ends[csv->end_count++] = csv->text_len;
    return RNL_CSV_MORE;
}

/* Turns the ends into fields, now that the text no longer moves. */
static enum rnl_csv_result end_row(struct rnl_csv *csv)
{
    enum rnl_csv_result result = end_field(csv);
    csv->state = STATE_START;
    if (result != RNL_CSV_MORE)
        return result;
    struct rnl_csv_field *fields =
        grow(csv->fields, &csv->field_cap, csv->end_count, sizeof(*fields));
    if (!fields)
        return RNL_CSV_NO_MEMORY;
    csv->fields = fields;
    size_t start = 0;
    for (size_t i = 0; i < csv->end_count; i++) {
        const char *data = csv->text ? csv->text + start : "";
        csv->fields[i] = (struct rnl_csv_field){data, csv->ends[i] - start};
        start = csv->ends[i];
    }
    csv->field_count = csv->end_count;
    csv->line = csv->row_line;
    csv->row_done = true;
    return RNL_CSV_ROW;
}

/* What a byte does at the start of a field or inside a plain one. */
static enum rnl_csv_result take_plain(struct rnl_csv *csv, char c)
{
    bool at_start = csv->state != STATE_PLAIN;
    if (c == '\n')
        return end_row(csv);
    if (c == '\r') {
        csv->state = STATE_PLAIN_CR;
        return RNL_CSV_MORE;
    }
    if (c == csv->separator) {
        csv->state = STATE_FIELD_START;
        return end_field(csv);
    }
    csv->state = c == '"' && at_start ? STATE_QUOTED : STATE_PLAIN;
    return csv->state == STATE_QUOTED ? RNL_CSV_MORE : append(csv, &c, 1);
}

static enum rnl_csv_result take_after_quote(struct rnl_csv *csv, char c)
{
    if (c == '"' && csv->state == STATE_QUOTE) {
        csv->state = STATE_QUOTED;
        return append(csv, &c, 1);
    }
    if (c == '\n')
        return end_row(csv);
    if (csv->state == STATE_QUOTE && c == '\r') {
        csv->state = STATE_QUOTE_CR;
        return RNL_CSV_MORE;
    }
    if (csv->state == STATE_QUOTE && c == csv->separator) {
        csv->state = STATE_FIELD_START;
        return end_field(csv);
    }
    return bad(csv, "text after a closing quote");
}

/* At the start of a row: an empty line is no row. */
static enum rnl_csv_result take_start(struct rnl_csv *csv, char c)
{
    if (c == '\n')
        return RNL_CSV_MORE;
    csv->row_line = csv->line_now;
    return take_plain(csv, c);
}

static enum rnl_csv_result take_plain_cr(struct rnl_csv *csv, char c)
{
    if (c == '\n') {
        if (csv->end_count == 0 && csv->text_len == 0) {
            csv->state = STATE_START;
            return RNL_CSV_MORE;
        }
        return end_row(csv);
    }
    csv->state = STATE_PLAIN;
    enum rnl_csv_result result = append(csv, "\r", 1);
    return result == RNL_CSV_MORE ? take_plain(csv, c) : result;
}

static enum rnl_csv_result take(struct rnl_csv *csv, char c)
{
    switch ((enum state)csv->state) {
    case STATE_START:
        return take_start(csv, c);
    case STATE_FIELD_START:
    case STATE_PLAIN:
        return take_plain(csv, c);
    case STATE_PLAIN_CR:
        return take_plain_cr(csv, c);
    case STATE_QUOTED:
        if (c != '"')
            return append(csv, &c, 1);
        csv->state = STATE_QUOTE;
        return RNL_CSV_MORE;
    case STATE_QUOTE:
    case STATE_QUOTE_CR:
        return take_after_quote(csv, c);
    case STATE_SKIP:
        break;
    }
    csv->state = c == '\n' ? STATE_START : STATE_SKIP;
    return RNL_CSV_MORE;
}

/* Length of the run at data that the current state copies unseen. */
static size_t ordinary_run(const struct rnl_csv *csv, const char *data,
                           size_t len)
{
    size_t i = 0;
    if (csv->state == STATE_QUOTED) {
        while (i < len && data[i] != '"' && data[i] != '\n')
            i++;
    } else if (csv->state == STATE_PLAIN) {
        while (i < len && data[i] != csv->separator && data[i] != '\n' &&
               data[i] != '\r')
            i++;
    }
    return i;
}

/* Drops a byte order mark at the very start, cut or whole. What looks like
 * one and is not stays data: its bytes are put back into the first field. */
static enum rnl_csv_result skip_bom(struct rnl_csv *csv, const char *data,
                                    size_t len, size_t *used)
{
    while (*used < len && csv->bom_seen < 3) {
        if (data[*used] != bom[csv->bom_seen])
            break;
        csv->bom_seen++;
        (*used)++;
    }
    if (*used == len && csv->bom_seen < 3)
        return RNL_CSV_MORE;
    size_t matched = csv->bom_seen < 3 ? csv->bom_seen : 0;
    csv->bom_seen = 4;
    if (matched == 0)
        return RNL_CSV_MORE;
    csv->state = STATE_PLAIN;
    csv->row_line = csv->line_now;
    return append(csv, bom, matched);
}

static void begin(struct rnl_csv *csv)
{
    if (!csv->row_done)
        return;
    csv->row_done = false;
    csv->text_len = 0;
    csv->end_count = 0;
    csv->field_count = 0;
}

/* The first byte that matters of a run, and the run before it. */
static enum rnl_csv_result step(struct rnl_csv *csv, const char *data,
                                size_t len, size_t *used)
{
    size_t run = ordinary_run(csv, data + *used, len - *used);
    if (run > 0) {
        *used += run;
        return append(csv, data + *used - run, run);
    }
    char c = data[(*used)++];
    enum rnl_csv_result result = take(csv, c);
    /* A bad row that ends with this very byte has no rest to skip. */
    if (c == '\n') {
        csv->line_now++;
        if (csv->state == STATE_SKIP)
            csv->state = STATE_START;
    }
    return result;
}

/* Cuts a row of text without quotes at its separators. */
static enum rnl_csv_result cut_row(struct rnl_csv *csv)
{
    const char *start = csv->text;
    const char *end = csv->text + csv->text_len;
    const char *separator;
    size_t count = 0;
    do {
        if (count == RNL_CSV_FIELD_COUNT_MAX)
            return bad(csv, "the row has more than 16,384 fields");
        struct rnl_csv_field *fields =
            grow(csv->fields, &csv->field_cap, count + 1, sizeof(*fields));
        if (!fields)
            return RNL_CSV_NO_MEMORY;
        csv->fields = fields;
        separator = memchr(start, csv->separator, (size_t)(end - start));
        const char *stop = separator ? separator : end;
        fields[count++] = (struct rnl_csv_field){start, (size_t)(stop - start)};
        start = stop + 1;
    } while (separator);
    csv->field_count = count;
    csv->line = csv->row_line;
    csv->row_done = true;
    return RNL_CSV_ROW;
}

/* A row that is there as a whole and has no quote, as nearly all are: memchr
 * finds its parts several times as fast as the machine above takes bytes.
 * RNL_CSV_MORE when it is not such a row; then, and on failure, nothing is
 * used. */
static enum rnl_csv_result take_whole_row(struct rnl_csv *csv, const char *data,
                                          size_t len, size_t *used)
{
    const char *end = memchr(data, '\n', len);
    size_t row_len = end ? (size_t)(end - data) : 0;
    if (row_len > 0 && data[row_len - 1] == '\r')
        row_len--;
    if (row_len == 0 || row_len > RNL_CSV_ROW_LEN_MAX ||
        memchr(data, '"', row_len) || memchr(data, '\r', row_len))
        return RNL_CSV_MORE;
    csv->row_line = csv->line_now;
    enum rnl_csv_result result = append(csv, data, row_len);
    if (result == RNL_CSV_MORE)
        result = cut_row(csv);
    if (result != RNL_CSV_ROW)
        return result;
    csv->line_now++;
    *used += (size_t)(end - data) + 1;
    return RNL_CSV_ROW;
}

enum rnl_csv_result rnl_csv_feed(struct rnl_csv *csv, const char *data,
                                 size_t len, size_t *ret_used)
{
    enum rnl_csv_result result = RNL_CSV_MORE;
    size_t used = 0;
    begin(csv);
    if (csv->bom_seen < 4)
        result = skip_bom(csv, data, len, &used);
    if (result == RNL_CSV_MORE && used < len && csv->state == STATE_START)
        result = take_whole_row(csv, data + used, len - used, &used);
    while (result == RNL_CSV_MORE && used < len)
        result = step(csv, data, len, &used);
    if (result == RNL_CSV_NO_MEMORY) {
        csv->state = STATE_SKIP;
        csv->text_len = 0;
        csv->end_count = 0;
    }
    *ret_used = used;
    return result;
}

enum rnl_csv_result rnl_csv_finish(struct rnl_csv *csv)
{
    begin(csv);
    if (csv->bom_seen > 0 && csv->bom_seen < 3) {
        size_t matched = csv->bom_seen;
        csv->bom_seen = 4;
        csv->row_line = csv->line_now;
        csv->state = STATE_PLAIN;
        if (append(csv, bom, matched) != RNL_CSV_MORE)
            return RNL_CSV_NO_MEMORY;
    }
    enum state state = csv->state;
    csv->state = STATE_START;
    if (state == STATE_QUOTED) {
        enum rnl_csv_result result = bad(csv, "a quote is not closed");
        csv->state = STATE_START;
        return result;
    }
    if (state == STATE_START || state == STATE_SKIP)
        return RNL_CSV_MORE;
    if (state == STATE_PLAIN_CR && csv->end_count == 0 && csv->text_len == 0)
        return RNL_CSV_MORE;
    return end_row(csv);
}
