/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "commands.h"
#include "core.h"
#include "core_json.h"
#include "flags.h"
#include "view_job.h"

/* The schema's limit of one page. */
#define PAGE_SIZE_MAX 1000

/* Asks for pages until `limit` jobs are there. When the core has others,
 * *ret_more is the token of their page, to be freed. */
static int collect(struct cli_context *context, struct cli_job_filter *filter,
                   size_t limit, json_t *jobs, char **ret_more)
{
    json_t *answer = NULL;
    bool more;
    int status;
    do {
        size_t rest = limit - json_array_size(jobs);
        filter->page_size =
            (uint32_t)(rest < PAGE_SIZE_MAX ? rest : PAGE_SIZE_MAX);
        json_t *page;
        status = cli_core_list_jobs(context, filter, &page);
        if (status != CLI_EXIT_OK)
            break;
        json_decref(answer);
        answer = page;
        json_array_extend(jobs, json_object_get(answer, "jobs"));
        filter->page_token = cli_json_text(answer, "nextPageToken");
        more = *filter->page_token != '\0';
    } while (more && json_array_size(jobs) < limit);
    if (status == CLI_EXIT_OK && more)
        *ret_more = cli_strdup(filter->page_token);
    filter->page_token = NULL;
    json_decref(answer);
    return status;
}

/* For a program that goes page by page. */
static void print_token(const char *token)
{
    json_t *line = cli_json_object();
    cli_json_set_text(line, "nextPageToken", token);
    cli_print_json(line);
}

static void show(const struct cli_context *context, json_t *jobs,
                 const char *more, bool pages)
{
    struct cli_buf buf = {0};
    size_t i;
    json_t *job;
    if (context->json) {
        json_array_foreach(jobs, i, job)
        {
            cli_print_json(json_incref(job));
        }
        if (pages)
            print_token(more == NULL ? "" : more);
        return;
    }
    if (json_array_size(jobs) == 0) {
        cli_note(context, "no such jobs; runnel job create makes one");
        return;
    }
    cli_view_jobs(&buf, &context->out, jobs, cli_wall_ms());
    cli_print(&buf);
    if (more != NULL)
        cli_note(context,
                 "there are more; --all or --limit N shows them, --page-token "
                 "%s goes on",
                 more);
}

static int list(struct cli_context *context, const struct cli_args *args,
                struct cli_job_filter *filter)
{
    int64_t limit = 50;
    char *more = NULL;
    int status = cli_flag_integer(context, args, "limit", 1, 1000000, &limit);
    if (status != CLI_EXIT_OK)
        return status;
    json_t *jobs = cli_json_array();
    status = collect(context, filter,
                     cli_args_has(args, "all") ? SIZE_MAX : (size_t)limit, jobs,
                     &more);
    if (status == CLI_EXIT_OK)
        show(context, jobs, more, cli_args_has(args, "page-token"));
    cli_free(more);
    json_decref(jobs);
    return status;
}

static int read_states(const struct cli_context *context,
                       const struct cli_args *args,
                       struct cli_job_filter *filter)
{
    size_t at = 0;
    for (const char *state; (state = cli_args_next(args, "state", &at));) {
        if (filter->state_count == CLI_JOB_STATES_MAX)
            return cli_usage_error(context, "--state: more than there are");
        filter->states[filter->state_count++] = state;
    }
    return CLI_EXIT_OK;
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    struct cli_job_filter filter = {.kind = cli_args_get(args, "kind"),
                                    .page_token =
                                        cli_args_get(args, "page-token")};
    struct rnl_pair *labels = NULL;
    int status = read_states(context, args, &filter);
    if (status == CLI_EXIT_OK)
        status = cli_flag_pairs(context, args, "label", &labels,
                                &filter.label_count);
    if (status != CLI_EXIT_OK)
        return status;
    filter.labels = labels;
    status = list(context, args, &filter);
    cli_pairs_free(labels, filter.label_count);
    return status;
}

static const struct cli_flag flags[] = {
    {.name = "state",
     .value = "STATE",
     .help = "only jobs in this state, or in any of several",
     .choices = "queued running succeeded failed cancelled expired",
     .repeats = true},
    {.name = "kind", .value = "KIND", .help = "only jobs of this kind"},
    {.name = "label",
     .value = "K=V",
     .help = "only jobs with this label",
     .repeats = true},
    {.name = "limit", .value = "N", .help = "at most this many; default 50"},
    {.name = "all", .help = "all of them"},
    {.name = "page-token",
     .value = "TOKEN",
     .help = "go on where another list has ended, which says the token; with "
             "--json, and \"\" at first, in its last line, nextPageToken"},
    {0},
};

const struct cli_command cli_job_list = {
    .group = "job",
    .name = "list",
    .operands = "",
    .summary = "List jobs, newest first",
    .examples = "  $ runnel job list --state running\n"
                "  $ runnel job list --label team=ads --all --json | jq -r .id",
    .flags = flags,
    .run = run,
};
