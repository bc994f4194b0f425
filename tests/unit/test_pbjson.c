/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <runnel/v1/jobs.pb-c.h>
#include <types.pb-c.h>

#include "alloc.h"
#include "fault.h"
#include "pbjson.h"

#define TYPES    (&runnel__test__types__descriptor)
#define TEXT_MAX 65536

typedef Runnel__Test__Types types;

static struct rnl_pbjson_error error;

/* Parses and reads; the code of whichever failed. */
static enum rnl_code read_as(const ProtobufCMessageDescriptor *descriptor,
                             const char *json, void *ret_message)
{
    json_t *value;
    enum rnl_code code = rnl_pbjson_parse(json, strlen(json), &value, &error);
    if (code != RNL_OK)
        return code;
    code = rnl_pbjson_read(descriptor, value, ret_message, &error);
    json_decref(value);
    return code;
}

static types *must_read(const char *json)
{
    types *message = NULL;
    enum rnl_code code = read_as(TYPES, json, &message);
    if (code != RNL_OK)
        fail_msg("%s: %s: %s", json, error.field, error.what);
    return message;
}

/* What is written for the message that json was read as, must be want. */
static void assert_written(const char *json, const char *want)
{
    types *message = must_read(json);
    struct rnl_text text;
    rnl_text_init(&text, TEXT_MAX);
    assert_int_equal(rnl_pbjson_write(&message->base, &text, &error), RNL_OK);
    rnl_text_put_byte(&text, '\0');
    assert_string_equal(text.data, want);
    rnl_text_fini(&text);
    rnl_pbjson_free(&message->base);
}

static void assert_same(const char *json)
{
    assert_written(json, json);
}

static void assert_refused(const char *json, const char *field,
                           const char *what)
{
    types *message = NULL;
    enum rnl_code code = read_as(TYPES, json, &message);
    if (code == RNL_OK)
        fail_msg("%s was read", json);
    assert_int_equal(code, RNL_INVALID_ARGUMENT);
    assert_null(message);
    assert_string_equal(error.field, field);
    if (strstr(error.what, what) == NULL)
        fail_msg("%s: says \"%s\", not \"%s\"", json, error.what, what);
}

static void an_empty_message_is_an_empty_object(void **state)
{
    (void)state;
    assert_same("{}");
}

static void every_scalar_survives_the_way(void **state)
{
    (void)state;
    assert_same("{\"anInt32\":-2147483648,\"anInt64\":\"-9223372036854775808\","
                "\"aUint32\":4294967295,\"aUint64\":\"18446744073709551615\","
                "\"aSint32\":-1,\"aSint64\":\"-1\",\"aFixed32\":1,"
                "\"aFixed64\":\"1\",\"aSfixed32\":-1,\"aSfixed64\":\"-1\","
                "\"aFloat\":0.1,\"aDouble\":0.1,\"aBool\":true,"
                "\"aString\":\"\xc3\xa9\",\"someBytes\":\"AP8=\","
                "\"aColour\":\"COLOUR_DARK_BLUE\",\"nested\":{\"aBool\":true},"
                "\"aTime\":\"2026-01-31T12:00:00.250Z\","
                "\"aDuration\":\"-1.500s\",\"trailing2Digits3x\":\"x\"}");
}

static void defaults_are_not_written(void **state)
{
    (void)state;
    assert_written("{\"anInt32\":0,\"aString\":\"\",\"someBytes\":\"\","
                   "\"aColour\":\"COLOUR_UNSPECIFIED\",\"aBool\":false,"
                   "\"int32s\":[],\"stringsByName\":{},\"aDouble\":0}",
                   "{}");
}

static void null_means_not_given(void **state)
{
    (void)state;
    assert_written("{\"anInt32\":null,\"nested\":null,\"chosenText\":null,"
                   "\"chosenFlag\":true,\"strings\":null}",
                   "{\"chosenFlag\":true}");
    assert_refused("{\"strings\":[null]}", "strings[0]", "must be a string");
}

static void names_of_the_schema_are_read_too(void **state)
{
    (void)state;
    assert_written("{\"an_int32\":5,\"trailing_2_digits_3x\":\"y\"}",
                   "{\"anInt32\":5,\"trailing2Digits3x\":\"y\"}");
    assert_refused("{\"an_int32\":5,\"anInt32\":6}", "anInt32", "given twice");
    assert_refused("{\"anInt32\":5,\"anInt32\":6}", "", "duplicate");
    assert_refused("{\"AnInt32\":5}", "AnInt32", "no such field in Types");
}

