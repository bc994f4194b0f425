/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "hex.h"

static void each_byte_is_two_lower_case_digits(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x09, 0xa0, 0x1f, 0xff};
    char text[12];
    memset(text, 'x', sizeof(text));
    rnl_hex_write(bytes, sizeof(bytes), text);
    assert_string_equal(text, "0009a01fff");
    assert_int_equal(text[11], 'x');
}

static void no_bytes_are_an_empty_text(void **state)
{
    (void)state;
    char text[2] = "x";
    rnl_hex_write(NULL, 0, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_is_two_lower_case_digits),
        cmocka_unit_test(no_bytes_are_an_empty_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
