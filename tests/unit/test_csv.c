/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "fault.h"

/* What a whole input gives: one line a row, fields in <>, errors as !line. */
struct transcript {
    char text[4096];
    size_t len;
    bool no_memory;
};

static void note(struct transcript *out, const char *data, size_t len)
{
    assert_true(out->len + len < sizeof(out->text));
    memcpy(out->text + out->len, data, len);
    out->len += len;
    out->text[out->len] = '\0';
}

static void record(struct transcript *out, const struct rnl_csv *csv,
                   enum rnl_csv_result result)
{
    char number[32];
    snprintf(number, sizeof(number), result == RNL_CSV_ROW ? "%d" : "!%d",
             (int)csv->line);
    note(out, number, strlen(number));
    for (size_t i = 0; result == RNL_CSV_ROW && i < csv->field_count; i++) {
        note(out, "<", 1);
        note(out, csv->fields[i].data, csv->fields[i].len);
        note(out, ">", 1);
    }
    note(out, " ", 1);
}

static void feed(struct transcript *out, struct rnl_csv *csv, const char *data,
                 size_t len)
{
    for (size_t used = 0; len > 0; data += used, len -= used) {
        enum rnl_csv_result result = rnl_csv_feed(csv, data, len, &used);
        assert_true(used <= len);
        if (result == RNL_CSV_NO_MEMORY)
            out->no_memory = true;
        else if (result != RNL_CSV_MORE)
            record(out, csv, result);
    }
}

static void finish(struct transcript *out, struct rnl_csv *csv)
{
    enum rnl_csv_result result = rnl_csv_finish(csv);
    for (int i = 0; result != RNL_CSV_MORE; i++) {
        assert_true(i < 3);
        if (result == RNL_CSV_NO_MEMORY) {
            out->no_memory = true;
            break;
        }
        record(out, csv, result);
        result = rnl_csv_finish(csv);
    }
    rnl_csv_fini(csv);
}

/* Feeds the input cut at `cut`, or whole. */
static void read_cut(struct transcript *out, const char *input, size_t len,
                     size_t cut)
{
    struct rnl_csv csv;
    *out = (struct transcript){0};
    rnl_csv_init(&csv, ',');
    feed(out, &csv, input, cut);
    feed(out, &csv, input + cut, len - cut);
    finish(out, &csv);
}

static void read_bytes(struct transcript *out, const char *input, size_t len)
{
    struct rnl_csv csv;
    *out = (struct transcript){0};
    rnl_csv_init(&csv, ',');
    for (size_t i = 0; i < len; i++)
        feed(out, &csv, input + i, 1);
    finish(out, &csv);
}

static void expect(const char *input, const char *want)
{
    struct transcript got;
    size_t len = strlen(input);
    for (size_t cut = 0; cut <= len; cut++) {
        read_cut(&got, input, len, cut);
        assert_string_equal(got.text, want);
    }
    read_bytes(&got, input, len);
    assert_string_equal(got.text, want);
}

static void rows_are_the_same_wherever_the_bytes_are_cut(void **state)
{
    (void)state;
    expect("a,b\n1,2\n", "1<a><b> 2<1><2> ");
    expect("a,b\r\n1,2", "1<a><b> 2<1><2> ");
    expect(",\n", "1<><> ");
    expect("\"\"\n", "1<> ");
    expect("a,\"b \"\"c\"\", d\"\r\n", "1<a><b \"c\", d> ");
    expect("\"two\nlines\",x\ny\n", "1<two\nlines><x> 3<y> ");
    expect("a\rb,c\r\n", "1<a\rb><c> ");
    expect("it is 5\" long,x\n", "1<it is 5\" long><x> ");
    expect("last,field,\r\n", "1<last><field><> ");
}

static void empty_lines_are_no_rows(void **state)
{
    (void)state;
    expect("", "");
    expect("\n\r\n\na\n\r\n", "4<a> ");
    expect("\r", "");
}

