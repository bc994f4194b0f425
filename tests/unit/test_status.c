/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include <runnel/status.h>
#include <runnel/v1/frame.pb-c.h>

/* errors.def and the schema's enum Code must say the same. */
static void list_and_schema_agree(void **state)
{
    (void)state;
    const ProtobufCEnumDescriptor *codes = &runnel__v1__code__descriptor;
    unsigned seen = 0;
    for (unsigned i = 0; i < codes->n_values; i++) {
        const ProtobufCEnumValue *value = &codes->values[i];
        assert_string_equal(value->name + strlen("CODE_"),
                            rnl_code_name(value->value));
        seen++;
    }
    unsigned listed = 0;
#define RNL_ERROR(name, code, http, retryable, text) listed++;
#include <runnel/errors.def>
#undef RNL_ERROR
    assert_int_equal(seen, listed);
}

static void numbers_outside_the_list_are_unknown(void **state)
{
    (void)state;
    assert_string_equal(rnl_code_name(-1), "UNKNOWN");
    assert_string_equal(rnl_code_name(17), "UNKNOWN");
    assert_int_equal(rnl_code_http(99), 500);
    assert_false(rnl_code_retryable(99));
}

static void codes_map_to_http(void **state)
{
    (void)state;
    assert_int_equal(rnl_code_http(RNL_OK), 200);
    assert_int_equal(rnl_code_http(RNL_NOT_FOUND), 404);
    assert_int_equal(rnl_code_http(RNL_UNAVAILABLE), 503);
    assert_true(rnl_code_retryable(RNL_UNAVAILABLE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_and_schema_agree),
        cmocka_unit_test(numbers_outside_the_list_are_unknown),
        cmocka_unit_test(codes_map_to_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
