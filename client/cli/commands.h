/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of every command; commands.c lists them in order. */
#ifndef RNL_CLI_COMMANDS_H
#define RNL_CLI_COMMANDS_H

#include "command.h"

extern const struct cli_command cli_admin_backup;
extern const struct cli_command cli_admin_check;
extern const struct cli_command cli_admin_compact;
extern const struct cli_command cli_job_create;
extern const struct cli_command cli_job_get;
extern const struct cli_command cli_job_list;
extern const struct cli_command cli_job_watch_command;
extern const struct cli_command cli_job_output;
extern const struct cli_command cli_job_cancel;
extern const struct cli_command cli_job_delete;
extern const struct cli_command cli_ingest;
extern const struct cli_command cli_stats_get;
extern const struct cli_command cli_stats_watch_command;
extern const struct cli_command cli_stats_freq;
extern const struct cli_command cli_stats_quantiles;
extern const struct cli_command cli_stats_rank;
extern const struct cli_command cli_stats_list;
extern const struct cli_command cli_stats_create;
extern const struct cli_command cli_stats_export;
extern const struct cli_command cli_stats_merge;
extern const struct cli_command cli_stats_delete;
extern const struct cli_command cli_work;
extern const struct cli_command cli_token_create;
extern const struct cli_command cli_token_list;
extern const struct cli_command cli_token_revoke;
extern const struct cli_command cli_info;
extern const struct cli_command cli_completion;

#endif
