/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time. Calendar arithmetic is done here and not by mktime, which
 * would bring in the time zone of the machine: input without a zone is UTC.
 */
#include "parse.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* What a point in time is put together from. */
struct civil {
    int year, month, day, hour, minute, second;
    int fraction_ms;
    int zone_minutes;
};

/* A place in the text. */
struct cursor {
    const char *at;
    const char *end;
};

/* Takes exactly `count` digits. */
static bool take_digits(struct cursor *c, int count, int *ret_number)
{
    int number = 0;
    if (c->end - c->at < count)
        return false;
    for (int i = 0; i < count; i++) {
        char digit = c->at[i];
        if (digit < '0' || digit > '9')
            return false;
        number = number * 10 + (digit - '0');
    }
    c->at += count;
    *ret_number = number;
    return true;
}

static bool take_char(struct cursor *c, const char *any_of)
{
    if (c->at == c->end)
        return false;
    /* Not strchr: calls for one or two letters took a tenth of an ingest. */
    while (*any_of && *any_of != *c->at)
        any_of++;
    c->at += *any_of != '\0';
    return *any_of != '\0';
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar, after Howard
 * Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March
 * so that the leap day is the last. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
                         year_of_era / 100 + day_of_year - 1;
    return era * 146097 + day_of_era - 719468;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool civil_to_ms(const struct civil *t, int64_t *ret_ms)
{
    if (t->month < 1 || t->month > 12 || t->day < 1 ||
        t->day > month_days(t->year, t->month))
        return false;
    /* A leap second is taken as the first of the next minute. */
    if (t->hour > 23 || t->minute > 59 || t->second > 60)
        return false;
    int64_t minutes =
        (days_from_civil(t->year, t->month, t->day) * 24 + t->hour) * 60 +
        t->minute - t->zone_minutes;
    *ret_ms = (minutes * 60 + t->second) * 1000 + t->fraction_ms;
    return true;
}

/* "Z", "+01:00", "+0100" or nothing. */
static bool take_zone(struct cursor *c, struct civil *t)
{
    if (c->at == c->end || take_char(c, "Zz"))
        return true;
    bool west = *c->at == '-';
    int hours;
    int minutes = 0;
    if (!take_char(c, "+-") || !take_digits(c, 2, &hours))
        return false;
    take_char(c, ":");
    if (c->at < c->end && !take_digits(c, 2, &minutes))
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    t->zone_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

/* Digits after the point; those below a millisecond are dropped. */
static bool take_fraction(struct cursor *c, struct civil *t)
{
    if (!take_char(c, ".,"))
        return true;
    int weight = 100;
    const char *start = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        t->fraction_ms += (*c->at++ - '0') * weight;
        weight /= 10;
    }
    return c->at > start;
}

static bool take_clock(struct cursor *c, struct civil *t)
{
    if (!take_digits(c, 2, &t->hour) || !take_char(c, ":") ||
        !take_digits(c, 2, &t->minute))
        return false;
    return !take_char(c, ":") ||
           (take_digits(c, 2, &t->second) && take_fraction(c, t));
}

/* RFC 3339, and what is often met instead: a space for the T, slashes in the
 * date, no seconds, no zone, a date alone. */
static bool parse_rfc3339(struct cursor c, int64_t *ret_ms)
{
    struct civil t = {0};
    if (!take_digits(&c, 4, &t.year) || !take_char(&c, "-/") ||
        !take_digits(&c, 2, &t.month) || !take_char(&c, "-/") ||
        !take_digits(&c, 2, &t.day))
        return false;
    if (c.at < c.end) {
        if (!take_char(&c, "Tt ") || !take_clock(&c, &t))
            return false;
        take_char(&c, " ");
        if (!take_zone(&c, &t))
            return false;
    }
    return c.at == c.end && civil_to_ms(&t, ret_ms);
}

static bool take_month_name(struct cursor *c, int *ret_month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12 && c->end - c->at >= 3; i++) {
        if (strncmp(c->at, names + i * 3, 3) == 0) {
            *ret_month = i + 1;
            c->at += 3;
            return true;
        }
    }
    return false;
}

