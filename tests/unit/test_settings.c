/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings.h"

static const char *text;
static bool flag;
static uint64_t count, bytes, duration;

static const struct rnl_setting table[] = {
    {.name = "text", .type = RNL_SETTING_TEXT, .target = &text},
    {.name = "flag", .type = RNL_SETTING_FLAG, .target = &flag},
    {.name = "max-count",
     .type = RNL_SETTING_COUNT,
     .target = &count,
     .min = 1,
     .max = 100},
    {.name = "bytes",
     .type = RNL_SETTING_BYTES,
     .target = &bytes,
     .max = UINT64_MAX},
    {.name = "pace",
     .type = RNL_SETTING_DURATION,
     .target = &duration,
     .max = 3600000,
     .env = "OTHER_PACE"},
};

static struct rnl_settings settings;
static const char *empty_environment[] = {NULL};

static int reset(void **state)
{
    (void)state;
    rnl_settings_fini(&settings);
    settings = (struct rnl_settings){
        .program = "prog",
        .version = "1",
        .summary = "Tests.",
        .env_prefix = "T",
        .table = table,
        .count = sizeof(table) / sizeof(table[0]),
    };
    text = "default";
    flag = false;
    count = bytes = duration = 7;
    return 0;
}

static enum rnl_settings_result load(const char **environment, const char *arg1,
                                     const char *arg2)
{
    const char *argv[] = {"prog", arg1, arg2, NULL};
    int argc = arg1 == NULL ? 1 : arg2 == NULL ? 2 : 3;
    return rnl_settings_load(&settings, argc, (char **)argv,
                             (char **)environment);
}

