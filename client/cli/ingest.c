/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"
#include "view_ingest.h"

/* Some ten thousand rows: the cost of a system call is spread over many, and
 * the connection is served often enough. */
#define CHUNK_LEN ((size_t)256 * 1024)

/* A short ingest needs no bar. */
#define PROGRESS_AFTER_MS 300
#define PROGRESS_EVERY_MS 100

/* Events a second are measured over this time. */
#define RATE_MS 1000

/* A file of the wrong format has a million bad lines; the first ones tell. */
#define BAD_LINES_SHOWN 5

struct ingest {
    struct cli_context *context;
    const struct cli_ingest_options *options;
    struct cli_sink *sink;
    struct cli_reader *reader;
    struct cli_screen screen;
    struct cli_ingest_view view;
    /* Of the file being read; NULL for stdin. */
    const char *path;
    char *chunk;
    json_t *bad_lines;
    int64_t start_ms;
    int64_t draw_at_ms;
    int64_t rate_from_ms;
    uint64_t rate_from_events;
    /* After Ctrl-C: when waiting for acknowledgements ends. 0: not yet. */
    int64_t give_up_at_ms;
    bool reconnecting;
    bool refused;
    /* Ended by a signal with input left. */
    bool cut_short;
};

/* --- telling --- */

static bool live(const struct ingest *in)
{
    const struct cli_context *context = in->context;
    return context->err.is_tty && !context->quiet && !context->json;
}

static void clear(struct ingest *in)
{
    if (live(in))
        cli_screen_clear(&in->screen);
}

static void measure(struct ingest *in, int64_t now_ms)
{
    int64_t span_ms = now_ms - in->rate_from_ms;
    in->view.elapsed_ms = now_ms - in->start_ms;
    in->view.reconnecting = in->reconnecting;
    if (span_ms < RATE_MS && in->view.rate > 0)
        return;
    in->view.rate = (double)(in->view.events - in->rate_from_events) * 1000 /
                    (double)(span_ms > 0 ? span_ms : 1);
    if (span_ms < RATE_MS)
        return;
    in->rate_from_ms = now_ms;
    in->rate_from_events = in->view.events;
}

static void draw(struct ingest *in)
{
    struct cli_buf line = {0};
    int64_t now_ms = cli_now_ms();
    if (!live(in) || now_ms < in->draw_at_ms)
        return;
    in->draw_at_ms = now_ms + PROGRESS_EVERY_MS;
    measure(in, now_ms);
    cli_view_ingest_progress(&line, &in->context->err, &in->view);
    cli_screen_show(&in->screen, &line);
    cli_buf_fini(&line);
}

/* On a terminal the progress line tells of a lost connection. */
static void watch_connection(struct ingest *in)
{
    bool reconnecting = cli_sink_reconnecting(in->sink);
    if (reconnecting == in->reconnecting)
        return;
    in->reconnecting = reconnecting;
    if (!live(in))
        cli_note(in->context, reconnecting ? "connection lost; reconnecting"
                                           : "connected again");
}

/* Once for each time that the core stops to take events. */
static void watch_refusal(struct ingest *in)
{
    const char *refusal = cli_sink_refusal(in->sink);
    bool refused = refusal != NULL;
    if (refused == in->refused)
        return;
    in->refused = refused;
    clear(in);
    if (refused)
        cli_note(in->context, "the core takes nothing for now: %s", refusal);
    else
        cli_note(in->context, "the core takes events again");
}

/* "access.log line 3", "line 3" of stdin. */
static void add_place(const struct ingest *in, struct cli_buf *buf)
{
    if (in->path)
        cli_buf_printf(buf, "%s ", in->path);
    cli_buf_printf(buf, "line %" PRIu64, cli_reader_line(in->reader));
}

static void remember_bad_line(struct ingest *in)
{
    json_t *entry = cli_json_object();
    if (in->path)
        cli_json_set_text(entry, "file", in->path);
    cli_json_set_u64(entry, "line", cli_reader_line(in->reader));
    cli_json_set_text(entry, "error", cli_reader_error(in->reader));
    json_array_append_new(in->bad_lines, entry);
}

static int take_bad_line(struct ingest *in)
{
    struct cli_buf place = {0};
    in->view.skipped++;
    if (in->view.skipped > BAD_LINES_SHOWN && !in->options->strict)
        return CLI_EXIT_OK;
    clear(in);
    remember_bad_line(in);
    add_place(in, &place);
    if (in->options->strict)
        cli_error(in->context, "%s: %s", cli_buf_str(&place),
                  cli_reader_error(in->reader));
    else
        cli_note(in->context, "%s skipped: %s%s", cli_buf_str(&place),
                 cli_reader_error(in->reader),
                 in->view.skipped == BAD_LINES_SHOWN
                     ? "; further ones are only counted"
                     : "");
    cli_buf_fini(&place);
    return in->options->strict ? CLI_EXIT_ERROR : CLI_EXIT_OK;
}

