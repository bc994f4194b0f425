/* SPDX-License-Identifier: Apache-2.0 */
/* A core with the jobs engine and nothing else, calls of JobService in one
 * line, and watchers. */
#ifndef RNL_TESTS_JOB_FIXTURE_H
#define RNL_TESTS_JOB_FIXTURE_H

#include <runnel/v1/jobs.pb-c.h>

#include "fake_stream.h"
#include "jobs.h"
#include "store.h"

#define MS     INT64_C(1000000)
#define SECOND INT64_C(1000000000)

/* A request to create a job, with room for its maps. */
struct job_request {
    Runnel__V1__CreateJobRequest request;
    Runnel__V1__Payload input;
    Runnel__V1__CreateJobRequest__OptionsEntry options[100];
    Runnel__V1__CreateJobRequest__OptionsEntry *option_refs[100];
    Runnel__V1__CreateJobRequest__LabelsEntry labels[100];
    Runnel__V1__CreateJobRequest__LabelsEntry *label_refs[100];
};

/* Texts are borrowed. text may be NULL: no input. */
void job_request_init(struct job_request *request, const char *kind,
                      const char *text);
void job_request_data(struct job_request *request, const void *data, size_t len,
                      const char *content_type);
void job_request_option(struct job_request *request, const char *key,
                        const char *value);
void job_request_label(struct job_request *request, const char *key,
                       const char *value);

void jobs_setup(struct rnl_core *core);
void jobs_setup_limited(struct rnl_core *core, uint64_t max_jobs,
                        uint64_t max_output_bytes);
void jobs_teardown(struct rnl_core *core);

/* Creates a job, which must succeed, and lets the store settle. */
void job_create(struct rnl_core *core, const struct job_request *request,
                char ret_id[RNL_JOB_ID_LEN + 1]);

/* Creates one that must be refused; returns the code. */
enum rnl_code job_refused(struct rnl_core *core,
                          const struct job_request *request, char *ret_field,
                          size_t field_cap);

/* The job; free it with rnl_request_free. NULL when it is not found. */
Runnel__V1__GetJobResponse *job_get(struct rnl_core *core, const char *id,
                                    bool with_input);
Runnel__V1__JobState job_state(struct rnl_core *core, const char *id);

enum rnl_code job_cancel(struct rnl_core *core, const char *id,
                         const char *reason);
enum rnl_code job_delete(struct rnl_core *core, const char *id);

void job_watch(struct rnl_stream *stream, struct rnl_core *core, const char *id,
               uint64_t after);

/* All output that a watcher got, from the deltas; checks that sequences
 * follow each other from after + 1. Free it with free. */
char *watched_output(const struct rnl_stream *stream, uint64_t after,
                     size_t *ret_len);

/* The event of a message that a watcher got; free the response. */
Runnel__V1__WatchJobResponse *watched(const struct rnl_stream *stream,
                                      size_t index);

#endif
