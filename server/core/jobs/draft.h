/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a CreateJobRequest to a job: checks every limit of jobs.proto, fills in
 * defaults, and hashes what makes two requests the same. It knows no store and
 * makes no id.
 */
#ifndef RNL_JOBS_DRAFT_H
#define RNL_JOBS_DRAFT_H

#include "job_bounds.h"
#include "kind.h"
#include "store.h"
#include "timestamp.h"

/* A job whose texts belong to the request that it was made from. */
struct rnl_job_draft {
    Runnel__V1__Job job;
    Runnel__V1__Job__OptionsEntry options[RNL_JOB_OPTIONS_MAX];
    Runnel__V1__Job__OptionsEntry *option_refs[RNL_JOB_OPTIONS_MAX];
    Runnel__V1__Job__LabelsEntry labels[RNL_JOB_LABELS_MAX];
    Runnel__V1__Job__LabelsEntry *label_refs[RNL_JOB_LABELS_MAX];
    Runnel__V1__RetryPolicy retry;
    Google__Protobuf__Duration initial_backoff;
    Google__Protobuf__Duration max_backoff;
    Google__Protobuf__Duration retention;
    Google__Protobuf__Timestamp create_time;
    struct rnl_input input;
};

#define RNL_JOB_KIND_RULE \
    "must be 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"

/* Whether a name can be that of a kind. */
bool rnl_job_kind_valid(const char *kind);

/* Whether a duration of a request is well-formed and in its range, both ends
 * included. Errors: RNL_INVALID_ARGUMENT with error filled. */
RNL_MUST_USE enum rnl_code rnl_job_check_duration(
    const Google__Protobuf__Duration *duration, int64_t min_s, int64_t max_s,
    const char *field, struct rnl_field_error *error);

/* Fills draft from a request. Options and labels come out sorted by key.
 * Errors: RNL_INVALID_ARGUMENT with error filled. */
RNL_MUST_USE enum rnl_code rnl_job_draft_fill(
    struct rnl_job_draft *draft, const Runnel__V1__CreateJobRequest *request,
    size_t input_bytes_max, struct rnl_field_error *error);

/* Hashes everything that the caller asked for; of equal requests equal,
 * whatever order their maps had. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_job_draft_hash(
    const struct rnl_job_draft *draft, struct rnl_request_hash *ret_hash);

/* Checks keep_newest_bytes against the limit of a log. Errors:
 * RNL_INVALID_ARGUMENT with error filled. */
RNL_MUST_USE enum rnl_code rnl_job_draft_check_keep(
    const struct rnl_job_draft *draft, uint64_t log_bytes_max,
    struct rnl_field_error *error);

/* Checks not_before and deadline against the wall clock. Errors:
 * RNL_INVALID_ARGUMENT with error filled. */
RNL_MUST_USE enum rnl_code rnl_job_draft_check_times(
    const struct rnl_job_draft *draft, int64_t wall_ns,
    struct rnl_field_error *error);

/* The content of a payload, which may be NULL. */
void rnl_input_of(const Runnel__V1__Payload *payload,
                  struct rnl_input *ret_input);

#endif
