/* SPDX-License-Identifier: Apache-2.0 */
/* A job with every field that a record can have. */
#ifndef RNL_TESTS_FULL_JOB_H
#define RNL_TESTS_FULL_JOB_H

#include <runnel/v1/jobs.pb-c.h>

/* The message points into it. */
struct full_job {
    Runnel__V1__Job job;
    Runnel__V1__Job__LabelsEntry label;
    Runnel__V1__Job__LabelsEntry *labels[1];
    Runnel__V1__Job__OptionsEntry option;
    Runnel__V1__Job__OptionsEntry *options[1];
    Runnel__V1__JobError error;
    Runnel__V1__Progress progress;
    Runnel__V1__RetryPolicy retry;
    Google__Protobuf__Duration retention;
    Google__Protobuf__Timestamp times[5];
};

/* times[i] is FULL_JOB_S + i seconds and FULL_JOB_NS - i nanoseconds. */
#define FULL_JOB_S  1700000000
#define FULL_JOB_NS 999999999

void full_job_init(struct full_job *full);

#endif
