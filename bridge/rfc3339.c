/* SPDX-License-Identifier: Apache-2.0 */
#include "rfc3339.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NANOS_PER_SECOND 1000000000
#define SECONDS_PER_DAY  86400

/* Days between 0000-03-01 and 1970-01-01 of the proleptic Gregorian calendar.
 * Years that begin in March have their leap day last, which makes the rest
 * plain division: H. Hinnant, "chrono-compatible low-level date algorithms". */
#define DAYS_TO_EPOCH 719468
#define DAYS_PER_ERA  146097

struct date {
    int64_t year;
    int month;
    int day;
};

static int64_t days_from_date(struct date date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int month = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

static struct date date_from_days(int64_t days)
{
    days += DAYS_TO_EPOCH;
    int64_t era = (days >= 0 ? days : days - DAYS_PER_ERA + 1) / DAYS_PER_ERA;
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                           day_of_era / 146096) /
                          365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    int month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    return (struct date){.year = year_of_era + era * 400 + (month <= 2),
                         .month = month,
                         .day =
                             (int)(day_of_year - (153 * shifted + 2) / 5 + 1)};
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Writes width digits and what comes after them; returns where that ends. Times
 * are in every answer, and printf takes longer than all else of them. */
static char *put_digits(char *out, int width, int64_t value, char after)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    out[width] = after;
    return out + width + 1;
}

/* Writes "", ".123", ".123456" or ".123456789", and a NUL; returns where that
 * is. */
static char *format_fraction(int32_t nanos, char *out)
{
    int width = 9;
    *out = '\0';
    if (nanos == 0)
        return out;
    for (; nanos % 1000 == 0; width -= 3)
        nanos /= 1000;
    *out++ = '.';
    return put_digits(out, width, nanos, '\0') - 1;
}

bool rnl_timestamp_format(int64_t seconds, int32_t nanos,
                          char out[RNL_TIME_TEXT_MAX])
{
    if (seconds < RNL_TIMESTAMP_SECONDS_MIN ||
        seconds > RNL_TIMESTAMP_SECONDS_MAX || nanos < 0 ||
        nanos >= NANOS_PER_SECOND)
        return false;
    int64_t days = seconds / SECONDS_PER_DAY;
    int rest = (int)(seconds % SECONDS_PER_DAY);
    if (rest < 0) {
        rest += SECONDS_PER_DAY;
        days--;
    }
    struct date date = date_from_days(days);
    out = put_digits(out, 4, date.year, '-');
    out = put_digits(out, 2, date.month, '-');
    out = put_digits(out, 2, date.day, 'T');
    out = put_digits(out, 2, rest / 3600, ':');
    out = put_digits(out, 2, rest / 60 % 60, ':');
    out = put_digits(out, 2, rest % 60, '\0') - 1;
    out = format_fraction(nanos, out);
    *out++ = 'Z';
    *out = '\0';
    return true;
}

/* What is left to read. */
struct cursor {
    const char *at;
    const char *end;
};

static bool take_byte(struct cursor *cursor, const char *set)
{
    if (cursor->at == cursor->end || *cursor->at == '\0' ||
        strchr(set, *cursor->at) == NULL)
        return false;
    cursor->at++;
    return true;
}

static bool take_digits(struct cursor *cursor, int count, int *ret_number)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9')
            return false;
        number = number * 10 + (*cursor->at++ - '0');
    }
    *ret_number = number;
    return true;
}

/* An optional point with 1 to 9 digits. */
static bool take_fraction(struct cursor *cursor, int32_t *ret_nanos)
{
    int32_t nanos = 0;
    *ret_nanos = 0;
    if (!take_byte(cursor, "."))
        return true;
    int count = 0;
    for (int digit; count < 9 && take_digits(cursor, 1, &digit); count++)
        nanos = nanos * 10 + digit;
    if (count == 0)
        return false;
    for (; count < 9; count++)
        nanos *= 10;
    *ret_nanos = nanos;
    return true;
}

