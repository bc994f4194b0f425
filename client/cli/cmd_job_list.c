/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "commands.h"
#include "core.h"
#include "flags.h"
#include "view_job.h"

/* The schema's limit of one page. */
#define PAGE_SIZE_MAX 1000

/* Asks for pages until `limit` jobs are there; true in *ret_more when the core
 * has others. */
static int collect(struct cli_context *context, struct cli_job_filter *filter,
                   size_t limit, json_t *jobs, bool *ret_more)
{
    json_t *answer = NULL;
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
        *ret_more = *filter->page_token != '\0';
    } while (*ret_more && json_array_size(jobs) < limit);
    filter->page_token = NULL;
    json_decref(answer);
    return status;
}

static void show(const struct cli_context *context, json_t *jobs, bool more)
{
    struct cli_buf buf = {0};
    size_t i;
    json_t *job;
    if (context->json) {
        json_array_foreach(jobs, i, job)
        {
            cli_print_json(json_incref(job));
        }
        return;
    }
    if (json_array_size(jobs) == 0) {
        cli_note(context, "no such jobs; runnel job create makes one");
        return;
    }
    cli_view_jobs(&buf, &context->out, jobs, cli_wall_ms());
    cli_print(&buf);
    if (more)
        cli_note(context, "there are more; --all or --limit N shows them");
}

static int list(struct cli_context *context, const struct cli_args *args,
                struct cli_job_filter *filter)
{
    int64_t limit = 50;
    bool more = false;
    int status = cli_flag_integer(context, args, "limit", 1, 1000000, &limit);
    if (status != CLI_EXIT_OK)
        return status;
    json_t *jobs = cli_json_array();
    status = collect(context, filter,
                     cli_args_has(args, "all") ? SIZE_MAX : (size_t)limit, jobs,
                     &more);
    if (status == CLI_EXIT_OK)
        show(context, jobs, more);
    json_decref(jobs);
    return status;
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    struct cli_job_filter filter = {.state = cli_args_get(args, "state"),
                                    .kind = cli_args_get(args, "kind")};
    struct rnl_pair *labels = NULL;
    int status =
        cli_flag_pairs(context, args, "label", &labels, &filter.label_count);
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
     .help = "only jobs in this state",
     .choices = "queued running succeeded failed cancelled expired"},
    {.name = "kind", .value = "KIND", .help = "only jobs of this kind"},
    {.name = "label",
     .value = "K=V",
     .help = "only jobs with this label",
     .repeats = true},
    {.name = "limit", .value = "N", .help = "at most this many; default 50"},
    {.name = "all", .help = "all of them"},
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
