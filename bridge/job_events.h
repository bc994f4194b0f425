/* SPDX-License-Identifier: Apache-2.0 */
/* A job's events as pieces: for GET /v1/jobs/{job_id}/events. */
#ifndef RNL_BRIDGE_JOB_EVENTS_H
#define RNL_BRIDGE_JOB_EVENTS_H

#include "topic.h"

extern const struct rnl_topic_kind rnl_job_events;

#endif
