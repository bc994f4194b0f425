/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kind "analyze": statistics of the rows of its input, as they converge:
 * a snapshot each time another share of the input was read, and a last one of
 * all rows. docs/jobs.md lists its options and the form of its output.
 *
 * The engine that serves event streams does the work, in a meter of the job's
 * own. Times of rows are not given to it: the figures of all rows do not
 * depend on them, and a file may be of any age and in any order. So an attempt
 * depends on the job alone, and can be done again after a restart (kind.h).
 */
#include "kind.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "columns.h"
#include "core.h"
#include "options.h"
#include "rows.h"
#include "stats_json.h"
#include "stats_message.h"
#include "timestamp.h"

#define NS_PER_MS 1000000

/* Rows of one slice: JSON takes 2 us each. */
#define ROWS_PER_SLICE 128

/* Bad rows that are shown; the rest is counted. */
#define BAD_SHOWN_MAX 20

struct options {
    const char *format;
    const char *fields[RNL_ROW_FIELD_COUNT];
    int64_t top;
    int64_t snapshots;
};

#define FIELD(text, row_field, low)                                          \
    {                                                                        \
        .name = text, .type = RNL_OPTION_TEXT,                               \
        .offset = offsetof(struct options, fields[row_field]), .min = (low), \
        .max = 256, .preset_text = ""                                        \
    }

static const struct rnl_option option_table[] = {
    {
        .name = "format",
        .type = RNL_OPTION_TEXT,
        .offset = offsetof(struct options, format),
        .max = 16,
        .preset_text = "",
    },
    FIELD("key", RNL_ROW_KEY, 1),
    FIELD("value", RNL_ROW_VALUE, 0),
    FIELD("latency", RNL_ROW_LATENCY, 0),
    FIELD("time", RNL_ROW_TIME, 0),
    {
        .name = "top",
        .type = RNL_OPTION_INT,
        .offset = offsetof(struct options, top),
        .min = 1,
        .max = RNL_METER_TOP_MAX,
        .preset = 10,
    },
    {
        .name = "snapshots",
        .type = RNL_OPTION_INT,
        .offset = offsetof(struct options, snapshots),
        .min = 1,
        .max = 100,
        .preset = 10,
    },
};

struct analysis {
    const struct rnl_work *work;
    struct options options;
    struct rnl_rows rows;
    struct rnl_columns columns;
    /* Whether the events collected have a value, and a latency. */
    bool has_value;
    bool has_latency;
    struct rnl_meter *meter;
    uint64_t row_count;
    uint64_t bad_count;
    int64_t first_ms;
    int64_t last_ms;
    bool has_time;
    int64_t snapshots_shown;
};

/* ---- options ---- */

struct format {
    const char *name;
    const char *content_type;
    enum rnl_rows_format format;
};

static const struct format formats[] = {
    {"csv", "text/csv", RNL_ROWS_CSV},
    {"tsv", "text/tab-separated-values", RNL_ROWS_TSV},
    {"ndjson", "application/x-ndjson", RNL_ROWS_NDJSON},
};

/* The one that is named, or else that of the content type, whose parameters do
 * not count. */
static const struct format *find_format(const struct rnl_work *work,
                                        const char *name)
{
    const char *type = work->input.content_type;
    size_t type_len = strcspn(type, "; ");
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        const char *own = formats[i].content_type;
        bool found = name[0] != '\0' ? strcmp(formats[i].name, name) == 0
                                     : strlen(own) == type_len &&
                                           memcmp(own, type, type_len) == 0;
        if (found)
            return &formats[i];
    }
    return NULL;
}

static enum rnl_code read_options(const struct rnl_work *work,
                                  struct options *options,
                                  struct rnl_field_error *error)
{
    return rnl_options_read(option_table,
                            sizeof(option_table) / sizeof(option_table[0]),
                            work->job, options, error);
}

static enum rnl_code analyze_validate(const struct rnl_work *work,
                                      struct rnl_field_error *error)
{
    struct options options;
    enum rnl_code code = read_options(work, &options, error);
    if (code != RNL_OK)
        return code;
    if (options.fields[RNL_ROW_KEY][0] == '\0')
        return rnl_field_error_set(
            error, "options.key",
            "must name the column (CSV, TSV) or member (NDJSON) of the key");
    if (find_format(work, options.format) == NULL)
        return rnl_field_error_set(
            error, "options.format",
            "must be csv, tsv or ndjson, unless the input's content type says "
            "it: text/csv, text/tab-separated-values, application/x-ndjson");
    if (work->input.len == 0)
        return rnl_field_error_set(error, "input", "must have rows");
    return RNL_OK;
}

