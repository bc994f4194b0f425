/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "utf8.h"

static int hex(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Decodes in place and returns the new length, or SIZE_MAX for a bad escape
 * or U+0000. */
static size_t unescape(char *text, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        char byte = text[i];
        if (byte == '+') {
            byte = ' ';
        } else if (byte == '%') {
            int high = i + 2 < len ? hex(text[i + 1]) : -1;
            int low = high >= 0 ? hex(text[i + 2]) : -1;
            if (low < 0)
                return SIZE_MAX;
            byte = (char)(high << 4 | low);
            i += 2;
        }
        if (byte == '\0')
            return SIZE_MAX;
        text[out++] = byte;
    }
    return out;
}

static const char *decode(char *text, size_t len)
{
    size_t out = unescape(text, len);
    if (out == SIZE_MAX || !rnl_utf8_valid(text, out))
        return NULL;
    text[out] = '\0';
    return text;
}

static enum rnl_code fail(struct rnl_pbjson_error *error, enum rnl_code code,
                          const char *what)
{
    error->field[0] = '\0';
    snprintf(error->what, sizeof(error->what), "%s", what);
    return code;
}

/* One parameter, of len bytes, behind which a byte may be overwritten. */
static bool add(struct rnl_query *query, char *text, size_t len)
{
    char *equals = memchr(text, '=', len);
    size_t name_len = equals != NULL ? (size_t)(equals - text) : len;
    struct rnl_query_param param = {.value = ""};
    if (equals != NULL)
        param.value = decode(equals + 1, len - name_len - 1);
    param.name = decode(text, name_len);
    if (param.name == NULL || param.value == NULL)
        return false;
    query->params[query->count++] = param;
    return true;
}

static size_t count_params(const char *raw, size_t len)
{
    size_t count = 1;
    for (size_t i = 0; i < len; i++)
        count += raw[i] == '&';
    return count;
}

static enum rnl_code split(struct rnl_query *query, size_t len,
                           struct rnl_pbjson_error *error)
{
    for (size_t at = 0; at < len;) {
        char *start = query->text + at;
        char *end = memchr(start, '&', len - at);
        size_t part = end != NULL ? (size_t)(end - start) : len - at;
        if (part > 0 && !add(query, start, part))
            return fail(error, RNL_INVALID_ARGUMENT,
                        "the query is not made of UTF-8 and %XX escapes");
        at += part + 1;
    }
    return RNL_OK;
}

enum rnl_code rnl_query_init(struct rnl_query *query, const char *raw,
                             size_t len, struct rnl_pbjson_error *ret_error)
{
    *query = (struct rnl_query){0};
    if (len == 0)
        return RNL_OK;
    size_t count = count_params(raw, len);
    if (count > RNL_QUERY_PARAM_MAX)
        return fail(ret_error, RNL_INVALID_ARGUMENT,
                    "the query has more than 1024 parameters");
    query->text = rnl_strndup(raw, len);
    query->params = rnl_calloc(count, sizeof(*query->params));
    enum rnl_code code;
    if (query->text == NULL || query->params == NULL)
        code = fail(ret_error, RNL_RESOURCE_EXHAUSTED, "memory is out");
    else
        code = split(query, len, ret_error);
    if (code != RNL_OK)
        rnl_query_fini(query);
    return code;
}

void rnl_query_fini(struct rnl_query *query)
{
    rnl_free(query->text);
    rnl_free(query->params);
    *query = (struct rnl_query){0};
}

const char *rnl_query_get(const struct rnl_query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++)
        if (strcmp(query->params[i].name, name) == 0)
            return query->params[i].value;
    return NULL;
}

/* Reads digits and returns what follows them; NULL when there are none or too
 * many. */
static const char *take_number(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return NULL;
    }
    *ret_number = number;
    return at > text ? at : NULL;
}

bool rnl_query_number(const char *value, uint64_t min, uint64_t max,
                      uint64_t *ret_number)
{
    uint64_t number;
    const char *end = take_number(value, &number);
    if (end == NULL || *end != '\0' || number < min || number > max)
        return false;
    *ret_number = number;
    return true;
}

static uint64_t unit_seconds(const char *unit)
{
    static const struct {
        char name[2];
        uint32_t seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].seconds;
    return 0;
}

bool rnl_query_window(const char *value, uint32_t *ret_seconds)
{
    uint64_t number;
    if (strcmp(value, "all") == 0) {
        *ret_seconds = 0;
        return true;
    }
    const char *unit = take_number(value, &number);
    uint64_t factor = unit != NULL ? unit_seconds(unit) : 0;
    if (factor == 0 || __builtin_mul_overflow(number, factor, &number) ||
        number > UINT32_MAX)
        return false;
    *ret_seconds = (uint32_t)number;
    return true;
}