static void unknown_fields_are_named_with_their_path(void **state)
{
    (void)state;
    assert_refused("{\"messages\":[{},{\"nested\":{\"colour\":1}}]}",
                   "messages[1].nested.colour", "no such field");
    assert_refused("{\"messagesByNumber\":{\"7\":{\"x\":1}}}",
                   "messagesByNumber.7.x", "no such field");
}

static void whole_numbers_come_in_several_spellings(void **state)
{
    (void)state;
    assert_written("{\"anInt64\":12,\"aUint64\":\"7\",\"anInt32\":1e3,"
                   "\"aUint32\":5.0,\"aSint32\":\"-4\",\"aSint64\":-0.0}",
                   "{\"anInt32\":1000,\"anInt64\":\"12\",\"aUint32\":5,"
                   "\"aUint64\":\"7\",\"aSint32\":-4}");
}

static void numbers_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    assert_refused("{\"anInt32\":2147483648}", "anInt32",
                   "from -2147483648 to 2147483647");
    assert_refused("{\"anInt32\":-2147483649}", "anInt32", "whole number");
    assert_refused("{\"aUint32\":4294967296}", "aUint32", "to 4294967295");
    assert_refused("{\"aUint32\":-1}", "aUint32", "from 0");
    assert_refused("{\"aUint64\":\"18446744073709551616\"}", "aUint64",
                   "to 18446744073709551615");
    assert_refused("{\"anInt64\":\"9223372036854775808\"}", "anInt64", "from");
    assert_refused("{\"anInt64\":9.3e18}", "anInt64", "whole number");
    assert_refused("{\"anInt32\":1.5}", "anInt32", "whole number");
    assert_refused("{\"int32s\":[1,2,\"3x\"]}", "int32s[2]", "whole number");
    assert_refused("{\"anInt32\":\"\"}", "anInt32", "whole number");
    assert_refused("{\"anInt32\":\" 1\"}", "anInt32", "whole number");
    assert_refused("{\"anInt32\":\"-\"}", "anInt32", "whole number");
    assert_refused("{\"anInt32\":true}", "anInt32", "whole number");
    assert_refused("{\"aFloat\":1e39}", "aFloat", "32 bits");
    assert_refused("{\"aDouble\":\"1e999\"}", "aDouble", "number");
}

static void doubles_are_written_as_short_as_they_can_be(void **state)
{
    (void)state;
    assert_written("{\"doubles\":[0.1,1e22,5e-324,1.7976931348623157e308,"
                   "123456789.125,3,0.30000000000000004]}",
                   "{\"doubles\":[0.1,1e+22,4.94065645841247e-324,"
                   "1.7976931348623157e+308,123456789.125,3,"
                   "0.30000000000000004]}");
    assert_same("{\"doubles\":[\"NaN\",\"Infinity\",\"-Infinity\"]}");
    /* Whole ones, on both sides of where exponents begin, and 0 below 0. */
    assert_written("{\"doubles\":[0,-0.0,-1,999999999999999,1000000000000000,"
                   "-999999999999999,9007199254740993]}",
                   "{\"doubles\":[0,-0.0,-1,999999999999999,1e+15,"
                   "-999999999999999,9007199254740992]}");
    assert_same("{\"aFloat\":-999999}");
    assert_written("{\"aFloat\":1000000}", "{\"aFloat\":1e+06}");
    assert_written("{\"aDouble\":\"-1.5e3\",\"aFloat\":\"0.5\"}",
                   "{\"aFloat\":0.5,\"aDouble\":-1500}");
    assert_refused("{\"aDouble\":\"nan\"}", "aDouble", "must be a number");
    assert_refused("{\"aDouble\":\"0x10\"}", "aDouble", "must be a number");
    assert_refused("{\"aDouble\":\" 1\"}", "aDouble", "must be a number");
    assert_refused("{\"aDouble\":\"\"}", "aDouble", "must be a number");
}

static void enums_are_names_or_numbers(void **state)
{
    (void)state;
    assert_written("{\"colours\":[\"COLOUR_RED\",7,-3,99]}",
                   "{\"colours\":[\"COLOUR_RED\",\"COLOUR_DARK_BLUE\","
                   "\"COLOUR_NEGATIVE\",99]}");
    assert_refused("{\"aColour\":\"RED\"}", "aColour", "name of Colour");
    assert_refused("{\"aColour\":true}", "aColour", "name or a number");
    assert_refused("{\"aColour\":2147483648}", "aColour", "name or a number");
}

