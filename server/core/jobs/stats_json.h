/* SPDX-License-Identifier: Apache-2.0 */
/* StreamStats as JSON, as protobuf's canonical mapping has it (64-bit integers
 * are strings), so that what reads the answers of the REST API reads this
 * too. */
#ifndef RNL_JOBS_STATS_JSON_H
#define RNL_JOBS_STATS_JSON_H

#include <runnel/v1/stats.pb-c.h>

#include "text_buf.h"

/* Writes one JSON object, without a newline. Without stream and window, which
 * a job's own statistics do not have, and without what is about arrival. */
void rnl_stats_json(const Runnel__V1__StreamStats *stats,
                    struct rnl_text_buf *text);

#endif