static void write_file(const char *content, char path[64])
{
    snprintf(path, 64, "/tmp/runnel-settings-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static void flags_win_over_environment_and_that_over_the_file(void **state)
{
    (void)state;
    char path[64];
    write_file("# comment\n\n text =  from file \nmax-count=5\r\n"
               "bytes = 64K\nflag = true",
               path);
    const char *environment[] = {"T_TEXT=from env", "T_MAX_COUNT=6",
                                 "OTHER_PACE=2m", "T_PACE=9s", NULL};
    const char *argv[] = {"prog", "--config", path, "--max-count=9", NULL};
    assert_int_equal(
        rnl_settings_load(&settings, 4, (char **)argv, (char **)environment),
        RNL_SETTINGS_RUN);
    unlink(path);
    assert_string_equal(text, "from env");
    assert_int_equal(count, 9);
    assert_int_equal(bytes, 65536);
    assert_int_equal(duration, 120000);
    assert_true(flag);
}

static void defaults_stay_when_nothing_is_said(void **state)
{
    (void)state;
    assert_int_equal(load(empty_environment, NULL, NULL), RNL_SETTINGS_RUN);
    assert_string_equal(text, "default");
    assert_int_equal(count, 7);
    assert_int_equal(load(empty_environment, "--check-config", NULL),
                     RNL_SETTINGS_CHECK);
}

static void flags_are_switched_on_and_off(void **state)
{
    (void)state;
    assert_int_equal(load(empty_environment, "--flag", NULL), RNL_SETTINGS_RUN);
    assert_true(flag);
    assert_int_equal(load(empty_environment, "--no-flag", NULL),
                     RNL_SETTINGS_RUN);
    assert_false(flag);
    assert_int_equal(load(empty_environment, "--flag=true", NULL),
                     RNL_SETTINGS_RUN);
    assert_true(flag);
}

static void refuse(const char *arg1, const char *arg2, const char *error)
{
    reset(NULL);
    assert_int_equal(load(empty_environment, arg1, arg2), RNL_SETTINGS_ERROR);
    assert_string_equal(settings.error, error);
}

static void errors_name_the_option_and_the_limit(void **state)
{
    (void)state;
    refuse("--max-count", "0",
           "--max-count: must be between 1 and 100, not \"0\"");
    refuse("--max-count", "x", "--max-count: must be a number, not \"x\"");
    refuse("--max-count", "-1", "--max-count: must be a number, not \"-1\"");
    refuse("--max-count", NULL, "--max-count: needs a value");
    refuse("--bytes", "20000000000G",
           "--bytes: must be a size such as 65536, 64K or 1M, "
           "not \"20000000000G\"");
    refuse("--pace", "5",
           "--pace: must be a time such as 250ms, 30s or 5m, "
           "not \"5\"");
    refuse("--pace", "2h", "--pace: must be between 0ms and 1h, not \"2h\"");
    refuse("--flag=maybe", NULL,
           "--flag: must be true or false, not \"maybe\"");
    refuse("--nothing=1", NULL, "there is no option \"--nothing\"");
    refuse("--no-text", NULL, "there is no option \"--no-text\"");
    refuse("stray", NULL, "unexpected argument \"stray\"");
    refuse("--config", "/nonexistent/file",
           "/nonexistent/file: No such file or directory");
}

static void errors_name_the_line_of_the_file_or_the_variable(void **state)
{
    (void)state;
    char path[64], error[256];
    write_file("text = a\n\nmax-count = 101\n", path);
    snprintf(error, sizeof(error),
             "%s:3: max-count: must be between 1 and 100, not \"101\"", path);
    refuse("--config", path, error);
    unlink(path);
    write_file("what = 1\n", path);
    snprintf(error, sizeof(error), "%s:1: there is no setting \"what\"", path);
    refuse("--config", path, error);
    unlink(path);
    reset(NULL);
    const char *environment[] = {"T_BYTES=1T", NULL};
    assert_int_equal(load(environment, NULL, NULL), RNL_SETTINGS_ERROR);
    assert_memory_equal(settings.error, "T_BYTES: must be", 16);
}

static void addresses_are_split_at_their_last_colon(void **state)
{
    (void)state;
    char host[16];
    uint16_t port;
    assert_true(rnl_settings_split_address("localhost:0", host, 16, &port));
    assert_string_equal(host, "localhost");
    assert_int_equal(port, 0);
    assert_true(rnl_settings_split_address("[::1]:65535", host, 16, &port));
    assert_string_equal(host, "::1");
    assert_int_equal(port, 65535);
    static const char *const bad[] = {
        "localhost", ":1",   "::1:7400",           "a:65536", "a:-1",
        "a:",        "[]:1", "aaaaaaaaaaaaaaaa:1", "a:1x",    "a:b:1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(rnl_settings_split_address(bad[i], host, 16, &port));
}

static void a_secret_is_the_first_line_of_its_file(void **state)
{
    (void)state;
    char path[64], secret[8];
    write_file("s3cret\nother\n", path);
    assert_null(rnl_settings_read_secret(path, secret, sizeof(secret)));
    assert_string_equal(secret, "s3cret");
    assert_string_equal(rnl_settings_read_secret(path, secret, 6),
                        "is too long");
    unlink(path);
    write_file("\n", path);
    assert_non_null(rnl_settings_read_secret(path, secret, sizeof(secret)));
    unlink(path);
    assert_non_null(rnl_settings_read_secret(path, secret, sizeof(secret)));
}

static int finish(void **state)
{
    (void)state;
    rnl_settings_fini(&settings);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            flags_win_over_environment_and_that_over_the_file, reset),
        cmocka_unit_test_setup(defaults_stay_when_nothing_is_said, reset),
        cmocka_unit_test_setup(flags_are_switched_on_and_off, reset),
        cmocka_unit_test_setup(errors_name_the_option_and_the_limit, reset),
        cmocka_unit_test_setup(errors_name_the_line_of_the_file_or_the_variable,
                               reset),
        cmocka_unit_test(addresses_are_split_at_their_last_colon),
        cmocka_unit_test(a_secret_is_the_first_line_of_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
