/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define REPLACEMENT 0xFFFDu

/* Takes one character; REPLACEMENT, one byte long, for what is not UTF-8. */
static uint32_t decode(const char *text, size_t len, size_t *ret_len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)text[0];
    size_t need = first < 0x80   ? 1
                  : first < 0xC2 ? 0
                  : first < 0xE0 ? 2
                  : first < 0xF0 ? 3
                  : first < 0xF5 ? 4
                                 : 0;
    *ret_len = 1;
    if (need == 1)
        return first;
    if (need == 0 || need > len)
        return REPLACEMENT;
    uint32_t c = first & (0x7Fu >> need);
    for (size_t i = 1; i < need; i++) {
        unsigned char next = (unsigned char)text[i];
        if ((next & 0xC0) != 0x80)
            return REPLACEMENT;
        c = c << 6 | (next & 0x3F);
    }
    if (c < least[need] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return REPLACEMENT;
    *ret_len = need;
    return c;
}

/* C0, DEL and C1; and the marks that reorder or hide text around them. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||
           c == 0x2028 || c == 0x2029;
}

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    }
    return false;
}

/* The blocks that matter of Unicode's EastAsianWidth and its combining marks.
 * wcwidth would do the same, but only in a UTF-8 locale, which a container
 * rarely sets. */
