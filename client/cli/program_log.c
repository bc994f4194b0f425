/* SPDX-License-Identifier: Apache-2.0 */
#include "program_log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

static const char prefix[] = "::progress ";
static const char retry_prefix[] = "::retry-after ";

static bool read_number(const char **at, double *ret_number)
{
    char *end;
    *ret_number = strtod(*at, &end);
    if (end == *at || !isfinite(*ret_number) || *ret_number < 0)
        return false;
    *at = end;
    return true;
}

bool cli_progress_parse(char *line, struct rnl_progress *ret_progress)
{
    struct rnl_progress progress = {.unit = "", .message = ""};
    const char *from = line + sizeof(prefix) - 1;
    if (strncmp(line, prefix, sizeof(prefix) - 1) != 0 ||
        !read_number(&from, &progress.done))
        return false;
    if (*from == '/') {
        from++;
        if (!read_number(&from, &progress.total))
            return false;
    }
    char *at = line + (from - line);
    if (*at != ' ' && *at != '\0')
        return false;
    if (*at == ' ') {
        progress.unit = at + 1;
        at += 1 + strcspn(at + 1, " ");
        if (*at == ' ') {
            *at = '\0';
            progress.message = at + 1;
        }
    }
    *ret_progress = progress;
    return true;
}

bool cli_retry_after_parse(const char *line, int64_t *ret_ms)
{
    const char *at = line + sizeof(retry_prefix) - 1;
    double seconds;
    if (strncmp(line, retry_prefix, sizeof(retry_prefix) - 1) != 0 ||
        !read_number(&at, &seconds) || *at != '\0' ||
        seconds > (double)RNL_RETRY_DELAY_MS_MAX / 1000)
        return false;
    *ret_ms = (int64_t)ceil(seconds * 1000);
    return true;
}

/* The log is UTF-8; a line that is not keeps its ASCII. */
static void clean(char *line, size_t len)
{
    bool valid = rnl_utf8_valid((const uint8_t *)line, len);
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\0' || (!valid && (line[i] & 0x80) != 0))
            line[i] = '?';
    }
}

/* A cut inside of a character leaves none of it. */
static void keep_last(struct cli_program_log *log)
{
    size_t len = log->len;
    if (len >= sizeof(log->last))
        len = rnl_utf8_cut(log->line, len, sizeof(log->last) - 1);
    memcpy(log->last, log->line, len);
    log->last[len] = '\0';
}

static bool is_progress(const struct cli_program_log *log, char *copy,
                        struct rnl_progress *ret_progress)
{
    if (strncmp(log->line, prefix, sizeof(prefix) - 1) != 0)
        return false;
    memcpy(copy, log->line, log->len + 1);
    return cli_progress_parse(copy, ret_progress);
}

/* Empties the line, if it could be reported. */
static enum rnl_code report_line(struct cli_program_log *log,
                                 struct rnl_work *work)
{
    struct rnl_progress progress;
    char copy[sizeof(log->line)];
    enum rnl_code code = RNL_OK;
    if (log->len > 0 && log->line[log->len - 1] == '\r')
        log->len--;
    clean(log->line, log->len);
    log->line[log->len] = '\0';
    if (is_progress(log, copy, &progress)) {
        code = rnl_work_progress(work, &progress);
    } else if (cli_retry_after_parse(log->line, &log->retry_after_ms)) {
        log->has_retry_after = true;
    } else if (log->len > 0) {
        keep_last(log);
        code = rnl_work_log(work, log->line);
    }
    if (code == RNL_OK)
        log->len = 0;
    return code;
}

/* A line that is full goes in whole characters; the rest begins the next. */
static enum rnl_code report_full(struct cli_program_log *log,
                                 struct rnl_work *work)
{
    char rest[4];
    size_t len = rnl_utf8_cut(log->line, log->len, CLI_LOG_LINE_MAX - 1);
    size_t rest_len = log->len - len;
    memcpy(rest, log->line + len, rest_len);
    log->len = len;
    enum rnl_code code = report_line(log, work);
    if (code == RNL_OK) {
        memcpy(log->line, rest, rest_len);
        log->len = rest_len;
    }
    return code;
}

_Static_assert(CLI_LOG_LINE_MAX > 8, "a cut leaves at most four bytes");

bool cli_program_log_empty(const struct cli_program_log *log)
{
    return log->in_at == log->in_len;
}

enum rnl_code cli_program_log_report(struct cli_program_log *log,
                                     struct rnl_work *work, bool flush)
{
    enum rnl_code code = RNL_OK;
    while (code == RNL_OK && log->in_at < log->in_len &&
           rnl_work_writable(work)) {
        char byte = log->in[log->in_at++];
        if (byte == '\n') {
            code = report_line(log, work);
            continue;
        }
        log->line[log->len++] = byte;
        if (log->len == CLI_LOG_LINE_MAX)
            code = report_full(log, work);
    }
    if (code == RNL_OK && flush && cli_program_log_empty(log) && log->len > 0 &&
        rnl_work_writable(work))
        code = report_line(log, work);
    return code;
}