/* ---- life ---- */

/* No figure of all rows depends on it, and an attempt that is done again comes
 * to the same bytes. */
static int64_t clock_ms(const struct analysis *analysis)
{
    return rnl_timestamp_ns(analysis->work->job->create_time) / NS_PER_MS;
}

static void analyze_destroy(void *state)
{
    struct analysis *analysis = state;
    rnl_rows_fini(&analysis->rows);
    rnl_meter_destroy(analysis->meter);
    rnl_free(analysis);
}

static enum rnl_code create_meter(struct analysis *analysis)
{
    /* The least that a meter can have: only all time is asked for. */
    struct rnl_meter_config config = {
        .window_seconds = {1},
        .window_count = 1,
        .top_capacity = (uint32_t)analysis->options.top,
    };
    struct rnl_meter_fault fault;
    enum rnl_code code = rnl_meter_config_check(&config, &fault);
    if (code != RNL_OK)
        return code;
    return rnl_meter_create(&config, clock_ms(analysis), &analysis->meter);
}

static void init_rows(struct analysis *analysis, const struct format *format)
{
    struct rnl_rows *rows = &analysis->rows;
    rnl_rows_init(rows, format->format, analysis->work->input.data,
                  analysis->work->input.len);
    for (int i = 0; i < RNL_ROW_FIELD_COUNT; i++) {
        const char *field = analysis->options.fields[i];
        rows->fields[i] = field;
        rows->required[i] = field[0] != '\0';
    }
}