static int tell_fatal(struct ingest *in)
{
    clear(in);
    if (in->path)
        cli_error(in->context, "%s: %s", in->path,
                  cli_reader_error(in->reader));
    else
        cli_error(in->context, "%s", cli_reader_error(in->reader));
    return CLI_EXIT_ERROR;
}

/* --- waiting --- */

/* What was read is still sent after Ctrl-C, but not for ever. */
static int check_patience(struct ingest *in)
{
    int64_t patience_ms = in->context->timeout_ms;
    if (!cli_interrupted() || patience_ms == 0)
        return CLI_EXIT_OK;
    int64_t now_ms = cli_now_ms();
    if (in->give_up_at_ms == 0)
        in->give_up_at_ms = now_ms + patience_ms;
    if (now_ms < in->give_up_at_ms)
        return CLI_EXIT_OK;
    clear(in);
    const char *refusal = cli_sink_refusal(in->sink);
    cli_error(in->context,
              "the core has not taken everything that was read%s%s",
              refusal ? ": " : "", refusal ? refusal : "");
    return refusal ? CLI_EXIT_ERROR : CLI_EXIT_UNREACHABLE;
}

static int64_t wait_ms(const struct ingest *in)
{
    if (!live(in) && in->give_up_at_ms == 0)
        return -1;
    return PROGRESS_EVERY_MS;
}

/* Serves the connection and waits for something to happen there, for input,
 * or for the next time that the progress is drawn. */
static int turn(struct ingest *in, int input_fd, bool *ret_readable)
{
    draw(in);
    int status = cli_sink_wait(in->sink, input_fd, wait_ms(in), ret_readable);
    if (status == CLI_EXIT_OK)
        status = check_patience(in);
    watch_connection(in);
    watch_refusal(in);
    return status;
}

static int wait_for_room(struct ingest *in)
{
    int status = CLI_EXIT_OK;
    bool readable;
    while (status == CLI_EXIT_OK && cli_sink_full(in->sink))
        status = turn(in, -1, &readable);
    return status;
}

static int drain(struct ingest *in)
{
    bool readable;
    int status = cli_sink_flush(in->sink);
    while (status == CLI_EXIT_OK && !cli_sink_drained(in->sink))
        status = turn(in, -1, &readable);
    return status;
}

/* --- reading --- */

static int take_record(struct ingest *in, const struct cli_record *record)
{
    int status = CLI_EXIT_OK;
    if (cli_sink_full(in->sink))
        status = wait_for_room(in);
    if (status != CLI_EXIT_OK)
        return status;
    in->view.events++;
    in->view.without_value += !record->has_value;
    in->view.without_latency += !record->has_latency;
    return cli_sink_add(in->sink, record);
}

static int take(struct ingest *in, enum cli_read what,
                const struct cli_record *record)
{
    switch (what) {
    case CLI_READ_RECORD:
        return take_record(in, record);
    case CLI_READ_BAD:
        return take_bad_line(in);
    case CLI_READ_FATAL:
        return tell_fatal(in);
    case CLI_READ_MORE:
        break;
    }
    return CLI_EXIT_OK;
}

static int feed(struct ingest *in, size_t len)
{
    struct cli_record record;
    int status = CLI_EXIT_OK;
    for (size_t at = 0, used; at < len && status == CLI_EXIT_OK; at += used) {
        enum cli_read what = cli_reader_feed(in->reader, in->chunk + at,
                                             len - at, &used, &record);
        status = take(in, what, &record);
    }
    in->view.bytes += len;
    return status;
}

/* The last line may have no end. */
static int feed_end(struct ingest *in)
{
    struct cli_record record;
    int status = CLI_EXIT_OK;
    enum cli_read what;
    do {
        what = cli_reader_finish(in->reader, &record);
        status = take(in, what, &record);
    } while (what != CLI_READ_MORE && status == CLI_EXIT_OK);
    return status;
}

static int read_error(struct ingest *in)
{
    clear(in);
    cli_error(in->context, "%s: %s", in->path ? in->path : "stdin",
              strerror(errno));
    return CLI_EXIT_ERROR;
}

/* Reads to the end or a signal. A line that a signal cuts is not sent: its
 * last field may be half there. */
static int read_all(struct ingest *in, int fd)
{
    bool readable;
    for (;;) {
        int status = turn(in, fd, &readable);
        if (status != CLI_EXIT_OK)
            return status;
        if (cli_interrupted()) {
            in->cut_short = in->path != NULL;
            return CLI_EXIT_OK;
        }
        if (!readable)
            continue;
        ssize_t len = read(fd, in->chunk, CHUNK_LEN);
        if (len == 0)
            return feed_end(in);
        if (len > 0)
            status = feed(in, (size_t)len);
        else if (errno != EAGAIN && errno != EINTR)
            status = read_error(in);
        if (status != CLI_EXIT_OK)
            return status;
    }
}

