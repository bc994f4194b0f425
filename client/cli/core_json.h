/* SPDX-License-Identifier: Apache-2.0 */
/* What librunnel gives as JSON of the schema. */
#ifndef RNL_CLI_CORE_JSON_H
#define RNL_CLI_CORE_JSON_H

#include <runnel/runnel.h>

#include "json.h"

/* A Job. */
json_t *cli_job_json(const struct rnl_job *job);

/* Progress, StateChange. */
json_t *cli_progress_json(const struct rnl_progress *progress);
json_t *cli_state_json(const struct rnl_job_event *event);

/* StreamInfo, StreamStats, Anomaly, KeyFrequency. */
json_t *cli_stream_json(const struct rnl_stream_info *info);
json_t *cli_window_json(const char *stream,
                        const struct rnl_window_stats *stats);
json_t *cli_anomaly_json(const struct rnl_anomaly *anomaly);
json_t *cli_frequency_json(const struct rnl_key_frequency *frequency);

/* An array of Quantile. */
json_t *cli_quantiles_json(const struct rnl_quantile *quantiles, size_t count);

/* A GetInfoResponse. */
json_t *cli_info_json(const struct rnl_server_info *info);

/* Sets a member to bytes in base64. */
void cli_json_set_bytes(json_t *object, const char *name, const void *data,
                        size_t len);

/* Sets "text" when the bytes are UTF-8 without NUL, else "data" in base64. */
void cli_json_set_content(json_t *object, const void *data, size_t len);

#endif
