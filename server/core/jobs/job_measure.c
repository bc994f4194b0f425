/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs took, for the server's own streams (streams/measure.h). Times are
 * those of the loop's turns: a job is measured in milliseconds. */
#include "engine.h"
#include "measure.h"

#define NS_PER_MS 1e6

/* Of the names of states, JOB_STATE_SUCCEEDED and the like. */
#define STATE_PREFIX_LEN 10

static double since_ms(const struct rnl_job *job, int64_t from_ns)
{
    return (double)(job->jobs->core->now_ns - from_ns) / NS_PER_MS;
}

void rnl_job_measure_ready(struct rnl_job *job)
{
    if (job->ready_ns == 0)
        job->ready_ns = job->jobs->core->now_ns;
}

void rnl_job_measure_attempt(struct rnl_job *job)
{
    if (job->attempt_ns == 0)
        job->wait_ms = since_ms(job, job->ready_ns);
    job->attempt_ns = job->jobs->core->now_ns;
}

void rnl_job_measure_output(struct rnl_job *job)
{
    if (job->has_output)
        return;
    job->has_output = true;
    struct rnl_measured first = {
        .name = job->base->kind,
        .has_latency = true,
        .latency_ms = since_ms(job, job->ready_ns),
    };
    rnl_streams_measure(job->jobs->core->streams, RNL_MEASURE_FIRST_OUTPUT,
                        &first);
}

void rnl_job_measure_end(const struct rnl_job *job)
{
    const ProtobufCEnumValue *state = protobuf_c_enum_descriptor_get_value(
        &runnel__v1__job_state__descriptor, (int)job->state);
    /* One that never ran has no times. */
    bool ran = job->attempt_ns != 0;
    struct rnl_measured end = {
        .name = job->base->kind,
        .suffix = state->name + STATE_PREFIX_LEN,
        .has_value = ran,
        .value = job->wait_ms,
        .has_latency = ran,
        .latency_ms = ran ? since_ms(job, job->attempt_ns) : 0,
    };
    rnl_streams_measure(job->jobs->core->streams, RNL_MEASURE_JOBS, &end);
}