static void loose_enum_names_are_for_queries(void **state)
{
    (void)state;
    const ProtobufCEnumDescriptor *states = &runnel__v1__job_state__descriptor;
    const char *const names[] = {"JOB_STATE_RUNNING", "RUNNING", "running"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(rnl_pbjson_enum_loose(states, names[i])->value, 2);
    assert_null(rnl_pbjson_enum_loose(states, "STATE_RUNNING"));
    assert_null(rnl_pbjson_enum_loose(states, ""));
}

static void bytes_are_base64_of_either_alphabet(void **state)
{
    (void)state;
    assert_written("{\"byteStrings\":[\"+/+/\",\"-_-_\",\"AA==\",\"AA\","
                   "\"AAA\",\"\"]}",
                   "{\"byteStrings\":[\"+/+/\",\"+/+/\",\"AA==\",\"AA==\","
                   "\"AAA=\",\"\"]}");
    const char *const bad[] = {"A",    "AA=",  "A===", "AA==A",
                               "A A=", "AB==", "===="};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char json[64];
        snprintf(json, sizeof(json), "{\"someBytes\":\"%s\"}", bad[i]);
        assert_refused(json, "someBytes", "must be base64");
    }
}

static void times_are_read_with_any_offset(void **state)
{
    (void)state;
    assert_written("{\"times\":[\"1970-01-01T00:00:00Z\","
                   "\"2024-02-29T23:59:59.999999999+02:00\","
                   "\"0001-01-01T00:00:00Z\",\"9999-12-31T23:59:59.5Z\","
                   "\"1969-12-31t23:59:59.000001z\","
                   "\"2000-03-01T00:00:00-00:30\"]}",
                   "{\"times\":[\"1970-01-01T00:00:00Z\","
                   "\"2024-02-29T21:59:59.999999999Z\","
                   "\"0001-01-01T00:00:00Z\",\"9999-12-31T23:59:59.500Z\","
                   "\"1969-12-31T23:59:59.000001Z\","
                   "\"2000-03-01T00:30:00Z\"]}");
}

static void texts_that_are_no_time_are_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"",
                               "2023-02-29T00:00:00Z",
                               "2023-13-01T00:00:00Z",
                               "2023-01-32T00:00:00Z",
                               "2023-01-01T24:00:00Z",
                               "2023-01-01 00:00:00Z",
                               "2023-01-01T00:00:00",
                               "2023-01-01T00:00:60Z",
                               "2023-01-01T00:00:00.Z",
                               "2023-01-01T00:00:00.0000000001Z",
                               "2023-01-01T00:00:00Zx",
                               "0000-01-01T00:00:00Z",
                               "9999-12-31T23:59:59-01:00",
                               "0001-01-01T00:00:00+00:01",
                               "1900-02-29T00:00:00Z",
                               "2023-01-01T00:00:00+0100"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char json[96];
        snprintf(json, sizeof(json), "{\"aTime\":\"%s\"}", bad[i]);
        assert_refused(json, "aTime", "must be a time");
    }
    assert_refused("{\"aTime\":5}", "aTime", "must be a time");
}

static void durations_have_a_sign_and_a_fraction(void **state)
{
    (void)state;
    assert_written("{\"messages\":[{\"aDuration\":\"1.5s\"},"
                   "{\"aDuration\":\"-0.000001s\"},{\"aDuration\":\"0s\"},"
                   "{\"aDuration\":\"315576000000s\"}]}",
                   "{\"messages\":[{\"aDuration\":\"1.500s\"},"
                   "{\"aDuration\":\"-0.000001s\"},{\"aDuration\":\"0s\"},"
                   "{\"aDuration\":\"315576000000s\"}]}");
    const char *const bad[] = {
        "",    "s",  "1",   "1.s",           ".5s",           "1.5",
        "+1s", "1m", "1 s", "315576000001s", "9999999999999s"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char json[64];
        snprintf(json, sizeof(json), "{\"aDuration\":\"%s\"}", bad[i]);
        assert_refused(json, "aDuration", "must be a duration");
    }
}

