/* SPDX-License-Identifier: Apache-2.0 */
/* Small things about jobs that more than one handler needs. */
#ifndef RNL_BRIDGE_JOBS_H
#define RNL_BRIDGE_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include <runnel/v1/jobs.pb-c.h>

bool rnl_job_state_is_terminal(Runnel__V1__JobState state);

/* First of the sequences that an event stands for. */
uint64_t rnl_job_event_first(const Runnel__V1__JobEvent *event);

/* A WatchJobRequest for rnl_pbjson_free; NULL when memory is out. */
ProtobufCMessage *rnl_watch_job_request(const char *job_id);
void rnl_watch_job_set_after(ProtobufCMessage *request, uint64_t after);

#endif