static bool take_date(struct cursor *cursor, int64_t *ret_days)
{
    int year, month, day;
    if (!take_digits(cursor, 4, &year) || !take_byte(cursor, "-") ||
        !take_digits(cursor, 2, &month) || !take_byte(cursor, "-") ||
        !take_digits(cursor, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 ||
        day > month_days(year, month))
        return false;
    *ret_days = days_from_date((struct date){year, month, day});
    return true;
}

static bool take_clock(struct cursor *cursor, bool with_seconds,
                       int64_t *ret_seconds)
{
    int hour, minute, second = 0;
    if (!take_digits(cursor, 2, &hour) || !take_byte(cursor, ":") ||
        !take_digits(cursor, 2, &minute) || hour > 23 || minute > 59)
        return false;
    if (with_seconds && (!take_byte(cursor, ":") ||
                         !take_digits(cursor, 2, &second) || second > 59))
        return false;
    *ret_seconds = (int64_t)hour * 3600 + minute * 60 + second;
    return true;
}

/* "Z", "+02:00" or "-00:30": seconds east of UTC. */
static bool take_offset(struct cursor *cursor, int64_t *ret_seconds)
{
    *ret_seconds = 0;
    if (take_byte(cursor, "Zz"))
        return true;
    bool west = take_byte(cursor, "-");
    if (!west && !take_byte(cursor, "+"))
        return false;
    if (!take_clock(cursor, false, ret_seconds))
        return false;
    if (west)
        *ret_seconds = -*ret_seconds;
    return true;
}

bool rnl_timestamp_parse(const char *text, size_t len, int64_t *ret_seconds,
                         int32_t *ret_nanos)
{
    struct cursor cursor = {text, text + len};
    int64_t days, clock, offset;
    int32_t nanos;
    if (!take_date(&cursor, &days) || !take_byte(&cursor, "Tt") ||
        !take_clock(&cursor, true, &clock) || !take_fraction(&cursor, &nanos) ||
        !take_offset(&cursor, &offset) || cursor.at != cursor.end)
        return false;
    int64_t seconds = days * SECONDS_PER_DAY + clock - offset;
    if (seconds < RNL_TIMESTAMP_SECONDS_MIN ||
        seconds > RNL_TIMESTAMP_SECONDS_MAX)
        return false;
    *ret_seconds = seconds;
    *ret_nanos = nanos;
    return true;
}

bool rnl_duration_format(int64_t seconds, int32_t nanos,
                         char out[RNL_TIME_TEXT_MAX])
{
    bool negative = seconds < 0 || nanos < 0;
    if (seconds < -RNL_DURATION_SECONDS_MAX ||
        seconds > RNL_DURATION_SECONDS_MAX || nanos <= -NANOS_PER_SECOND ||
        nanos >= NANOS_PER_SECOND || (negative && (seconds > 0 || nanos > 0)))
        return false;
    char fraction[11];
    format_fraction(negative ? -nanos : nanos, fraction);
    snprintf(out, RNL_TIME_TEXT_MAX, "%s%" PRId64 "%ss", negative ? "-" : "",
             negative ? -seconds : seconds, fraction);
    return true;
}

bool rnl_duration_parse(const char *text, size_t len, int64_t *ret_seconds,
                        int32_t *ret_nanos)
{
    struct cursor cursor = {text, text + len};
    bool negative = take_byte(&cursor, "-");
    int64_t seconds = 0;
    int digit, count = 0;
    for (; count < 12 && take_digits(&cursor, 1, &digit); count++)
        seconds = seconds * 10 + digit;
    int32_t nanos;
    if (count == 0 || !take_fraction(&cursor, &nanos) ||
        !take_byte(&cursor, "s") || cursor.at != cursor.end ||
        seconds > RNL_DURATION_SECONDS_MAX)
        return false;
    *ret_seconds = negative ? -seconds : seconds;
    *ret_nanos = negative ? -nanos : nanos;
    return true;
}