static int create_reader(struct ingest *in)
{
    struct cli_reader_options options = in->options->reader;
    char error[320];
    if (!in->options->has_format &&
        (!in->path || !cli_format_of_file(in->path, &options.format)))
        return cli_usage_error(in->context,
                               "--format is missing, and %s does not tell it",
                               in->path ? in->path : "stdin");
    in->reader = cli_reader_create(&options, error, sizeof(error));
    if (in->reader)
        return CLI_EXIT_OK;
    return cli_usage_error(in->context, "%s", error);
}

static int open_error(struct cli_context *context, const char *path)
{
    int error = errno;
    cli_error(context, "%s: %s", path, strerror(error));
    return error == ENOENT ? CLI_EXIT_NOT_FOUND : CLI_EXIT_ERROR;
}

static int read_file(struct ingest *in, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    in->path = is_stdin ? NULL : path;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return open_error(in->context, path);
    if (is_stdin && isatty(fd))
        cli_note(in->context, "reading from the terminal; Ctrl-D ends it");
    int status = create_reader(in);
    if (status == CLI_EXIT_OK)
        status = read_all(in, fd);
    cli_reader_destroy(in->reader);
    in->reader = NULL;
    if (!is_stdin)
        close(fd);
    return status;
}

/* Before anything is sent: a name with a typing error must not leave half of
 * the files counted. Adds up the sizes, for the progress. */
static int check_files(struct ingest *in)
{
    bool all_sized = true;
    for (size_t i = 0; i < in->options->file_count; i++) {
        struct stat info;
        const char *path = in->options->files[i];
        bool is_stdin = strcmp(path, "-") == 0;
        if ((is_stdin ? fstat(STDIN_FILENO, &info) : stat(path, &info)) != 0)
            return open_error(in->context, path);
        if (S_ISDIR(info.st_mode)) {
            errno = EISDIR;
            return open_error(in->context, path);
        }
        all_sized = all_sized && S_ISREG(info.st_mode);
        in->view.bytes_total += (uint64_t)info.st_size;
        in->path = is_stdin ? NULL : path;
        int status = create_reader(in);
        cli_reader_destroy(in->reader);
        in->reader = NULL;
        if (status != CLI_EXIT_OK)
            return status;
    }
    if (!all_sized)
        in->view.bytes_total = 0;
    return CLI_EXIT_OK;
}

/* --- the whole --- */

static void print_summary(struct ingest *in)
{
    struct cli_ingest_totals totals;
    struct cli_buf buf = {0};
    in->view.elapsed_ms = cli_now_ms() - in->start_ms;
    cli_sink_totals(in->sink, &totals);
    if (in->context->json) {
        json_t *summary =
            cli_ingest_json(in->options->stream, &in->view, &totals);
        cli_json_set(summary, "badLines", json_incref(in->bad_lines));
        cli_print_json(summary);
        return;
    }
    cli_view_ingest_summary(&buf, &in->context->out, in->options->stream,
                            &in->view, &totals);
    cli_print(&buf);
}

static int outcome(const struct ingest *in)
{
    if (in->view.events == 0 && in->view.skipped > 0) {
        cli_error(in->context, "no line could be read; is --format right?");
        return CLI_EXIT_ERROR;
    }
    return in->cut_short ? CLI_EXIT_INTERRUPTED : CLI_EXIT_OK;
}

/* What was read before an error is sent and counted all the same. */
static int ingest(struct ingest *in)
{
    int status = CLI_EXIT_OK;
    for (size_t i = 0; i < in->options->file_count && status == CLI_EXIT_OK &&
                       !cli_interrupted();
         i++)
        status = read_file(in, in->options->files[i]);
    int drained = drain(in);
    clear(in);
    cli_screen_end(&in->screen);
    if (drained != CLI_EXIT_OK)
        status = status == CLI_EXIT_OK ? drained : status;
    print_summary(in);
    return status == CLI_EXIT_OK ? outcome(in) : status;
}

int cli_ingest_run(struct cli_context *context,
                   const struct cli_ingest_options *options)
{
    struct ingest in = {.context = context,
                        .options = options,
                        .screen = {.term = &context->err},
                        .start_ms = cli_now_ms()};
    in.rate_from_ms = in.start_ms;
    in.draw_at_ms = in.start_ms + PROGRESS_AFTER_MS;
    in.view.wants_value = options->reader.fields[CLI_COLUMN_VALUE] != NULL;
    in.view.wants_latency = options->reader.fields[CLI_COLUMN_LATENCY] != NULL;
    int status = check_files(&in);
    if (status == CLI_EXIT_OK)
        status = cli_sink_open(context, options->stream, options->linger_ms,
                               &in.sink);
    if (status != CLI_EXIT_OK)
        return status;
    cli_interrupt_catch();
    in.chunk = cli_realloc(NULL, CHUNK_LEN);
    in.bad_lines = cli_json_array();
    status = ingest(&in);
    json_decref(in.bad_lines);
    cli_free(in.chunk);
    cli_sink_close(in.sink);
    return status;
}
