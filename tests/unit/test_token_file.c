/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of a file of the settings. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "token_file.h"

#define HASH "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static char path[64];
static struct rnl_token_list list;

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/runnel-tokens-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rnl_token_list_fini(&list);
    return unlink(path);
}

static const char *read_text(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    rnl_token_list_fini(&list);
    return rnl_token_file_read(path, &list);
}

static void lines_are_tokens(void **state)
{
    (void)state;
    assert_null(read_text("# comment\n\n" HASH
                          " \t jobs:read,work   build server 7\r\n" HASH
                          " admin x"));
    assert_int_equal(list.count, 2);
    const struct rnl_token_record *record = &list.records[0];
    assert_string_equal(record->id, "9f86d081884c");
    assert_string_equal(record->name, "build server 7");
    assert_int_equal(record->hash[0], 0x9f);
    assert_int_equal(record->hash[31], 0x08);
    assert_true(rnl_scopes_allow(record->scopes, RNL_SCOPE_WORK));
    assert_false(rnl_scopes_allow(record->scopes, RNL_SCOPE_JOBS_WRITE));
    assert_int_equal(record->expire_ns, 0);
    assert_int_equal(list.records[1].scopes, RNL_SCOPES_ADMIN);
    assert_null(read_text(""));
    assert_int_equal(list.count, 0);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "secret",         HASH,
        HASH " ",         HASH " work",
        HASH " work ",    HASH " jobs name",
        HASH "0 work n",  "9F86" HASH " work n",
        " " HASH " work", HASH " work,,admin n"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text), "# first\n%s\n", wrong[i]);
        const char *said = read_text(text);
        assert_non_null(said);
        assert_int_equal(strncmp(said, "line 2: ", 8), 0);
        assert_int_equal(list.count, 0);
    }
    char line[700];
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    assert_string_equal(read_text(line), "line 1: is longer than 510 bytes");
    rnl_token_list_fini(&list);
    assert_non_null(rnl_token_file_read("/nowhere/at/all", &list));
}

static void tokens_are_bounded(void **state)
{
    (void)state;
    static const char line[] = HASH " work n\n";
    const size_t len = sizeof(line) - 1;
    char *text = calloc(RNL_TOKENS_MAX + 2, len);
    assert_non_null(text);
    for (size_t i = 0; i < RNL_TOKENS_MAX; i++)
        memcpy(text + i * len, line, len);
    assert_null(read_text(text));
    assert_int_equal(list.count, RNL_TOKENS_MAX);
    memcpy(text + RNL_TOKENS_MAX * len, line, len);
    assert_string_equal(read_text(text),
                        "line 1001: a server takes at most 1000 tokens");
    free(text);
}

static void want_of_memory_is_told(void **state)
{
    (void)state;
    fault_at(1, true);
    const char *said = read_text(HASH " work n\n");
    fault_stop();
    assert_string_equal(said, "memory is out");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_tokens),
        TEST(what_is_wrong_is_told_with_its_line),
        TEST(tokens_are_bounded),
        TEST(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
