/* SPDX-License-Identifier: Apache-2.0 */
#include "view_job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "text.h"

static const struct {
    const char *in_schema, *name;
    enum cli_color color;
} states[] = {
    {"JOB_STATE_QUEUED", "queued", CLI_FAINT},
    {"JOB_STATE_RUNNING", "running", CLI_ACCENT},
    {"JOB_STATE_SUCCEEDED", "succeeded", CLI_GOOD},
    {"JOB_STATE_FAILED", "failed", CLI_BAD},
    {"JOB_STATE_CANCELLED", "cancelled", CLI_WARN},
    {"JOB_STATE_EXPIRED", "expired", CLI_WARN},
};

#define STATE_COUNT (sizeof(states) / sizeof(states[0]))

const char *cli_state_name(const char *state)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (strcmp(states[i].in_schema, state) == 0)
            return states[i].name;
    }
    return "unknown";
}

enum cli_color cli_state_color(const char *state)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (strcmp(states[i].in_schema, state) == 0)
            return states[i].color;
    }
    return CLI_PLAIN;
}

/* "name        text" with the text made harmless; empties text. */
static void add_line(struct cli_buf *buf, const struct cli_term *term,
                     const char *name, enum cli_color color,
                     struct cli_buf *text)
{
    struct cli_buf safe = {0};
    struct cli_buf label = {0};
    cli_buf_printf(&label, "%-10s", name);
    cli_text_add_safe(&safe, cli_buf_str(text), text->len, 0);
    cli_term_add(term, buf, CLI_FAINT, cli_buf_str(&label));
    cli_buf_text(buf, "  ");
    cli_term_add(term, buf, color, cli_buf_str(&safe));
    cli_buf_text(buf, "\n");
    cli_buf_reset(text);
    cli_buf_fini(&safe);
    cli_buf_fini(&label);
}

/* The line only when the text says anything. */
static void add_text_line(struct cli_buf *buf, const struct cli_term *term,
                          const char *name, const char *text)
{
    struct cli_buf copy = {0};
    if (*text) {
        cli_buf_text(&copy, text);
        add_line(buf, term, name, CLI_PLAIN, &copy);
    }
    cli_buf_fini(&copy);
}

static void add_map_line(struct cli_buf *buf, const struct cli_term *term,
                         const char *name, const json_t *map)
{
    struct cli_buf text = {0};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)map, key, value)
    {
        cli_buf_printf(&text, "%s%s=%s", text.len > 0 ? " " : "", key,
                       json_string_value(value));
    }
    if (text.len > 0)
        add_line(buf, term, name, CLI_PLAIN, &text);
    cli_buf_fini(&text);
}

/* A point in time and how long it is after another, where both are known. */
static void add_time_line(struct cli_buf *buf, const struct cli_term *term,
                          const char *name, int64_t time_ms, int64_t since_ms)
{
    struct cli_buf text = {0};
    if (time_ms == 0)
        return;
    cli_text_add_time(&text, time_ms, true);
    if (since_ms != 0 && time_ms >= since_ms) {
        cli_buf_text(&text, "  after ");
        cli_text_add_ms(&text, (double)(time_ms - since_ms));
    }
    add_line(buf, term, name, CLI_PLAIN, &text);
    cli_buf_fini(&text);
}

/* "120 of 200 rows"; nothing when nothing was reported. */
static void add_amount(struct cli_buf *buf, const json_t *progress)
{
    double done = cli_json_number(progress, "done");
    double total = cli_json_number(progress, "total");
    const char *unit = cli_json_text(progress, "unit");
    if (done == 0 && total == 0)
        return;
    cli_text_add_number(buf, done);
    if (total > 0) {
        cli_buf_text(buf, " of ");
        cli_text_add_number(buf, total);
    }
    if (*unit)
        cli_buf_printf(buf, " %s", unit);
}