static void maps_are_objects(void **state)
{
    (void)state;
    assert_same("{\"stringsByName\":{\"a\":\"1\",\"b.c\":\"\"},"
                "\"messagesByNumber\":{\"-5\":{\"aBool\":true}},"
                "\"doublesByNumber\":{\"18446744073709551615\":0.5},"
                "\"coloursByFlag\":{\"true\":\"COLOUR_RED\"}}");
    assert_refused("{\"stringsByName\":[]}", "stringsByName", "an object");
    assert_refused("{\"stringsByName\":{\"a\":1}}", "stringsByName.a",
                   "must be a string");
    assert_refused("{\"messagesByNumber\":{\"x\":{}}}", "messagesByNumber.x",
                   "whole number");
    assert_refused("{\"coloursByFlag\":{\"1\":1}}", "coloursByFlag.1",
                   "keys true and false");
}

static void only_one_member_of_a_oneof_may_be_given(void **state)
{
    (void)state;
    assert_same("{\"chosenText\":\"\"}");
    assert_same("{\"chosenNumber\":\"0\"}");
    assert_same("{\"chosenFlag\":false}");
    assert_same("{\"chosenBytes\":\"\"}");
    assert_same("{\"chosenMessage\":{\"chosenMessage\":{}}}");
    assert_refused("{\"chosenText\":\"a\",\"chosenMessage\":{}}",
                   "chosenMessage", "together with chosen_text");
    assert_refused("{\"chosenMessage\":{\"x\":1}}", "chosenMessage.x",
                   "no such field");
}

static void wrong_types_are_refused(void **state)
{
    (void)state;
    assert_refused("[]", "", "must be an object");
    assert_refused("{\"nested\":[]}", "nested", "must be an object");
    assert_refused("{\"strings\":\"a\"}", "strings", "must be an array");
    assert_refused("{\"aString\":5}", "aString", "must be a string");
    assert_refused("{\"someBytes\":5}", "someBytes", "string of base64");
    assert_refused("{\"aBool\":\"true\"}", "aBool", "true or false");
}

static void malformed_text_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_refused("", "", "line 1, column 0");
    assert_refused("{\"a\":\n  nope}", "", "line 2, column 6");
    assert_refused("{} {}", "", "line 1");
    assert_refused("{\"aString\":\"\xff\"}", "", "decode byte");
    assert_refused("{\"aString\":\"\xc0\x80\"}", "", "decode byte");
    assert_refused("{\"aString\":\"\xed\xa0\x80\"}", "", "decode byte");
    assert_refused("{\"aString\":\"a\\u0000b\"}", "", "\\u0000");
    assert_refused("{\"aString\":\"\\ud800\"}", "", "Unicode");
    assert_refused("{\"anInt64\":9223372036854775808}", "", "big");
}

static void strings_are_escaped(void **state)
{
    (void)state;
    assert_same("{\"aString\":\"\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u007f/"
                "\xf0\x9f\x98\x80\"}");
}

static char *nest(size_t depth, const char *name)
{
    size_t cap = depth * (strlen(name) + 6) + 3;
    char *json = rnl_malloc(cap);
    size_t len = 0;
    for (size_t i = 0; i < depth; i++)
        len += (size_t)snprintf(json + len, cap - len, "{\"%s\":", name);
    memcpy(json + len, "{}", 2);
    len += 2;
    memset(json + len, '}', depth);
    json[len + depth] = '\0';
    return json;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char *deepest = nest(RNL_PBJSON_DEPTH_MAX - 1, "nested");
    assert_same(deepest);
    rnl_free(deepest);
    char *deeper = nest(RNL_PBJSON_DEPTH_MAX, "nested");
    types *message;
    assert_int_equal(read_as(TYPES, deeper, &message), RNL_INVALID_ARGUMENT);
    assert_non_null(strstr(error.what, "nested more than 32 deep"));
    rnl_free(deeper);
    /* A longer path than there is room for is cut, not overrun. */
    deeper = nest(1500, "nested");
    assert_int_equal(read_as(TYPES, deeper, &message), RNL_INVALID_ARGUMENT);
    assert_int_equal(strlen(error.field), RNL_PBJSON_FIELD_MAX - 1);
    rnl_free(deeper);
}

static void what_json_cannot_hold_is_not_written(void **state)
{
    (void)state;
    char bad[] = "\xff";
    Google__Protobuf__Timestamp late = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    late.seconds = INT64_MAX;
    types inner = RUNNEL__TEST__TYPES__INIT, outer = RUNNEL__TEST__TYPES__INIT;
    outer.nested = &inner;
    struct rnl_text text;
    rnl_text_init(&text, TEXT_MAX);
    inner.a_string = bad;
    assert_int_equal(rnl_pbjson_write(&outer.base, &text, &error),
                     RNL_INTERNAL);
    assert_string_equal(error.field, "nested.a_string");
    rnl_text_reset(&text);
    inner.a_string = NULL;
    inner.a_time = &late;
    assert_int_equal(rnl_pbjson_write(&outer.base, &text, &error),
                     RNL_INTERNAL);
    assert_string_equal(error.field, "nested.a_time");
    rnl_text_fini(&text);
}

