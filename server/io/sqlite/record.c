/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "wire.h"

#define NS_PER_S INT64_C(1000000000)

/* Numbers of the fields in proto/runnel/v1/jobs.proto. */
enum job_field {
    JOB_KIND = 2,
    JOB_STATE = 3,
    JOB_PRIORITY = 5,
    JOB_OUTPUT_BYTES = 9,
    JOB_ATTEMPT = 14,
    JOB_ERROR = 15,
    JOB_CREATE_TIME = 16,
    JOB_START_TIME = 17,
    JOB_END_TIME = 18,
    JOB_IDEMPOTENCY_KEY = 23,
};

enum error_field { ERROR_CODE = 1, ERROR_MESSAGE = 2 };

enum time_field { TIME_SECONDS = 1, TIME_NANOS = 2 };

static struct rnl_record_text text_of(const struct rnl_wire_field *field)
{
    return (struct rnl_record_text){(const char *)field->data, (int)field->len};
}

static bool is_number(const struct rnl_wire_field *field)
{
    return field->type == RNL_WIRE_VARINT;
}

static bool is_bytes(const struct rnl_wire_field *field)
{
    return field->type == RNL_WIRE_BYTES;
}

static bool read_time(const struct rnl_wire_field *message,
                      struct rnl_record_time *ret_time)
{
    struct rnl_wire wire = {message->data, message->data + message->len};
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    *ret_time = (struct rnl_record_time){.is_set = true};
    while ((result = rnl_wire_next(&wire, &field)) == RNL_WIRE_FIELD) {
        if (field.number == TIME_SECONDS && is_number(&field))
            ret_time->ns += (int64_t)field.value * NS_PER_S;
        else if (field.number == TIME_NANOS && is_number(&field))
            ret_time->ns += (int64_t)field.value;
    }
    return result == RNL_WIRE_END;
}

static bool read_error(const struct rnl_wire_field *message,
                       struct rnl_record *record)
{
    struct rnl_wire wire = {message->data, message->data + message->len};
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    record->has_error = true;
    while ((result = rnl_wire_next(&wire, &field)) == RNL_WIRE_FIELD) {
        if (field.number == ERROR_CODE && is_number(&field))
            record->error_code = (int)field.value;
        else if (field.number == ERROR_MESSAGE && is_bytes(&field))
            record->error = text_of(&field);
    }
    return result == RNL_WIRE_END;
}

static void take_number(const struct rnl_wire_field *field,
                        struct rnl_record *record)
{
    switch (field->number) {
    case JOB_STATE:
        record->state = (int)field->value;
        break;
    case JOB_PRIORITY:
        record->priority = (int)field->value;
        break;
    case JOB_ATTEMPT:
        record->attempt = (int)field->value;
        break;
    case JOB_OUTPUT_BYTES:
        record->output_bytes = (int64_t)field->value;
        break;
    default:
        break;
    }
}

static bool take_bytes(const struct rnl_wire_field *field,
                       struct rnl_record *record)
{
    switch (field->number) {
    case JOB_KIND:
        record->kind = text_of(field);
        return true;
    case JOB_IDEMPOTENCY_KEY:
        record->key = text_of(field);
        return true;
    case JOB_ERROR:
        return read_error(field, record);
    case JOB_CREATE_TIME:
        return read_time(field, &record->create);
    case JOB_START_TIME:
        return read_time(field, &record->start);
    case JOB_END_TIME:
        return read_time(field, &record->end);
    default:
        return true;
    }
}

bool rnl_record_read(const uint8_t *bytes, size_t len,
                     struct rnl_record *ret_record)
{
    struct rnl_wire wire = {bytes, bytes + len};
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    bool is_whole = true;
    *ret_record =
        (struct rnl_record){.kind = {"", 0}, .key = {"", 0}, .error = {"", 0}};
    while (is_whole &&
           (result = rnl_wire_next(&wire, &field)) == RNL_WIRE_FIELD) {
        if (is_number(&field))
            take_number(&field, ret_record);
        else if (is_bytes(&field))
            is_whole = take_bytes(&field, ret_record);
    }
    return is_whole && result == RNL_WIRE_END;
}
