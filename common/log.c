/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static enum rnl_log_level level_min = RNL_LOG_INFO;

struct line {
    char *text;
    size_t len;
};

/* Keeps a byte of room for the newline. */
static void put_byte(struct line *line, char byte)
{
    if (line->len < RNL_LOG_LINE_MAX - 1)
        line->text[line->len++] = byte;
}

static void put_text(struct line *line, const char *text)
{
    while (*text != '\0')
        put_byte(line, *text++);
}

static bool is_plain(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte <= ' ' || byte == '"' || byte == '=' || byte == '\\' ||
            byte == 0x7f)
            return false;
    }
    return true;
}

static void put_escaped(struct line *line, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    if (byte == '"' || byte == '\\') {
        put_byte(line, '\\');
        put_byte(line, (char)byte);
    } else if (byte == '\n') {
        put_text(line, "\\n");
    } else if (byte < ' ' || byte == 0x7f) {
        put_text(line, "\\x");
        put_byte(line, hex[byte >> 4]);
        put_byte(line, hex[byte & 15]);
    } else {
        put_byte(line, (char)byte);
    }
}

static void put_value(struct line *line, const char *text)
{
    if (is_plain(text)) {
        put_text(line, text);
        return;
    }
    put_byte(line, '"');
    for (; *text != '\0'; text++)
        put_escaped(line, (unsigned char)*text);
    put_byte(line, '"');
}

static void put_time(struct line *line, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    char text[64];
    size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + len, sizeof(text) - len, ".%03dZ ", (int)(wall_ms % 1000));
    put_text(line, text);
}

size_t rnl_log_format(char text[RNL_LOG_LINE_MAX], enum rnl_log_level level,
                      int64_t wall_ms, const struct rnl_log_field *fields)
{
    struct line line = {text, 0};
    put_time(&line, wall_ms);
    put_text(&line, level_names[level]);
    for (; fields->key != NULL; fields++) {
        put_byte(&line, ' ');
        put_text(&line, fields->key);
        put_byte(&line, '=');
        if (fields->text != NULL) {
            put_value(&line, fields->text);
        } else {
            char number[24];
            snprintf(number, sizeof(number), "%" PRId64, fields->number);
            put_text(&line, number);
        }
    }
    text[line.len++] = '\n';
    return line.len;
}

void rnl_log_write(enum rnl_log_level level, const struct rnl_log_field *fields)
{
    if (level < level_min)
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t wall_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    char line[RNL_LOG_LINE_MAX];
    size_t len = rnl_log_format(line, level, wall_ms, fields);
    /* A log that cannot be written must not stop the program. */
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
}

void rnl_log_set_level(enum rnl_log_level level)
{
    level_min = level;
}

bool rnl_log_level_parse(const char *text, enum rnl_log_level *ret_level)
{
    for (int i = RNL_LOG_DEBUG; i <= RNL_LOG_ERROR; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret_level = (enum rnl_log_level)i;
            return true;
        }
    }
    return false;
}
