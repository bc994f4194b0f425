/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs and the server itself, drawn. The input is JSON of the schema: Job,
 * Progress, StreamInfo, GetInfoResponse. */
#ifndef RNL_CLI_VIEW_JOB_H
#define RNL_CLI_VIEW_JOB_H

#include <stdint.h>

#include "json.h"
#include "term.h"

/* "running" for "JOB_STATE_RUNNING". Static. */
const char *cli_state_name(const char *state);

/* The colour in which a state is shown. */
enum cli_color cli_state_color(const char *state);

/* One job, a property a line. */
void cli_view_job(struct cli_buf *buf, const struct cli_term *term,
                  const json_t *job);

/* A table, one job a row. */
void cli_view_jobs(struct cli_buf *buf, const struct cli_term *term,
                   const json_t *jobs, int64_t now_ms);

/* One line: state, bar, numbers, time since the start. Without a line end. */
void cli_view_progress(struct cli_buf *buf, const struct cli_term *term,
                       const json_t *job, int64_t elapsed_ms);

/* A table, one stream a row. */
void cli_view_streams(struct cli_buf *buf, const struct cli_term *term,
                      const json_t *streams, int64_t now_ms);

/* The server, a property a line. */
void cli_view_info(struct cli_buf *buf, const struct cli_term *term,
                   const json_t *info, const char *address, int64_t now_ms);

#endif