static void add_progress_line(struct cli_buf *buf, const struct cli_term *term,
                              const json_t *progress)
{
    struct cli_buf text = {0};
    const char *message = cli_json_text(progress, "message");
    add_amount(&text, progress);
    if (*message)
        cli_buf_printf(&text, "%s%s", text.len > 0 ? "  " : "", message);
    if (text.len > 0)
        add_line(buf, term, "progress", CLI_PLAIN, &text);
    cli_buf_fini(&text);
}

static void add_state_line(struct cli_buf *buf, const struct cli_term *term,
                           const json_t *job)
{
    const char *state = cli_json_text(job, "state");
    struct cli_buf text = {0};
    cli_buf_text(&text, cli_state_name(state));
    if (cli_json_bool(job, "cancelRequested"))
        cli_buf_text(&text, ", cancel requested");
    if (cli_json_u64(job, "attempt") > 1)
        cli_buf_printf(&text, ", attempt %" PRIu64,
                       cli_json_u64(job, "attempt"));
    add_line(buf, term, "state", cli_state_color(state), &text);
    const char *message = cli_json_text(job, "error.message");
    if (*message) {
        cli_buf_text(&text, message);
        add_line(buf, term, "error", CLI_BAD, &text);
    }
    cli_buf_fini(&text);
}

static void add_output_line(struct cli_buf *buf, const struct cli_term *term,
                            const json_t *job)
{
    struct cli_buf text = {0};
    cli_text_add_bytes(&text, (double)cli_json_u64(job, "outputBytes"));
    if (*cli_json_text(job, "outputContentType"))
        cli_buf_printf(&text, ", %s", cli_json_text(job, "outputContentType"));
    cli_buf_printf(&text, ", %" PRIu64 " events",
                   cli_json_u64(job, "lastSequence"));
    add_line(buf, term, "output", CLI_PLAIN, &text);
    cli_buf_fini(&text);
}

void cli_view_job(struct cli_buf *buf, const struct cli_term *term,
                  const json_t *job)
{
    int64_t created_ms = cli_json_time_ms(job, "createTime");
    int64_t started_ms = cli_json_time_ms(job, "startTime");
    add_text_line(buf, term, "id", cli_json_text(job, "id"));
    add_text_line(buf, term, "kind", cli_json_text(job, "kind"));
    add_state_line(buf, term, job);
    add_progress_line(buf, term, cli_json_at(job, "progress"));
    add_time_line(buf, term, "created", created_ms, 0);
    add_time_line(buf, term, "started", started_ms, created_ms);
    add_time_line(buf, term, "ended", cli_json_time_ms(job, "endTime"),
                  started_ms);
    add_time_line(buf, term, "deadline", cli_json_time_ms(job, "deadline"), 0);
    add_output_line(buf, term, job);
    add_map_line(buf, term, "options", cli_json_at(job, "options"));
    add_map_line(buf, term, "labels", cli_json_at(job, "labels"));
    add_text_line(buf, term, "input", cli_json_text(job, "input.text"));
    add_text_line(buf, term, "input", cli_json_text(job, "input.data"));
}

/* "3 s", "12 min", "5 h", "2 d": one unit, for a column of ages. */
static void add_age(struct cli_buf *buf, int64_t age_ms)
{
    int64_t s = age_ms < 0 ? 0 : age_ms / 1000;
    if (s < 100)
        cli_buf_printf(buf, "%" PRId64 " s", s);
    else if (s < 6000)
        cli_buf_printf(buf, "%" PRId64 " min", s / 60);
    else if (s < 48 * 3600)
        cli_buf_printf(buf, "%" PRId64 " h", s / 3600);
    else
        cli_buf_printf(buf, "%" PRId64 " d", s / 86400);
}

