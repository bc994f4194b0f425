/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <runnel/v1/jobs.pb-c.h>

#include "request_check.h"

static char path[RNL_FIELD_PATH_MAX];

static void expect_bad(const Runnel__V1__CreateJobRequest *request,
                       const char *wanted)
{
    assert_false(rnl_request_check_text(&request->base, path));
    assert_string_equal(path, wanted);
}

static void a_string_that_is_not_utf8_is_found_wherever_it_is(void **state)
{
    (void)state;
    Runnel__V1__CreateJobRequest request = RUNNEL__V1__CREATE_JOB_REQUEST__INIT;
    Runnel__V1__Payload input = RUNNEL__V1__PAYLOAD__INIT;
    Runnel__V1__CreateJobRequest__LabelsEntry good =
        RUNNEL__V1__CREATE_JOB_REQUEST__LABELS_ENTRY__INIT;
    Runnel__V1__CreateJobRequest__LabelsEntry entry = good;
    Runnel__V1__CreateJobRequest__LabelsEntry *labels[] = {&good, &entry};
    request.kind = (char *)"echo \xc3\xa9";
    assert_true(rnl_request_check_text(&request.base, path));
    request.input = &input;
    request.labels = labels;
    request.n_labels = 2;
    assert_true(rnl_request_check_text(&request.base, path));
    entry.value = (char *)"\xc3";
    expect_bad(&request, "labels[1].value");
    input.content_case = RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    input.text = (char *)"a\xff";
    expect_bad(&request, "input.text");
    request.kind = (char *)"\xed\xa0\x80";
    expect_bad(&request, "kind");
}

/* The bytes of the other member of a oneof are not a string. */
static void bytes_are_not_looked_at(void **state)
{
    (void)state;
    Runnel__V1__Payload input = RUNNEL__V1__PAYLOAD__INIT;
    uint8_t data[] = {0xff, 0xfe};
    input.content_case = RUNNEL__V1__PAYLOAD__CONTENT_DATA;
    input.data = (ProtobufCBinaryData){sizeof(data), data};
    assert_true(rnl_request_check_text(&input.base, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_that_is_not_utf8_is_found_wherever_it_is),
        cmocka_unit_test(bytes_are_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
