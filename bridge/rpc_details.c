/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_details.h"

#include <string.h>

#include "alloc.h"
#include "utf8.h"

char *rnl_rpc_utf8(const char *string)
{
    size_t len = strlen(string);
    while (len > 0 && !rnl_utf8_valid(string, len))
        len--;
    return rnl_strndup(string, len);
}

static bool add_violation(Google__Rpc__BadRequest__FieldViolation *violation,
                          const struct rnl_violation *from)
{
    google__rpc__bad_request__field_violation__init(violation);
    char *field = rnl_rpc_utf8(from->field);
    char *description = rnl_rpc_utf8(from->description);
    if (field != NULL)
        violation->field = field;
    if (description != NULL)
        violation->description = description;
    return field != NULL && description != NULL;
}

static bool add_bad_request(struct rnl_rpc_details *details,
                            const struct rnl_problem *problem)
{
    size_t count = problem->violation_count;
    details->violations = rnl_calloc(count, sizeof(*details->violations));
    details->violation_pointers =
        rnl_calloc(count, sizeof(Google__Rpc__BadRequest__FieldViolation *));
    if (details->violations == NULL || details->violation_pointers == NULL)
        return false;
    google__rpc__bad_request__init(&details->bad_request);
    details->bad_request.field_violations = details->violation_pointers;
    for (size_t i = 0; i < count; i++) {
        details->violation_pointers[i] = &details->violations[i];
        details->bad_request.n_field_violations = i + 1;
        if (!add_violation(&details->violations[i], &problem->violations[i]))
            return false;
    }
    details->messages[details->count++] = &details->bad_request.base;
    return true;
}

static void add_retry(struct rnl_rpc_details *details, uint32_t delay_ms)
{
    google__protobuf__duration__init(&details->delay);
    google__rpc__retry_info__init(&details->retry);
    details->delay.seconds = delay_ms / 1000;
    details->delay.nanos = (int32_t)(delay_ms % 1000) * 1000000;
    details->retry.retry_delay = &details->delay;
    details->messages[details->count++] = &details->retry.base;
}

static void add_status(struct rnl_rpc_details *details,
                       const struct rnl_problem *problem)
{
    runnel__v1__status__init(&details->status);
    details->status.code = (Runnel__V1__Code)problem->code;
    details->status.first_available_sequence =
        problem->first_available_sequence;
    details->messages[details->count++] = &details->status.base;
}

void rnl_rpc_details_init(struct rnl_rpc_details *details,
                          const struct rnl_problem *problem)
{
    details->count = 0;
    details->violations = NULL;
    details->violation_pointers = NULL;
    details->bad_request.n_field_violations = 0;
    if (problem->violation_count > 0 && !add_bad_request(details, problem))
        return;
    if (problem->retry_delay_ms > 0)
        add_retry(details, problem->retry_delay_ms);
    if (problem->first_available_sequence > 0)
        add_status(details, problem);
}

void rnl_rpc_details_fini(struct rnl_rpc_details *details)
{
    for (size_t i = 0; i < details->bad_request.n_field_violations; i++) {
        const Google__Rpc__BadRequest__FieldViolation *violation =
            &details->violations[i];
        if (violation->field != protobuf_c_empty_string)
            rnl_free(violation->field);
        if (violation->description != protobuf_c_empty_string)
            rnl_free(violation->description);
    }
    rnl_free(details->violations);
    rnl_free(details->violation_pointers);
}