static void an_answer_above_its_limit_fails(void **state)
{
    (void)state;
    types *message = must_read("{\"aString\":\"0123456789\"}");
    struct rnl_text text;
    rnl_text_init(&text, 23);
    assert_int_equal(rnl_pbjson_write(&message->base, &text, &error),
                     RNL_RESOURCE_EXHAUSTED);
    rnl_text_fini(&text);
    rnl_text_init(&text, 24);
    assert_int_equal(rnl_pbjson_write(&message->base, &text, &error), RNL_OK);
    rnl_text_fini(&text);
    rnl_pbjson_free(&message->base);
}

static const char whole[] =
    "{\"aString\":\"x\",\"someBytes\":\"AAAA\",\"nested\":{\"aTime\":"
    "\"2026-01-01T00:00:00Z\"},\"strings\":[\"a\",\"b\"],\"byteStrings\":"
    "[\"AA==\",\"AA==\"],\"messages\":[{},{\"chosenText\":\"t\"}],"
    "\"stringsByName\":{\"k\":\"v\",\"l\":\"w\"},\"chosenMessage\":{}}";

/* Each allocation fails in turn: an error, no leak (ASan tells), no crash. */
static void want_of_memory_costs_one_message(void **state)
{
    (void)state;
    json_t *value;
    types *message = NULL;
    assert_int_equal(rnl_pbjson_parse(whole, strlen(whole), &value, &error),
                     RNL_OK);
    fault_count();
    assert_int_equal(rnl_pbjson_read(TYPES, value, (void *)&message, &error),
                     RNL_OK);
    size_t count = fault_stop();
    rnl_pbjson_free(&message->base);
    assert_true(count > 15);
    for (size_t k = 1; k <= count; k++) {
        fault_at(k, false);
        assert_int_equal(
            rnl_pbjson_read(TYPES, value, (void *)&message, &error),
            RNL_RESOURCE_EXHAUSTED);
        fault_stop();
    }
    json_decref(value);
}

/* The result packs to the wire and back, so the structures are whole. */
static void what_was_read_can_be_packed(void **state)
{
    (void)state;
    types *message = must_read(whole);
    size_t len = protobuf_c_message_get_packed_size(&message->base);
    uint8_t *wire = rnl_malloc(len);
    assert_int_equal(protobuf_c_message_pack(&message->base, wire), len);
    types *again = runnel__test__types__unpack(&rnl_pb_allocator, len, wire);
    assert_non_null(again);
    assert_string_equal(again->messages[1]->chosen_text, "t");
    assert_int_equal(again->n_strings_by_name, 2);
    rnl_pbjson_free(&again->base);
    rnl_free(wire);
    rnl_pbjson_free(&message->base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_message_is_an_empty_object),
        cmocka_unit_test(every_scalar_survives_the_way),
        cmocka_unit_test(defaults_are_not_written),
        cmocka_unit_test(null_means_not_given),
        cmocka_unit_test(names_of_the_schema_are_read_too),
        cmocka_unit_test(unknown_fields_are_named_with_their_path),
        cmocka_unit_test(whole_numbers_come_in_several_spellings),
        cmocka_unit_test(numbers_that_do_not_fit_are_refused),
        cmocka_unit_test(doubles_are_written_as_short_as_they_can_be),
        cmocka_unit_test(enums_are_names_or_numbers),
        cmocka_unit_test(loose_enum_names_are_for_queries),
        cmocka_unit_test(bytes_are_base64_of_either_alphabet),
        cmocka_unit_test(times_are_read_with_any_offset),
        cmocka_unit_test(texts_that_are_no_time_are_refused),
        cmocka_unit_test(durations_have_a_sign_and_a_fraction),
        cmocka_unit_test(maps_are_objects),
        cmocka_unit_test(only_one_member_of_a_oneof_may_be_given),
        cmocka_unit_test(wrong_types_are_refused),
        cmocka_unit_test(malformed_text_is_refused_with_its_place),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(what_json_cannot_hold_is_not_written),
        cmocka_unit_test(an_answer_above_its_limit_fails),
        cmocka_unit_test(want_of_memory_costs_one_message),
        cmocka_unit_test(what_was_read_can_be_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
