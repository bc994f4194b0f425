/* SPDX-License-Identifier: Apache-2.0 */
#include "full_job.h"

static void fill_times(struct full_job *full)
{
    for (int i = 0; i < 5; i++) {
        full->times[i] =
            (Google__Protobuf__Timestamp)GOOGLE__PROTOBUF__TIMESTAMP__INIT;
        full->times[i].seconds = FULL_JOB_S + i;
        full->times[i].nanos = FULL_JOB_NS - i;
    }
    full->job.create_time = &full->times[0];
    full->job.start_time = &full->times[1];
    full->job.end_time = &full->times[2];
    full->job.not_before = &full->times[3];
    full->job.deadline = &full->times[4];
}

void full_job_init(struct full_job *full)
{
    *full = (struct full_job){
        .job = RUNNEL__V1__JOB__INIT,
        .label = RUNNEL__V1__JOB__LABELS_ENTRY__INIT,
        .option = RUNNEL__V1__JOB__OPTIONS_ENTRY__INIT,
        .error = RUNNEL__V1__JOB_ERROR__INIT,
        .progress = RUNNEL__V1__PROGRESS__INIT,
        .retry = RUNNEL__V1__RETRY_POLICY__INIT,
        .retention = GOOGLE__PROTOBUF__DURATION__INIT,
    };
    Runnel__V1__Job *job = &full->job;
    job->id = (char *)"01234567890123456789012345";
    job->kind = (char *)"echo";
    job->state = RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED;
    full->label.key = full->option.key = (char *)"key";
    full->label.value = full->option.value = (char *)"value";
    full->labels[0] = &full->label;
    full->options[0] = &full->option;
    job->labels = full->labels;
    job->options = full->options;
    job->n_labels = job->n_options = 1;
    job->priority = -7;
    job->input_bytes = 5;
    job->output_bytes = UINT64_C(1) << 40;
    job->last_sequence = 9;
    job->first_sequence = 2;
    full->progress.done = 0.5;
    job->progress = &full->progress;
    job->attempt = 3;
    full->error.code = RUNNEL__V1__CODE__CODE_INTERNAL;
    full->error.message = (char *)"it broke";
    full->error.attempt = 3;
    job->error = &full->error;
    fill_times(full);
    job->retry = &full->retry;
    job->retention = &full->retention;
    job->idempotency_key = (char *)"the key";
    job->keep_newest_bytes = 65536;
}
