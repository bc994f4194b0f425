/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core.h"
#include "text.h"
#include "view_job.h"

/* The progress line is redrawn this often, for its clock. */
#define TICK_MS 200

struct follow {
    struct cli_context *context;
    struct cli_screen screen;
    const char *job_id;
    /* State and Progress as a Job has them, for the progress line. */
    json_t *job;
    int64_t start_ms;
    uint64_t last_sequence;
    uint64_t output_bytes;
    /* The last output byte was a line end, or there was none. */
    bool at_line_start;
    bool reconnecting;
    bool ended;
    int status;
};

static bool live(const struct follow *f)
{
    const struct cli_context *context = f->context;
    return context->err.is_tty && !context->quiet && !context->json;
}

/* A line of output that is not finished on the same terminal is left alone. */
static void draw(struct follow *f)
{
    struct cli_buf line = {0};
    if (!live(f) || (f->context->out.is_tty && !f->at_line_start))
        return;
    if (f->reconnecting)
        cli_term_add(&f->context->err, &line, CLI_WARN, "reconnecting…  ");
    cli_view_progress(&line, &f->context->err, f->job,
                      cli_now_ms() - f->start_ms);
    cli_screen_show(&f->screen, &line);
    cli_buf_fini(&line);
}

static void clear(struct follow *f)
{
    if (live(f))
        cli_screen_clear(&f->screen);
}

static bool write_output(struct follow *f, const struct cli_job_event *event)
{
    clear(f);
    f->output_bytes += event->len;
    if (event->len > 0)
        f->at_line_start = event->data[event->len - 1] == '\n';
    return cli_write_out(f->context, event->data, event->len);
}

static void write_log(struct follow *f, const struct cli_job_event *event)
{
    struct cli_buf line = {0};
    if (f->context->quiet)
        return;
    clear(f);
    cli_term_add(&f->context->err, &line, CLI_FAINT, "log  ");
    cli_text_add_safe(&line, event->data, event->len, 0);
    fprintf(stderr, "%s\n", cli_buf_str(&line));
    cli_buf_fini(&line);
}

static int status_of(const char *state)
{
    if (strcmp(state, "JOB_STATE_SUCCEEDED") == 0)
        return CLI_EXIT_OK;
    if (strcmp(state, "JOB_STATE_FAILED") == 0)
        return CLI_EXIT_JOB_FAILED;
    return CLI_EXIT_JOB_CANCELLED;
}

/* The last line: how it ended, after how long, with how much output. */
static void tell_end(struct follow *f, const char *state)
{
    struct cli_buf line = {0};
    const char *message = cli_json_text(f->job, "error.message");
    clear(f);
    if (f->context->out.is_tty && !f->at_line_start)
        fputs("\n", stderr);
    cli_buf_printf(&line, "%s after ", cli_state_name(state));
    cli_text_add_ms(&line, (double)(cli_now_ms() - f->start_ms));
    cli_buf_text(&line, ", ");
    cli_text_add_bytes(&line, (double)f->output_bytes);
    if (*message)
        cli_buf_printf(&line, ": %s", message);
    cli_note(f->context, "%s", cli_buf_str(&line));
    cli_buf_fini(&line);
}

/* It will be tried again, and says why. */
static void tell_attempt(struct follow *f, const json_t *change)
{
    const json_t *attempt = cli_json_at(change, "attempt");
    clear(f);
    cli_note(f->context, "attempt %lld failed: %s",
             (long long)json_integer_value(attempt),
             cli_json_text(change, "error.message"));
}

static void take_state(struct follow *f, const json_t *change)
{
    const char *state = cli_json_text(change, "state");
    cli_json_set_text(f->job, "state", state);
    const json_t *error = cli_json_at(change, "error");
    if (error)
        cli_json_set(f->job, "error", json_incref((json_t *)error));
    else
        json_object_del(f->job, "error"); /* That of an earlier attempt. */
    if (strcmp(state, "JOB_STATE_QUEUED") == 0 && error && !f->context->json)
        tell_attempt(f, change);
    if (strcmp(state, "JOB_STATE_QUEUED") == 0 ||
        strcmp(state, "JOB_STATE_RUNNING") == 0)
        return;
    f->ended = true;
    f->status = status_of(state);
    if (!f->context->json)
        tell_end(f, state);
}

static bool on_event(void *arg, const struct cli_job_event *event)
{
    struct follow *f = arg;
    bool ok = true;
    f->last_sequence = event->sequence;
    if (f->context->json)
        cli_print_json(cli_job_event_json(event));
    else if (event->kind == CLI_EVENT_DELTA)
        ok = write_output(f, event);
    else if (event->kind == CLI_EVENT_LOG)
        write_log(f, event);
    if (event->kind == CLI_EVENT_PROGRESS)
        cli_json_set(f->job, "progress", json_incref((json_t *)event->detail));
    if (event->kind == CLI_EVENT_STATE)
        take_state(f, event->detail);
    if (!f->ended)
        draw(f);
    return ok;
}

static void on_connection(void *arg, bool connected)
{
    struct follow *f = arg;
    if (!live(f) && f->reconnecting == connected)
        cli_note(f->context, connected ? "connected again"
                                       : "connection lost; reconnecting");
    f->reconnecting = !connected;
    draw(f);
}

static void on_tick(void *arg)
{
    draw(arg);
}

static int watch(struct follow *f, uint64_t after_sequence)
{
    struct cli_job_watch watch = {.job_id = f->job_id,
                                  .after_sequence = after_sequence,
                                  .on_event = on_event,
                                  .on_connection = on_connection,
                                  .on_tick = on_tick,
                                  .tick_ms = live(f) ? TICK_MS : 0,
                                  .arg = f};
    cli_interrupt_catch();
    int status = cli_core_watch_job(f->context, &watch);
    clear(f);
    cli_screen_end(&f->screen);
    if (status == CLI_EXIT_INTERRUPTED)
        cli_note(f->context,
                 "the job goes on; to resume: runnel job watch %s --after "
                 "%" PRIu64,
                 f->job_id, f->last_sequence);
    return status == CLI_EXIT_OK ? f->status : status;
}

int cli_follow_job(struct cli_context *context, const char *job_id,
                   uint64_t after_sequence)
{
    struct follow f = {.context = context,
                       .screen = {.term = &context->err},
                       .job_id = job_id,
                       .job = cli_json_object(),
                       .start_ms = cli_now_ms(),
                       .last_sequence = after_sequence,
                       .at_line_start = true,
                       .status = CLI_EXIT_OK};
    cli_json_set_text(f.job, "state", "JOB_STATE_QUEUED");
    int status = watch(&f, after_sequence);
    json_decref(f.job);
    return status;
}