static void add_job_row(struct cli_table *table, const json_t *job,
                        int64_t now_ms)
{
    const char *state = cli_json_text(job, "state");
    int64_t started_ms = cli_json_time_ms(job, "startTime");
    int64_t ended_ms = cli_json_time_ms(job, "endTime");
    struct cli_buf cell = {0};
    cli_table_cell(table, CLI_PLAIN, cli_json_text(job, "id"));
    cli_table_cell(table, CLI_PLAIN, cli_json_text(job, "kind"));
    cli_table_cell(table, cli_state_color(state), cli_state_name(state));
    add_age(&cell, now_ms - cli_json_time_ms(job, "createTime"));
    cli_table_take(table, CLI_PLAIN, &cell);
    if (started_ms != 0)
        cli_text_add_ms(
            &cell, (double)((ended_ms != 0 ? ended_ms : now_ms) - started_ms));
    cli_table_take(table, CLI_PLAIN, &cell);
    cli_text_add_bytes(&cell, (double)cli_json_u64(job, "outputBytes"));
    cli_table_take(table, CLI_PLAIN, &cell);
    if (*cli_json_text(job, "error.message"))
        cli_buf_text(&cell, cli_json_text(job, "error.message"));
    else
        add_amount(&cell, cli_json_at(job, "progress"));
    cli_table_take(table, CLI_FAINT, &cell);
    cli_buf_fini(&cell);
}

static void add_titles(struct cli_table *table, const char *const *titles)
{
    for (size_t i = 0; i < table->column_count; i++)
        cli_table_cell(table, CLI_FAINT, titles[i]);
}

void cli_view_jobs(struct cli_buf *buf, const struct cli_term *term,
                   const json_t *jobs, int64_t now_ms)
{
    static const char *const titles[] = {"ID",   "KIND",   "STATE",   "AGE",
                                         "TOOK", "OUTPUT", "PROGRESS"};
    struct cli_table table;
    size_t i;
    json_t *job;
    cli_table_init(&table, 7, 0x38);
    add_titles(&table, titles);
    json_array_foreach(jobs, i, job)
    {
        add_job_row(&table, job, now_ms);
    }
    cli_table_draw(&table, term, buf);
    cli_table_fini(&table);
}

void cli_view_progress(struct cli_buf *buf, const struct cli_term *term,
                       const json_t *job, int64_t elapsed_ms)
{
    const char *state = cli_json_text(job, "state");
    const json_t *progress = cli_json_at(job, "progress");
    double done = cli_json_number(progress, "done");
    double total = cli_json_number(progress, "total");
    const char *message = cli_json_text(progress, "message");
    struct cli_buf part = {0};
    cli_term_add(term, buf, cli_state_color(state), cli_state_name(state));
    cli_buf_text(buf, "  ");
    if (total > 0) {
        cli_draw_progress(&part, done / total, 24, term->unicode);
        cli_term_add(term, buf, CLI_ACCENT, cli_buf_str(&part));
        cli_buf_printf(buf, " %3.0f%%  ", done / total * 100);
        cli_buf_reset(&part);
    }
    add_amount(&part, progress);
    if (*message)
        cli_buf_printf(&part, "  %s", message);
    cli_text_add_safe(buf, cli_buf_str(&part), part.len, 60);
    cli_buf_text(buf, part.len > 0 ? "  " : "");
    cli_buf_reset(&part);
    int64_t shown_ms = elapsed_ms - elapsed_ms % 100;
    cli_text_add_ms(&part, (double)shown_ms);
    cli_term_add(term, buf, CLI_FAINT, cli_buf_str(&part));
    cli_buf_fini(&part);
}

static void add_stream_row(struct cli_table *table, const json_t *stream,
                           int64_t now_ms)
{
    struct cli_buf cell = {0};
    const json_t *windows = cli_json_at(stream, "config.windowSeconds");
    int64_t last_ms = cli_json_time_ms(stream, "lastEventTime");
    cli_table_cell(table, CLI_PLAIN, cli_json_text(stream, "config.name"));
    cli_text_add_count(&cell, cli_json_u64(stream, "count"));
    cli_table_take(table, CLI_PLAIN, &cell);
    cli_text_add_short(&cell, cli_json_number(stream, "rate"));
    cli_buf_text(&cell, "/s");
    cli_table_take(table, CLI_PLAIN, &cell);
    if (last_ms != 0) {
        add_age(&cell, now_ms - last_ms);
        cli_buf_text(&cell, " ago");
    }
    cli_table_take(table, CLI_PLAIN, &cell);
    cli_text_add_bytes(&cell, (double)cli_json_u64(stream, "memoryBytes"));
    cli_table_take(table, CLI_PLAIN, &cell);
    for (size_t i = 0; i < json_array_size(windows); i++) {
        cli_text_add_window(
            &cell, (uint32_t)json_integer_value(json_array_get(windows, i)));
        cli_buf_text(&cell, " ");
    }
    cli_buf_text(&cell, "all");
    cli_table_take(table, CLI_FAINT, &cell);
    cli_buf_fini(&cell);
}