static size_t char_width(uint32_t c)
{
    static const struct range zero[] = {
        {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD},  {0x0610, 0x061A},
        {0x064B, 0x065F}, {0x0E31, 0x0E31}, {0x0E34, 0x0E3A},  {0x1AB0, 0x1AFF},
        {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x20D0, 0x20FF},  {0xFE00, 0xFE0F},
        {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF}};
    static const struct range wide[] = {
        {0x1100, 0x115F},   {0x231A, 0x231B},   {0x23E9, 0x23EC},
        {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
        {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97F},
        {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
        {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
        {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
    if (c < 0x300)
        return 1;
    if (in_ranges(c, zero, sizeof(zero) / sizeof(zero[0])))
        return 0;
    return in_ranges(c, wide, sizeof(wide) / sizeof(wide[0])) ? 2 : 1;
}

/* Length of the colour sequence at text; 0 when there is none. */
static size_t sequence_len(const char *text, size_t len)
{
    if (len < 3 || text[0] != '\x1b' || text[1] != '[')
        return 0;
    size_t i = 2;
    while (i < len && !(text[i] >= '@' && text[i] <= '~'))
        i++;
    return i < len ? i + 1 : 0;
}

size_t cli_text_width(const char *text, size_t len)
{
    size_t width = 0;
    for (size_t i = 0; i < len;) {
        size_t step = sequence_len(text + i, len - i);
        if (step == 0)
            width += char_width(decode(text + i, len - i, &step));
        i += step;
    }
    return width;
}

static void add_safe_all(struct cli_buf *buf, const char *text, size_t len)
{
    for (size_t i = 0, step; i < len; i += step) {
        uint32_t c = decode(text + i, len - i, &step);
        if (is_control(c) || c == REPLACEMENT)
            cli_buf_text(buf, "\xEF\xBF\xBD");
        else
            cli_buf_add(buf, text + i, step);
    }
}

void cli_text_add_safe(struct cli_buf *buf, const char *text, size_t len,
                       size_t columns_max)
{
    size_t start = buf->len;
    add_safe_all(buf, text, len);
    if (columns_max == 0 || cli_text_width(buf->data ? buf->data + start : "",
                                           buf->len - start) <= columns_max)
        return;
    size_t width = 0;
    size_t end = start;
    while (end < buf->len) {
        size_t step;
        width += char_width(decode(buf->data + end, buf->len - end, &step));
        if (width > columns_max - 1)
            break;
        end += step;
    }
    buf->len = end;
    cli_buf_text(buf, "…");
}

void cli_text_add_clipped(struct cli_buf *buf, const char *line, size_t len,
                          size_t columns_max)
{
    size_t width = 0;
    for (size_t i = 0; i < len;) {
        size_t step = sequence_len(line + i, len - i);
        if (step == 0)
            width += char_width(decode(line + i, len - i, &step));
        /* Sequences behind the edge are kept: they switch colours off. */
        if (width <= columns_max || line[i] == '\x1b')
            cli_buf_add(buf, line + i, step);
        i += step;
    }
}

void cli_text_add_count(struct cli_buf *buf, uint64_t count)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            cli_buf_text(buf, ",");
        cli_buf_add(buf, digits + i, 1);
    }
}

/* Three figures: 1.23, 12.3, 123. */
static void add_figures(struct cli_buf *buf, double number)
{
    double size = fabs(number);
    cli_buf_printf(buf, "%.*f",
                   size < 9.995   ? 2
                   : size < 99.95 ? 1
                                  : 0,
                   number);
}

void cli_text_add_short(struct cli_buf *buf, double number)
{
    static const char *const units[] = {"", " k", " M", " G", " T"};
    size_t unit = 0;
    while (fabs(number) >= 999.5 && unit < 4) {
        number /= 1000;
        unit++;
    }
    if (unit == 0 && number == floor(number))
        cli_buf_printf(buf, "%.0f", number);
    else
        add_figures(buf, number);
    cli_buf_text(buf, units[unit]);
}

void cli_text_add_number(struct cli_buf *buf, double number)
{
    double size = fabs(number);
    if (size != 0 && (size < 1e-4 || size >= 1e15)) {
        cli_buf_printf(buf, "%.4g", number);
        return;
    }
    char text[64];
    int decimals = size >= 1e4 ? 0 : size >= 100 ? 2 : size >= 1 ? 3 : 5;
    snprintf(text, sizeof(text), "%.*f", decimals, number);
    if (strchr(text, '.')) {
        size_t len = strlen(text);
        while (text[len - 1] == '0')
            text[--len] = '\0';
        if (text[len - 1] == '.')
            text[len - 1] = '\0';
    }
    if (size < 1e4) {
        cli_buf_text(buf, strcmp(text, "-0") == 0 ? "0" : text);
        return;
    }
    if (number < 0)
        cli_buf_text(buf, "-");
    cli_text_add_count(buf, (uint64_t)llround(size));
}

void cli_text_add_bytes(struct cli_buf *buf, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (bytes >= 999.5 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    if (unit == 0)
        cli_buf_printf(buf, "%.0f", bytes);
    else
        add_figures(buf, bytes);
    cli_buf_printf(buf, " %s", units[unit]);
}

void cli_text_add_ms(struct cli_buf *buf, double ms)
{
    if (ms == 0) {
        cli_buf_text(buf, "0 ms");
    } else if (ms > 0 && ms < 1) {
        add_figures(buf, ms * 1000);
        cli_buf_text(buf, " µs");
    } else if (ms < 999.5) {
        add_figures(buf, ms);
        cli_buf_text(buf, " ms");
    } else if (ms < 120e3) {
        add_figures(buf, ms / 1000);
        cli_buf_text(buf, " s");
    } else if (ms < 7200e3) {
        long s = lround(ms / 1000);
        cli_buf_printf(buf, "%ld min %ld s", s / 60, s % 60);
    } else if (ms >= 48 * 3600e3) {
        long h = lround(ms / 3600e3);
        cli_buf_printf(buf, "%ld d %ld h", h / 24, h % 24);
    } else {
        long min = lround(ms / 60e3);
        cli_buf_printf(buf, "%ld h %ld min", min / 60, min % 60);
    }
}

void cli_text_add_window(struct cli_buf *buf, uint32_t seconds)
{
    if (seconds == 0)
        cli_buf_text(buf, "all");
    else if (seconds % 86400 == 0)
        cli_buf_printf(buf, "%" PRIu32 "d", seconds / 86400);
    else if (seconds % 3600 == 0)
        cli_buf_printf(buf, "%" PRIu32 "h", seconds / 3600);
    else if (seconds % 60 == 0)
        cli_buf_printf(buf, "%" PRIu32 "m", seconds / 60);
    else
        cli_buf_printf(buf, "%" PRIu32 "s", seconds);
}

void cli_text_add_time(struct cli_buf *buf, int64_t time_ms, bool local)
{
    int64_t ms = ((time_ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((time_ms - ms) / 1000);
    struct tm tm;
    char text[64];
    if (!(local ? localtime_r(&seconds, &tm) : gmtime_r(&seconds, &tm)))
        return;
    if (local) {
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
        cli_buf_text(buf, text);
        return;
    }
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    cli_buf_printf(buf, "%s.%03dZ", text, (int)ms);
}
