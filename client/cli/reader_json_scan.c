/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of one JSON object, found by scanning the text once: nothing is
 * allocated and nothing copied, which makes it some ten times as fast as
 * building the object. It checks the whole grammar, but knows only the plain
 * cases (no \u escapes, no escape in a field that is wanted, members of the
 * object itself). All else, and every error, is left to the parser of
 * reader_json.c, so that the two cannot tell different things.
 */
#include <string.h>

#include "reader_internal.h"
#include "utf8.h"

/* Deeper nesting is left to the parser, which has a limit of its own. */
#define DEPTH_MAX 32

/* Digits that fit an int64_t for sure; the parser refuses what does not. */
#define INTEGER_LEN_MAX 18

/* Exponents that a double has room for; the parser refuses overflow. */
#define EXPONENT_LEN_MAX 2

enum kind {
    KIND_NONE,
    KIND_STRING,
    KIND_INTEGER,
    KIND_REAL,
    KIND_BOOLEAN,
    KIND_NULL,
    KIND_NESTED,
};

struct value {
    enum kind kind;
    bool escaped;
    const char *text;
    size_t len;
};

struct scan {
    const char *at;
    const char *end;
    unsigned depth;
    /* All bytes of all strings, or-ed. */
    unsigned bits;
};

static bool scan_value(struct scan *scan, struct value *ret);

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' ||
                                    *scan->at == '\r' || *scan->at == '\n'))
        scan->at++;
}

/* Takes the byte, with blanks before it. */
static bool take(struct scan *scan, char c)
{
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* Half of the time goes here: at and bits are kept in registers. */
static bool scan_string(struct scan *scan, struct value *ret)
{
    if (!take(scan, '"'))
        return false;
    const char *at = scan->at;
    unsigned bits = scan->bits;
    *ret = (struct value){.kind = KIND_STRING, .text = at};
    for (; at < scan->end && *at != '"'; at++) {
        unsigned c = (unsigned char)*at;
        bits |= c;
        if (c < 0x20)
            return false;
        if (c != '\\')
            continue;
        ret->escaped = true;
        if (++at == scan->end || !*at || !strchr("\"\\/bfnrt", *at))
            return false;
    }
    ret->len = (size_t)(at - ret->text);
    scan->bits = bits;
    scan->at = at + 1;
    return at < scan->end;
}

static size_t take_digits(struct scan *scan)
{
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return (size_t)(scan->at - start);
}

static bool next_is(const struct scan *scan, const char *any_of)
{
    return scan->at < scan->end && *scan->at && strchr(any_of, *scan->at);
}

static bool scan_number(struct scan *scan, struct value *ret)
{
    *ret = (struct value){.kind = KIND_INTEGER, .text = scan->at};
    scan->at += *scan->at == '-';
    const char *digits = scan->at;
    size_t count = take_digits(scan);
    if (count == 0 || (count > 1 && *digits == '0') || count > INTEGER_LEN_MAX)
        return false;
    if (next_is(scan, ".")) {
        ret->kind = KIND_REAL;
        scan->at++;
        if (take_digits(scan) == 0)
            return false;
    }
    if (next_is(scan, "eE")) {
        ret->kind = KIND_REAL;
        scan->at++;
        scan->at += next_is(scan, "+-");
        count = take_digits(scan);
        if (count == 0 || count > EXPONENT_LEN_MAX)
            return false;
    }
    ret->len = (size_t)(scan->at - ret->text);
    /* The parser makes the integer 0 of -0. */
    return ret->kind == KIND_REAL || *digits != '0' || digits == ret->text;
}

static bool scan_word(struct scan *scan, struct value *ret)
{
    static const struct {
        const char *text;
        size_t len;
        enum kind kind;
    } words[] = {{"true", 4, KIND_BOOLEAN},
                 {"false", 5, KIND_BOOLEAN},
                 {"null", 4, KIND_NULL}};
    for (size_t i = 0; i < 3; i++) {
        if ((size_t)(scan->end - scan->at) < words[i].len ||
            memcmp(scan->at, words[i].text, words[i].len) != 0)
            continue;
        *ret = (struct value){words[i].kind, false, scan->at, words[i].len};
        scan->at += words[i].len;
        return true;
    }
    return false;
}

/* An object or array inside of the object. */
static bool scan_nested(struct scan *scan, char close)
{
    struct value name;
    struct value value;
    if (++scan->depth > DEPTH_MAX)
        return false;
    scan->at++;
    if (take(scan, close)) {
        scan->depth--;
        return true;
    }
    do {
        if (close == '}' && (!scan_string(scan, &name) || !take(scan, ':')))
            return false;
        if (!scan_value(scan, &value))
            return false;
    } while (take(scan, ','));
    scan->depth--;
    return take(scan, close);
}

static bool scan_value(struct scan *scan, struct value *ret)
{
    skip_blanks(scan);
    if (scan->at == scan->end)
        return false;
    char c = *scan->at;
    if (c == '"')
        return scan_string(scan, ret);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(scan, ret);
    if (c != '{' && c != '[')
        return scan_word(scan, ret);
    ret->kind = KIND_NESTED;
    return scan_nested(scan, c == '{' ? '}' : ']');
}

/* Keeps the value when its name is wanted. The last one of a name counts. */
static void keep(const struct cli_reader *reader, const struct value *name,
                 const struct value *value, struct value *found)
{
    for (int i = 0; i < CLI_COLUMN_COUNT; i++) {
        if (reader->field_lens[i] == name->len && name->len > 0 &&
            memcmp(cli_reader_field(reader, (enum cli_column)i), name->text,
                   name->len) == 0)
            found[i] = *value;
    }
}

static bool scan_members(const struct cli_reader *reader, struct scan *scan,
                         struct value *found)
{
    struct value name;
    struct value value;
    if (!take(scan, '{'))
        return false;
    if (take(scan, '}'))
        return true;
    do {
        if (!scan_string(scan, &name) || name.escaped || !take(scan, ':') ||
            !scan_value(scan, &value))
            return false;
        keep(reader, &name, &value, found);
    } while (take(scan, ','));
    return take(scan, '}');
}

/* The text of a number as a key is what the parser makes of it: 1.50 is 1.5. */
static bool put(struct cli_reader *reader, enum cli_column column,
                const struct value *value, struct cli_record *record)
{
    if (value->kind == KIND_NONE)
        return column != CLI_COLUMN_KEY;
    if (value->kind == KIND_NESTED || value->escaped)
        return false;
    if (column == CLI_COLUMN_KEY && value->kind == KIND_REAL)
        return false;
    return cli_reader_put(reader, column, value->text,
                          value->kind == KIND_NULL ? 0 : value->len, record);
}

bool cli_scan_ndjson(struct cli_reader *reader, const char *text, size_t len,
                     struct cli_record *record)
{
    struct scan scan = {.at = text, .end = text + len};
    struct value found[CLI_COLUMN_COUNT] = {{0}};
    struct cli_record fresh = {0};
    if (reader->nested || !scan_members(reader, &scan, found))
        return false;
    skip_blanks(&scan);
    if (scan.at != scan.end ||
        ((scan.bits & 0x80) != 0 && !rnl_utf8_valid(text, len)))
        return false;
    for (int i = 0; i < CLI_COLUMN_COUNT; i++) {
        if (!put(reader, (enum cli_column)i, &found[i], &fresh))
            return false;
    }
    *record = fresh;
    return true;
}
