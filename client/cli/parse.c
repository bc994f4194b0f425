/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* No number in sane input is longer; %.17g writes 24 characters. */
#define NUMBER_LEN_MAX ((size_t)100)

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && is_blank(**text)) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && is_blank((*text)[*len - 1]))
        (*len)--;
}

/* Up to 15 digits and a point: the digits fit a double exactly and so does
 * the power of ten, so that one division is correctly rounded (Clinger, 1990).
 * Nearly all input is such, and strtod is several times slower. */
static bool parse_short(const char *text, size_t len, double *ret_number)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3, 1e4,  1e5,
                                    1e6,  1e7,  1e8,  1e9, 1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15};
    bool negative = len > 0 && text[0] == '-';
    size_t i = negative ? 1 : 0;
    int64_t digits = 0;
    size_t digit_count = 0;
    size_t point = 0;
    bool has_point = false;
    if (len - i > 16)
        return false;
    for (; i < len; i++) {
        if (is_digit(text[i])) {
            digits = digits * 10 + (text[i] - '0');
            digit_count++;
        } else if (text[i] == '.' && !has_point) {
            has_point = true;
            point = digit_count;
        } else {
            return false;
        }
    }
    if (digit_count == 0 || digit_count > 15)
        return false;
    double number = (double)digits;
    if (has_point)
        number /= powers[digit_count - point];
    *ret_number = negative ? -number : number;
    return true;
}

bool cli_parse_number(const char *text, size_t len, double *ret_number)
{
    trim(&text, &len);
    if (parse_short(text, len, ret_number))
        return true;
    if (len == 0 || len > NUMBER_LEN_MAX)
        return false;
    char copy[NUMBER_LEN_MAX + 1];
    memcpy(copy, text, len);
    copy[len] = '\0';
    /* Only what a decimal number is made of: no "nan", "0x1", "infinity". */
    if (strspn(copy, "0123456789+-.eE") != len)
        return false;
    char *end;
    double number = strtod(copy, &end);
    if (end != copy + len || !isfinite(number))
        return false;
    *ret_number = number;
    return true;
}

bool cli_parse_integer(const char *text, int64_t min, int64_t max,
                       int64_t *ret_number)
{
    char *end;
    if (!is_digit(text[0]) && !(text[0] == '-' && is_digit(text[1])))
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < min || number > max)
        return false;
    *ret_number = number;
    return true;
}

/* Milliseconds of the unit at *text, which moves behind it; 0 for none. */
static double take_unit(const char **text)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ms", 1},   {"s", 1e3},   {"m", 6e4},
                 {"h", 36e5}, {"d", 864e5}, {"w", 6048e5}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t len = strlen(units[i].name);
        if (strncmp(*text, units[i].name, len) == 0) {
            *text += len;
            return units[i].ms;
        }
    }
    return 0;
}

bool cli_parse_duration_ms(const char *text, int64_t *ret_ms)
{
    static const double years_100_ms = 100 * 366 * 864e5;
    double total_ms = 0;
    bool first = true;
    do {
        size_t len = strspn(text, "0123456789.");
        double number;
        if (!cli_parse_number(text, len, &number))
            return false;
        text += len;
        double unit_ms = first && *text == '\0' ? 1e3 : take_unit(&text);
        if (unit_ms == 0)
            return false;
        total_ms += number * unit_ms;
        first = false;
    } while (*text != '\0');
    if (total_ms > years_100_ms)
        return false;
    *ret_ms = (int64_t)llround(total_ms);
    return true;
}

bool cli_parse_window(const char *text, uint32_t *ret_seconds)
{
    int64_t ms;
    if (strcmp(text, "all") == 0) {
        *ret_seconds = 0;
        return true;
    }
    if (!cli_parse_duration_ms(text, &ms) || ms < 1000 || ms % 1000 != 0 ||
        ms / 1000 > UINT32_MAX)
        return false;
    *ret_seconds = (uint32_t)(ms / 1000);
    return true;
}
