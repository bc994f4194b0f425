/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <string.h>

const struct cli_command *const cli_commands[] = {
    &cli_ingest,
    &cli_stats_watch_command,
    &cli_stats_get,
    &cli_stats_list,
    &cli_stats_create,
    &cli_stats_freq,
    &cli_stats_quantiles,
    &cli_stats_rank,
    &cli_stats_export,
    &cli_stats_merge,
    &cli_stats_delete,
    &cli_job_create,
    &cli_job_get,
    &cli_job_list,
    &cli_job_watch_command,
    &cli_job_output,
    &cli_job_cancel,
    &cli_job_delete,
    &cli_work,
    &cli_token_create,
    &cli_token_list,
    &cli_token_revoke,
    &cli_admin_backup,
    &cli_admin_check,
    &cli_admin_compact,
    &cli_info,
    &cli_completion,
    NULL,
};

const struct cli_flag cli_global_flags[] = {
    {.name = "core",
     .value = "HOST:PORT",
     .help = "where the core is, or unix:PATH; default RUNNEL_CORE, else "
             "127.0.0.1:7400"},
    {.name = "token",
     .value = "TOKEN",
     .help = "bearer token; RUNNEL_TOKEN is safer"},
    {.name = "token-file",
     .value = "FILE",
     .help = "read the token from the first line of a file",
     .choices = "@file"},
    {.name = "tls", .help = "speak TLS; the core's certificate is checked"},
    {.name = "tls-ca",
     .value = "FILE",
     .help = "trust these certificates (PEM), not the system's; implies --tls",
     .choices = "@file"},
    {.name = "tls-name",
     .value = "NAME",
     .help = "the name in the certificate, if not that of --core"},
    {.name = "timeout",
     .value = "DUR",
     .help = "give up a call after this time; default 30s, 0 never"},
    {.name = "json", .help = "answers for programs: JSON, one value a line"},
    {.name = "no-color", .help = "no colour even on a terminal"},
    {.name = "quiet", .letter = 'q', .help = "no notes on stderr"},
    {.name = "version", .help = "print the version"},
    {.name = "help", .letter = 'h', .help = "explain the command"},
    {0},
};

const char *cli_group_summary(const char *group)
{
    static const struct {
        const char *group, *summary;
    } groups[] = {
        {"job", "Create, watch and end jobs"},
        {"stats", "Read and configure statistics streams"},
        {"token", "Make, list and revoke tokens"},
        {"admin",
         "Back up, check and compact the store (tokens: runnel token)"}};
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (strcmp(groups[i].group, group) == 0)
            return groups[i].summary;
    }
    return "";
}
