/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "core.h"
#include "flags.h"
#include "follow.h"
#include "input.h"

/* What a core takes, and its default. */
#define ATTEMPTS_MAX       100
#define BACKOFF_LONGEST_MS 60000

/* "-" is stdin, "@name" a file, all else the text itself. */
static int read_input(const struct cli_context *context, const char *text,
                      struct cli_buf *input)
{
    if (!text)
        return CLI_EXIT_OK;
    char name[64];
    snprintf(name, sizeof(name), "--input %s", text);
    if (strcmp(text, "-") == 0 || text[0] == '@')
        return cli_input_read(context, text[0] == '@' ? text + 1 : text, name,
                              input);
    cli_buf_text(input, text);
    return CLI_EXIT_OK;
}

static int read_times(const struct cli_context *context,
                      const struct cli_args *args, struct cli_new_job *job)
{
    int64_t deadline_ms = 0;
    int status = cli_flag_duration(context, args, "deadline", &deadline_ms);
    if (status == CLI_EXIT_OK)
        status =
            cli_flag_duration(context, args, "retention", &job->retention_ms);
    if (deadline_ms > 0)
        job->deadline_ms = cli_wall_ms() + deadline_ms;
    return status;
}

/* The longest wait is at least the first. */
static int read_retry(const struct cli_context *context,
                      const struct cli_args *args, struct cli_new_job *job)
{
    int64_t attempts = 0;
    int status =
        cli_flag_integer(context, args, "attempts", 1, ATTEMPTS_MAX, &attempts);
    if (status == CLI_EXIT_OK)
        status = cli_flag_duration(context, args, "backoff",
                                   &job->initial_backoff_ms);
    job->max_attempts = (uint32_t)attempts;
    if (job->initial_backoff_ms > BACKOFF_LONGEST_MS)
        job->max_backoff_ms = job->initial_backoff_ms;
    return status;
}

/* Only a person wonders why nothing happens. */
static void note_if_unserved(struct cli_context *context, const char *kind)
{
    if (context->err.is_tty && !context->quiet && !context->json &&
        !cli_core_kind_served(context, kind))
        cli_note(context,
                 "nobody serves kind %s now: the job waits for a worker, "
                 "runnel work --kind %s",
                 kind, kind);
}

static int create(struct cli_context *context, const struct cli_args *args,
                  const struct cli_new_job *job)
{
    json_t *made;
    int status = cli_core_create_job(context, job, &made);
    if (status != CLI_EXIT_OK)
        return status;
    char *id = cli_strdup(cli_json_text(made, "id"));
    bool watch = cli_args_has(args, "watch");
    if (watch)
        cli_note(context, "job %s", id);
    else if (context->json)
        cli_print_json(json_incref(made));
    else
        puts(id);
    fflush(stdout);
    json_decref(made);
    note_if_unserved(context, job->kind);
    if (watch)
        status = cli_follow_job(context, id, 0);
    cli_free(id);
    return status;
}

/* Reads the flags that own memory, then creates. */
static int run(struct cli_context *context, const struct cli_args *args)
{
    struct cli_new_job job = {
        .kind = cli_args_get(args, "kind"),
        .content_type = cli_args_get(args, "content-type"),
        .idempotency_key = cli_args_get(args, "idempotency-key")};
    struct rnl_pair *options = NULL;
    struct rnl_pair *labels = NULL;
    struct cli_buf input = {0};
    int64_t priority = 0;
    if (!job.kind)
        return cli_usage_error(context, "--kind is missing; runnel info lists "
                                        "the kinds that the core has");
    int status =
        cli_flag_integer(context, args, "priority", -100, 100, &priority);
    job.priority = (int32_t)priority;
    if (status == CLI_EXIT_OK)
        status = read_times(context, args, &job);
    if (status == CLI_EXIT_OK)
        status =
            cli_flag_size(context, args, "keep-newest", &job.keep_newest_bytes);
    if (status == CLI_EXIT_OK)
        status = read_retry(context, args, &job);
    if (status == CLI_EXIT_OK)
        status = cli_flag_pairs(context, args, "option", &options,
                                &job.option_count);
    if (status == CLI_EXIT_OK)
        status =
            cli_flag_pairs(context, args, "label", &labels, &job.label_count);
    if (status == CLI_EXIT_OK)
        status = read_input(context, cli_args_get(args, "input"), &input);
    job.options = options;
    job.labels = labels;
    job.input = input.data;
    job.input_len = input.len;
    if (status == CLI_EXIT_OK)
        status = create(context, args, &job);
    cli_buf_fini(&input);
    cli_pairs_free(labels, job.label_count);
    cli_pairs_free(options, job.option_count);
    return status;
}

static const struct cli_flag flags[] = {
    {.name = "kind",
     .value = "KIND",
     .help = "what the job does: echo, simulate, analyze or a worker's kind"},
    {.name = "input",
     .value = "TEXT|@FILE|-",
     .help = "its input: a text, the content of a file, or stdin",
     .choices = "@file"},
    {.name = "content-type",
     .value = "TYPE",
     .help = "media type of the input, text/csv for example"},
    {.name = "option",
     .value = "K=V",
     .help = "a parameter of the kind",
     .letter = 'o',
     .repeats = true},
    {.name = "label",
     .value = "K=V",
     .help = "a label to find it by",
     .letter = 'l',
     .repeats = true},
    {.name = "priority",
     .value = "N",
     .help = "-100 to 100; higher runs first, default 0"},
    {.name = "attempts",
     .value = "N",
     .help = "tries in all, should one fail for a reason that may pass; "
             "default 1"},
    {.name = "backoff",
     .value = "DUR",
     .help = "wait before the second try, twice as long before each further "
             "one; default 1s"},
    {.name = "deadline",
     .value = "DUR",
     .help = "it expires when it has not ended in this time"},
    {.name = "retention",
     .value = "DUR",
     .help = "how long it is kept after its end; default 24h"},
    {.name = "keep-newest",
     .value = "SIZE",
     .help = "when its events come to more than this, the oldest go, instead "
             "of the job failing at the server's limit: 256K, 16M"},
    {.name = "idempotency-key",
     .value = "KEY",
     .help = "the same key and request find the job that was made first"},
    {.name = "watch", .help = "follow it at once, as job watch"},
    {0},
};

const struct cli_command cli_job_create = {
    .group = "job",
    .name = "create",
    .operands = "--kind KIND",
    .summary = "Create a job and print its id",
    .examples =
        "  $ runnel job create --kind echo --input \"hello, world\" --watch\n"
        "  $ id=$(runnel job create --kind analyze --input @flights.csv \\\n"
        "        --content-type text/csv -o key=origin -o value=delay)",
    .flags = flags,
    .run = run,
};
