/* SPDX-License-Identifier: Apache-2.0 */
#include "job_wire.h"

#include <string.h>

#include "wire.h"

/* Numbers of the fields in proto/runnel/v1. */
enum {
    JOB_INPUT = 6,
    JOB_FIRST_SEQUENCE = 12,
    CREATED_JOB = 1,
    GOT_JOB = 1,
    ASSIGN_JOB = 2,
    RESPONSE_ASSIGN = 2,
};

static uint8_t *put_bytes(uint8_t *out, const void *data, size_t len)
{
    if (len > 0)
        memcpy(out, data, len);
    return out + len;
}

/* What follows the record: its first_sequence and the head of its input. The
 * order of fields is free. */
struct job_tail {
    uint8_t bytes[2 * RNL_WIRE_HEAD_MAX];
    size_t len;
};

static size_t make_tail(const struct rnl_store_record *record,
                        struct job_tail *ret_tail)
{
    uint8_t *out = rnl_wire_put_head(ret_tail->bytes, JOB_FIRST_SEQUENCE,
                                     RNL_WIRE_VARINT, record->first_sequence);
    if (record->input_len > 0)
        out = rnl_wire_put_head(out, JOB_INPUT, RNL_WIRE_BYTES,
                                record->input_len);
    ret_tail->len = (size_t)(out - ret_tail->bytes);
    return record->record_len + ret_tail->len + record->input_len;
}

static uint8_t *put_job(uint8_t *out, const struct rnl_store_record *record,
                        const struct job_tail *tail)
{
    out = put_bytes(out, record->record, record->record_len);
    out = put_bytes(out, tail->bytes, tail->len);
    return put_bytes(out, record->input, record->input_len);
}

size_t rnl_job_wire_len(const struct rnl_store_record *record)
{
    struct job_tail tail;
    return make_tail(record, &tail);
}

void rnl_job_wire_put(const struct rnl_store_record *record, uint8_t *out)
{
    struct job_tail tail;
    (void)make_tail(record, &tail);
    put_job(out, record, &tail);
}

/* A response that has nothing but a job, in a field. */
static struct rnl_buf *make_response(uint32_t field,
                                     const struct rnl_store_record *record)
{
    struct job_tail tail;
    uint8_t head[RNL_WIRE_HEAD_MAX];
    size_t job_len = make_tail(record, &tail);
    size_t head_len =
        (size_t)(rnl_wire_put_head(head, field, RNL_WIRE_BYTES, job_len) -
                 head);
    struct rnl_buf *buf = rnl_buf_create(head_len + job_len);
    if (buf != NULL)
        put_job(put_bytes(buf->data, head, head_len), record, &tail);
    return buf;
}

struct rnl_buf *rnl_job_wire_created(const struct rnl_store_record *record)
{
    return make_response(CREATED_JOB, record);
}

struct rnl_buf *rnl_job_wire_got(const struct rnl_store_record *record)
{
    return make_response(GOT_JOB, record);
}

struct rnl_buf *rnl_job_wire_assigned(const struct rnl_store_record *record,
                                      const Runnel__V1__AssignJob *assign)
{
    struct job_tail tail;
    uint8_t job_head[RNL_WIRE_HEAD_MAX];
    uint8_t head[RNL_WIRE_HEAD_MAX];
    size_t job_len = make_tail(record, &tail);
    size_t job_head_len = (size_t)(rnl_wire_put_head(job_head, ASSIGN_JOB,
                                                     RNL_WIRE_BYTES, job_len) -
                                   job_head);
    size_t rest_len = runnel__v1__assign_job__get_packed_size(assign);
    size_t len = rest_len + job_head_len + job_len;
    size_t head_len =
        (size_t)(rnl_wire_put_head(head, RESPONSE_ASSIGN, RNL_WIRE_BYTES, len) -
                 head);
    struct rnl_buf *buf = rnl_buf_create(head_len + len);
    if (buf == NULL)
        return NULL;
    uint8_t *out = put_bytes(buf->data, head, head_len);
    out += runnel__v1__assign_job__pack(assign, out);
    put_job(put_bytes(out, job_head, job_head_len), record, &tail);
    return buf;
}