static enum rnl_code analyze_create(const struct rnl_work *work,
                                    void **ret_state)
{
    struct rnl_field_error error;
    struct analysis *analysis = rnl_calloc(1, sizeof(*analysis));
    if (analysis == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    analysis->work = work;
    enum rnl_code code = read_options(work, &analysis->options, &error);
    if (code == RNL_OK)
        code = create_meter(analysis);
    if (code != RNL_OK) {
        rnl_free(analysis);
        return code;
    }
    rnl_columns_reset(&analysis->columns);
    init_rows(analysis, find_format(work, analysis->options.format));
    *ret_state = analysis;
    return RNL_OK;
}

/* ---- rows ---- */

static enum rnl_code flush(struct analysis *analysis)
{
    struct rnl_columns *columns = &analysis->columns;
    struct rnl_meter_batch batch;
    struct rnl_meter_taken taken;
    struct rnl_meter_fault fault;
    if (columns->count == 0)
        return RNL_OK;
    rnl_columns_batch(columns, &batch);
    if (!analysis->has_value)
        batch.values = NULL;
    if (!analysis->has_latency)
        batch.latencies_ms = NULL;
    enum rnl_code code = rnl_meter_ingest(analysis->meter, &batch,
                                          clock_ms(analysis), &taken, &fault);
    rnl_columns_reset(columns);
    return code;
}

static void note_time(struct analysis *analysis, const struct rnl_row *row)
{
    if (!row->has_time)
        return;
    if (!analysis->has_time || row->time_ms < analysis->first_ms)
        analysis->first_ms = row->time_ms;
    if (!analysis->has_time || row->time_ms > analysis->last_ms)
        analysis->last_ms = row->time_ms;
    analysis->has_time = true;
}

/* Rows with and without a value do not go into one batch. */
static enum rnl_code take_row(struct analysis *analysis,
                              const struct rnl_row *row)
{
    struct rnl_column_event event = {
        .key = row->key,
        .key_len = row->key_len,
        .value = row->value,
        .latency_ms = row->latency_ms,
    };
    bool same = row->has_value == analysis->has_value &&
                row->has_latency == analysis->has_latency;
    analysis->row_count++;
    note_time(analysis, row);
    if (same && rnl_columns_add(&analysis->columns, &event))
        return RNL_OK;
    enum rnl_code code = flush(analysis);
    analysis->has_value = row->has_value;
    analysis->has_latency = row->has_latency;
    /* An empty one has room for any event. */
    (void)!rnl_columns_add(&analysis->columns, &event);
    return code;
}

static enum rnl_code report_bad(struct analysis *analysis, struct rnl_run *run)
{
    if (++analysis->bad_count > BAD_SHOWN_MAX)
        return RNL_OK;
    return rnl_run_log(run, "line %" PRIu64 ": %s; row skipped",
                       analysis->rows.line, analysis->rows.error);
}

/* ---- output ---- */

static void write_head(const struct analysis *analysis, bool final,
                       struct rnl_text_buf *text)
{
    rnl_text_buf_printf(
        text,
        "{\"final\":%s,\"rows\":\"%" PRIu64 "\",\"badRows\":\"%" PRIu64 "\"",
        final ? "true" : "false", analysis->row_count, analysis->bad_count);
    if (analysis->has_time)
        rnl_text_buf_printf(text,
                            ",\"firstTimeMs\":\"%" PRId64
                            "\",\"lastTimeMs\":\"%" PRId64 "\"",
                            analysis->first_ms, analysis->last_ms);
    rnl_text_buf_printf(text, ",\"stats\":");
}

static enum rnl_code write_stats(struct analysis *analysis,
                                 struct rnl_text_buf *text)
{
    int64_t wall_ms = clock_ms(analysis);
    struct rnl_stats_subject subject = {
        .stream = "",
        .top = (uint32_t)analysis->options.top,
    };
    struct rnl_meter_view *view;
    struct rnl_stats_message message;
    enum rnl_code code =
        rnl_meter_view_create(analysis->meter, 0, wall_ms, &view);
    if (code != RNL_OK)
        return code;
    code = rnl_stats_message_fill(&message, view, &subject);
    if (code == RNL_OK) {
        rnl_stats_json(&message.stats, text);
        rnl_stats_message_fini(&message);
    }
    rnl_meter_view_destroy(view);
    return code;
}

static enum rnl_code show(struct analysis *analysis, struct rnl_run *run,
                          bool final)
{
    struct rnl_text_buf text = {0};
    enum rnl_code code = flush(analysis);
    if (code == RNL_OK) {
        write_head(analysis, final, &text);
        code = write_stats(analysis, &text);
        rnl_text_buf_printf(&text, "}\n");
    }
    if (text.failed)
        code = RNL_RESOURCE_EXHAUSTED;
    if (code == RNL_OK)
        code = rnl_run_output(run, text.data, text.len);
    rnl_text_buf_fini(&text);
    if (code == RNL_OK)
        code = rnl_run_progress(run, (double)analysis->rows.pos,
                                (double)analysis->rows.len, "bytes");
    return code;
}

/* Shows a snapshot when another share of the input was read. */
static enum rnl_code show_due(struct analysis *analysis, struct rnl_run *run)
{
    double share = (double)analysis->rows.pos / (double)analysis->rows.len;
    int64_t due = (int64_t)(share * (double)analysis->options.snapshots);
    if (due <= analysis->snapshots_shown || due >= analysis->options.snapshots)
        return RNL_OK;
    analysis->snapshots_shown = due;
    return show(analysis, run, false);
}

static enum rnl_code show_end(struct analysis *analysis, struct rnl_run *run)
{
    if (analysis->bad_count > BAD_SHOWN_MAX) {
        enum rnl_code code = rnl_run_log(
            run, "%" PRIu64 " rows were skipped; the first %d are shown above",
            analysis->bad_count, BAD_SHOWN_MAX);
        if (code != RNL_OK)
            return code;
    }
    return show(analysis, run, true);
}

/* ---- the kind ---- */

/* Reads a row. False: the step is decided. */
static bool read_row(struct analysis *analysis, struct rnl_run *run,
                     struct rnl_step *step)
{
    struct rnl_row row;
    enum rnl_code code = RNL_OK;
    switch (rnl_rows_next(&analysis->rows, &row)) {
    case RNL_ROWS_ROW:
        code = take_row(analysis, &row);
        break;
    case RNL_ROWS_BAD:
        code = report_bad(analysis, run);
        break;
    case RNL_ROWS_NONE:
        return true;
    case RNL_ROWS_END:
        code = show_end(analysis, run);
        step->kind = RNL_STEP_DONE;
        break;
    case RNL_ROWS_FATAL:
        rnl_step_fail(step, RNL_INVALID_ARGUMENT, "line %" PRIu64 ": %s",
                      analysis->rows.line, analysis->rows.error);
        return false;
    case RNL_ROWS_NO_MEMORY:
        code = RNL_RESOURCE_EXHAUSTED;
        break;
    }
    if (code != RNL_OK)
        rnl_step_fail_full(step);
    return step->kind == RNL_STEP_AGAIN;
}

static void analyze_step(void *state, struct rnl_run *run,
                         struct rnl_step *ret_step)
{
    struct analysis *analysis = state;
    for (int i = 0; i < ROWS_PER_SLICE; i++)
        if (!read_row(analysis, run, ret_step))
            return;
    if (show_due(analysis, run) != RNL_OK)
        rnl_step_fail_full(ret_step);
}

const struct rnl_kind rnl_kind_analyze = {
    .name = "analyze",
    .output_content_type = "application/x-ndjson",
    .validate = analyze_validate,
    .create = analyze_create,
    .step = analyze_step,
    .destroy = analyze_destroy,
};