void cli_view_streams(struct cli_buf *buf, const struct cli_term *term,
                      const json_t *streams, int64_t now_ms)
{
    static const char *const titles[] = {"STREAM", "EVENTS", "RATE",
                                         "LAST",   "MEMORY", "WINDOWS"};
    struct cli_table table;
    size_t i;
    json_t *stream;
    cli_table_init(&table, 6, 0x1E);
    add_titles(&table, titles);
    json_array_foreach(streams, i, stream)
    {
        add_stream_row(&table, stream, now_ms);
    }
    cli_table_draw(&table, term, buf);
    cli_table_fini(&table);
}

static void add_count_line(struct cli_buf *buf, const struct cli_term *term,
                           const char *name, uint64_t count)
{
    struct cli_buf text = {0};
    cli_text_add_count(&text, count);
    add_line(buf, term, name, CLI_PLAIN, &text);
    cli_buf_fini(&text);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void add_kind(struct cli_buf *text, const json_t *kind)
{
    uint64_t max = cli_json_u64(kind, "maxRunning");
    uint64_t workers = cli_json_u64(kind, "workers");
    cli_buf_printf(text, "%s, ", cli_json_text(kind, "kind"));
    if (cli_json_bool(kind, "builtIn"))
        cli_buf_printf(text, "built in");
    else
        cli_buf_printf(text, "%" PRIu64 " worker%s", workers, plural(workers));
    cli_buf_printf(text, ", %" PRIu64 " waiting, %" PRIu64 " running",
                   cli_json_u64(kind, "jobsWaiting"),
                   cli_json_u64(kind, "jobsRunning"));
    if (max > 0)
        cli_buf_printf(text, " of at most %" PRIu64, max);
}

static void add_store(struct cli_buf *buf, const struct cli_term *term,
                      const json_t *info)
{
    const json_t *store = cli_json_at(info, "storeInfo");
    struct cli_buf text = {0};
    cli_buf_printf(&text, "%s, epoch %s", cli_json_text(info, "store"),
                   cli_json_text(info, "epoch"));
    add_line(buf, term, "store", CLI_PLAIN, &text);
    cli_text_add_bytes(&text, (double)cli_json_u64(store, "bytes"));
    cli_buf_printf(&text, " of ");
    cli_text_add_bytes(&text, (double)cli_json_u64(store, "maxBytes"));
    cli_buf_printf(&text, ", ");
    cli_text_add_bytes(&text, (double)cli_json_u64(store, "diskBytes"));
    cli_buf_printf(&text, " on disk");
    add_line(buf, term, "kept", CLI_PLAIN, &text);
    const char *commit = cli_json_text(store, "lastCommit");
    cli_buf_printf(
        &text, "%s",
        strcmp(cli_json_text(store, "state"), "STORE_STATE_STALLED") == 0
            ? "stalled: "
            : "writable");
    cli_buf_printf(&text, "%s", cli_json_text(store, "error"));
    if (commit[0] != '\0')
        cli_buf_printf(&text, ", last commit took %.2f ms",
                       strtod(commit, NULL) * 1e3);
    add_line(buf, term, "writing", CLI_PLAIN, &text);
    cli_buf_fini(&text);
}

static void add_bytes(struct cli_buf *text, const json_t *limits,
                      const char *name, const char *what)
{
    cli_text_add_bytes(text, (double)cli_json_u64(limits, name));
    cli_buf_text(text, what);
}

static void add_count(struct cli_buf *text, const json_t *limits,
                      const char *name, const char *what)
{
    cli_text_add_count(text, cli_json_u64(limits, name));
    cli_buf_text(text, what);
}

/* Lines of what the connections share, of what is kept, and of what one request
 * may have. */
static void add_limits(struct cli_buf *buf, const struct cli_term *term,
                       const json_t *limits)
{
    struct cli_buf text = {0};
    add_bytes(&text, limits, "maxFrameBytes", " a frame, ");
    add_count(&text, limits, "maxStreams", " open calls a connection, ");
    add_count(&text, limits, "maxConnections", " connections");
    add_line(buf, term, "limits", CLI_PLAIN, &text);
    add_count(&text, limits, "maxJobs", " jobs, ");
    add_bytes(&text, limits, "maxJobOutputBytes", " of output each, ");
    add_count(&text, limits, "maxEventStreams", " streams");
    if (cli_json_at(limits, "maxStatsBytes") == NULL) {
        add_line(buf, term, "", CLI_PLAIN, &text);
        cli_buf_fini(&text);
        return;
    }
    cli_buf_text(&text, ", ");
    add_bytes(&text, limits, "maxStatsBytes", " of statistics");
    add_line(buf, term, "", CLI_PLAIN, &text);
    add_bytes(&text, limits, "maxJobInputBytes", " of input a job, ");
    add_count(&text, limits, "maxBatchEvents", " events a batch, ");
    add_count(&text, limits, "maxKeyBytes", " bytes a key");
    add_line(buf, term, "", CLI_PLAIN, &text);
    cli_buf_fini(&text);
}

void cli_view_info(struct cli_buf *buf, const struct cli_term *term,
                   const json_t *info, const char *address, int64_t now_ms)
{
    struct cli_buf text = {0};
    size_t i;
    json_t *kind;
    cli_buf_printf(&text, "%s, runneld %s%s", address,
                   cli_json_text(info, "version"),
                   cli_json_bool(info, "draining") ? ", draining" : "");
    add_line(buf, term, "core", CLI_STRONG, &text);
    cli_text_add_ms(&text,
                    (double)(now_ms - cli_json_time_ms(info, "startTime")));
    add_line(buf, term, "up", CLI_PLAIN, &text);
    add_store(buf, term, info);
    cli_buf_printf(
        &text, "%" PRIu64 " queued, %" PRIu64 " running, %" PRIu64 " stored",
        cli_json_u64(info, "jobsQueued"), cli_json_u64(info, "jobsRunning"),
        cli_json_u64(info, "jobsStored"));
    add_line(buf, term, "jobs", CLI_PLAIN, &text);
    add_count_line(buf, term, "streams", cli_json_u64(info, "eventStreams"));
    add_count_line(buf, term, "events", cli_json_u64(info, "eventsIngested"));
    uint64_t connections = cli_json_u64(info, "connections");
    uint64_t open = cli_json_u64(info, "streamsOpen");
    uint64_t calls = cli_json_u64(info, "calls");
    cli_buf_printf(&text,
                   "%" PRIu64 " connection%s, %" PRIu64 " open call%s, %" PRIu64
                   " call%s so far",
                   connections, plural(connections), open, plural(open), calls,
                   plural(calls));
    add_line(buf, term, "traffic", CLI_PLAIN, &text);
    if (cli_json_at(info, "limits") != NULL)
        add_limits(buf, term, cli_json_at(info, "limits"));
    json_array_foreach(cli_json_at(info, "kindInfos"), i, kind)
    {
        add_kind(&text, kind);
        add_line(buf, term, i == 0 ? "job kinds" : "", CLI_PLAIN, &text);
    }
    if (cli_json_text(info, "fairLabel")[0] != '\0') {
        cli_buf_printf(&text, "between the values of label %s",
                       cli_json_text(info, "fairLabel"));
        add_line(buf, term, "turns", CLI_PLAIN, &text);
    }
    cli_buf_fini(&text);
}