static void byte_order_mark_is_dropped_at_the_start_only(void **state)
{
    (void)state;
    expect("\xEF\xBB\xBF"
           "a\n",
           "1<a> ");
    expect("\xEF\xBB\xBF\"a,b\"\n", "1<a,b> ");
    expect("\xEF\xBB", "1<\xEF\xBB> ");
    expect("\xEF\xBBx,y\n", "1<\xEF\xBBx><y> ");
    expect("a\n\xEF\xBB\xBF"
           "b\n",
           "1<a> 2<\xEF\xBB\xBF"
           "b> ");
}

static void a_bad_row_costs_its_line_only(void **state)
{
    (void)state;
    expect("a\n\"b\"c,d\ne\n", "1<a> !2 3<e> ");
    expect("\"b\"\rc\nd\n", "!1 2<d> ");
    expect("a\n\"open\nend", "1<a> !2 ");
}

static void rows_above_the_limit_are_refused_and_skipped(void **state)
{
    (void)state;
    size_t len = RNL_CSV_ROW_LEN_MAX + 1;
    char *input = malloc(len + 3);
    assert_non_null(input);
    memset(input, 'x', len);
    memcpy(input + len, "\na", 3);
    struct transcript got;
    read_cut(&got, input, len + 2, len / 2);
    assert_string_equal(got.text, "!1 2<a> ");
    free(input);
}

static void too_many_fields_are_refused_and_skipped(void **state)
{
    (void)state;
    char input[RNL_CSV_FIELD_COUNT_MAX + 3];
    memset(input, ',', sizeof(input));
    memcpy(input + RNL_CSV_FIELD_COUNT_MAX, "\na", 2);
    struct transcript got;
    read_cut(&got, input, RNL_CSV_FIELD_COUNT_MAX + 2, 7);
    assert_string_equal(got.text, "!1 2<a> ");
}

/* Each allocation that fails costs a row at most; nothing leaks or breaks. */
static void memory_running_out_is_told_and_survived(void **state)
{
    (void)state;
    const char *input = "a,b\n\"c\",d\ne,f\n";
    struct transcript got;
    fault_count();
    read_cut(&got, input, strlen(input), 3);
    size_t allocations = fault_stop();
    assert_true(allocations >= 3);
    for (size_t k = 1; k <= allocations; k++) {
        for (int repeat = 0; repeat < 2; repeat++) {
            fault_at(k, repeat);
            read_cut(&got, input, strlen(input), 3);
            fault_stop();
            assert_true(got.no_memory);
        }
    }
}

/* Whole rows take a shorter way through the reader than rows in pieces; both
 * must say the same of any bytes. */
static void a_whole_row_is_read_like_its_bytes(void **state)
{
    (void)state;
    static const char letters[] = "ab,,\"\r\n\n";
    static struct transcript whole;
    static struct transcript bytes;
    uint32_t seed = 12345;
    for (int round = 0; round < 20000; round++) {
        char input[24];
        size_t len = 0;
        for (; len < sizeof(input); len++) {
            seed = seed * 1664525 + 1013904223;
            input[len] = letters[(seed >> 24) % (sizeof(letters) - 1)];
        }
        read_cut(&whole, input, len, 0);
        read_bytes(&bytes, input, len);
        assert_string_equal(whole.text, bytes.text);
    }
}

static void any_separator_works(void **state)
{
    (void)state;
    struct rnl_csv csv;
    struct transcript got = {0};
    rnl_csv_init(&csv, '\t');
    feed(&got, &csv, "a,b\tc\n", 6);
    finish(&got, &csv);
    assert_string_equal(got.text, "1<a,b><c> ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_same_wherever_the_bytes_are_cut),
        cmocka_unit_test(empty_lines_are_no_rows),
        cmocka_unit_test(byte_order_mark_is_dropped_at_the_start_only),
        cmocka_unit_test(a_bad_row_costs_its_line_only),
        cmocka_unit_test(rows_above_the_limit_are_refused_and_skipped),
        cmocka_unit_test(too_many_fields_are_refused_and_skipped),
        cmocka_unit_test(memory_running_out_is_told_and_survived),
        cmocka_unit_test(a_whole_row_is_read_like_its_bytes),
        cmocka_unit_test(any_separator_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