static bool parse_clf(struct cursor c, int64_t *ret_ms)
{
    struct civil t = {0};
    return take_digits(&c, 2, &t.day) && take_char(&c, "/") &&
           take_month_name(&c, &t.month) && take_char(&c, "/") &&
           take_digits(&c, 4, &t.year) && take_char(&c, ":") &&
           take_clock(&c, &t) && take_char(&c, " ") && take_zone(&c, &t) &&
           c.at == c.end && civil_to_ms(&t, ret_ms);
}

/* 9e15 ms is the year 287,396: far beyond use, far below overflow. */
static bool scale(double number, double ms_per_unit, int64_t *ret_ms)
{
    double ms = number * ms_per_unit;
    if (!(fabs(ms) < 9e15))
        return false;
    /* 1700000000.123 s is 1700000000122.9998 ms as a product of doubles. */
    *ret_ms = (int64_t)floor(ms + 1e-3);
    return true;
}

/* Each bound is the year 5138 in its own unit and 1973 in the next smaller
 * one, so that today's times are told apart with a wide margin. */
static double unit_of(double number)
{
    double size = fabs(number);
    if (size < 1e11)
        return 1e3;
    if (size < 1e14)
        return 1;
    return size < 1e17 ? 1e-3 : 1e-6;
}

static bool parse_pattern(const char *text, size_t len, const char *pattern,
                          int64_t *ret_ms)
{
    char copy[128];
    struct tm tm = {.tm_mday = 1, .tm_year = 70};
    if (len >= sizeof(copy))
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    const char *end = strptime(copy, pattern, &tm);
    if (!end || *end != '\0')
        return false;
    struct civil t = {.year = tm.tm_year + 1900,
                      .month = tm.tm_mon + 1,
                      .day = tm.tm_mday,
                      .hour = tm.tm_hour,
                      .minute = tm.tm_min,
                      .second = tm.tm_sec,
                      .zone_minutes = (int)(tm.tm_gmtoff / 60)};
    return civil_to_ms(&t, ret_ms);
}

bool cli_time_format_parse(const char *text, struct cli_time_format *ret)
{
    static const char *const names[] = {"auto", "rfc3339", "s",  "ms",
                                        "us",   "ns",      "clf"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = (struct cli_time_format){.kind = (enum cli_time_kind)i};
            return true;
        }
    }
    *ret = (struct cli_time_format){CLI_TIME_PATTERN, text};
    return strchr(text, '%') != NULL;
}

static bool parse_unix(const char *text, size_t len, enum cli_time_kind kind,
                       int64_t *ret_ms)
{
    static const double ms_per_unit[] = {[CLI_TIME_S] = 1e3,
                                         [CLI_TIME_MS] = 1,
                                         [CLI_TIME_US] = 1e-3,
                                         [CLI_TIME_NS] = 1e-6};
    double number;
    if (!cli_parse_number(text, len, &number))
        return false;
    return scale(number,
                 kind == CLI_TIME_AUTO ? unit_of(number) : ms_per_unit[kind],
                 ret_ms);
}

bool cli_parse_time_ms(const char *text, size_t len,
                       const struct cli_time_format *format, int64_t *ret_ms)
{
    struct cursor c = {text, text + len};
    switch (format->kind) {
    case CLI_TIME_PATTERN:
        return parse_pattern(text, len, format->pattern, ret_ms);
    case CLI_TIME_CLF:
        return parse_clf(c, ret_ms);
    case CLI_TIME_RFC3339:
        return parse_rfc3339(c, ret_ms);
    case CLI_TIME_AUTO:
        return parse_rfc3339(c, ret_ms) ||
               parse_unix(text, len, CLI_TIME_AUTO, ret_ms);
    default:
        return parse_unix(text, len, format->kind, ret_ms);
    }
}
