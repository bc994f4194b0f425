/* SPDX-License-Identifier: Apache-2.0 */
/* The parser and what else is made from a table of commands, on a small table
 * of its own. The real table is tested through the program. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct cli_flag create_flags[] = {
    {.name = "kind", .value = "KIND", .help = "what it does"},
    {.name = "label",
     .value = "K=V",
     .help = "a label",
     .letter = 'l',
     .repeats = true},
    {.name = "mode", .value = "MODE", .help = "how", .choices = "fast slow"},
    {.name = "watch", .help = "follow it"},
    {0},
};

static const struct cli_command create = {
    .group = "job",
    .name = "create",
    .operands = "",
    .summary = "Create a job",
    .flags = create_flags,
};

static const struct cli_command cancel = {
    .group = "job",
    .name = "cancel",
    .operands = "ID...",
    .operand_count_min = 1,
    .operand_count_max = 3,
    .summary = "Cancel jobs that somebody's child created, in a line that is "
               "longer than the page is wide",
};

static const struct cli_command ingest = {
    .name = "ingest",
    .operands = "STREAM [FILE]",
    .operand_choices = "@file",
    .operand_count_min = 1,
    .operand_count_max = 2,
    .summary = "Send events",
};

const struct cli_command *const cli_commands[] = {&create, &cancel, &ingest,
                                                  NULL};

const struct cli_flag cli_global_flags[] = {
    {.name = "core", .value = "HOST:PORT", .help = "where"},
    {.name = "json", .help = "for programs"},
    {.name = "help", .help = "explain", .letter = 'h'},
    {0},
};

const char *cli_group_summary(const char *group)
{
    return strcmp(group, "job") == 0 ? "Jobs" : "";
}

/* Up to 15 words after the program's name. */
struct line {
    struct cli_args args;
    struct cli_buf error;
    bool ok;
};

static void parse(struct line *line, const char *text)
{
    static char copy[256];
    char *argv[16] = {(char *)"runnel"};
    int argc = 1;
    *line = (struct line){0};
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *at = copy, *word; (word = strsep(&at, " "));) {
        if (*word)
            argv[argc++] = word;
    }
    line->ok = cli_args_parse(argc, argv, &line->args, &line->error);
}

static void done(struct line *line)
{
    cli_args_fini(&line->args);
    cli_buf_fini(&line->error);
}

static void refuse(const char *text, const char *want)
{
    struct line line;
    parse(&line, text);
    assert_false(line.ok);
    assert_string_equal(cli_buf_str(&line.error), want);
    done(&line);
}

static void flags_may_stand_anywhere(void **state)
{
    (void)state;
    struct line line;
    parse(&line, "--core h:1 job create --kind=echo --label a=1 -l b=2 --json");
    assert_true(line.ok);
    assert_ptr_equal(line.args.command, &create);
    assert_string_equal(cli_args_get(&line.args, "core"), "h:1");
    assert_string_equal(cli_args_get(&line.args, "kind"), "echo");
    assert_true(cli_args_has(&line.args, "json"));
    assert_false(cli_args_has(&line.args, "watch"));
    assert_null(cli_args_get(&line.args, "mode"));
    size_t at = 0;
    assert_string_equal(cli_args_next(&line.args, "label", &at), "a=1");
    assert_string_equal(cli_args_next(&line.args, "label", &at), "b=2");
    assert_null(cli_args_next(&line.args, "label", &at));
    done(&line);
}

static void two_dashes_end_the_flags_and_one_is_stdin(void **state)
{
    (void)state;
    struct line line;
    parse(&line, "ingest web -");
    assert_true(line.ok);
    assert_string_equal(line.args.operands[1], "-");
    done(&line);
    parse(&line, "job cancel -- --odd -x");
    assert_true(line.ok);
    assert_int_equal(line.args.operand_count, 2);
    assert_string_equal(line.args.operands[0], "--odd");
    done(&line);
}

static void negative_numbers_are_no_flags(void **state)
{
    (void)state;
    struct line line;
    parse(&line, "job cancel -15 -.5 -");
    assert_true(line.ok);
    assert_int_equal(line.args.operand_count, 3);
    assert_string_equal(line.args.operands[0], "-15");
    assert_string_equal(line.args.operands[1], "-.5");
    done(&line);
}

static void mistakes_are_named_with_a_hint(void **state)
{
    (void)state;
    refuse("job crate", "unknown command \"job crate\"; "
                        "did you mean \"job create\"?");
    refuse("jobs", "unknown command \"jobs\"; did you mean \"job\"?");
    refuse("fly", "unknown command \"fly\"");
    refuse("job create --knid x", "unknown flag --knid; did you mean --kind?");
    refuse("job create --ki x", "unknown flag --ki; did you mean --kind?");
    refuse("--kind x job create", "unknown flag --kind; "
                                  "a command comes before its flags");
    refuse("job create --kind", "--kind needs a value: --kind KIND");
    refuse("job create --watch=1", "--watch takes no value");
    refuse("job create --kind a --kind b", "--kind is given twice");
    refuse("job create --mode quick", "--mode quick: must be one of: fast "
                                      "slow");
    refuse("job create x", "unexpected \"x\"; usage: runnel job create");
    refuse("job cancel", "something is missing; "
                         "usage: runnel job cancel ID...");
    refuse("job cancel 1 2 3 4", "unexpected \"4\"; "
                                 "usage: runnel job cancel ID...");
    refuse("job create -xyz", "unknown flag -xyz");
    refuse("job create -w", "unknown flag -w");
    refuse("job create --l a=1", "unknown flag --l");
}

static void help_is_asked_for_without_the_operands(void **state)
{
    (void)state;
    struct line line;
    parse(&line, "job cancel -h");
    assert_true(line.ok);
    assert_true(cli_args_has(&line.args, "help"));
    done(&line);
    parse(&line, "job");
    assert_true(line.ok);
    assert_null(line.args.command);
    assert_string_equal(line.args.group, "job");
    done(&line);
}

static void help_is_laid_out_within_80_columns(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    cli_help_add(&buf, &create, NULL);
    assert_string_equal(cli_buf_str(&buf),
                        "usage: runnel job create [FLAGS]\n"
                        "\n"
                        "Create a job\n"
                        "\n"
                        "Flags:\n"
                        "  --kind KIND               what it does\n"
                        "  -l, --label K=V           a label; may be "
                        "repeated\n"
                        "  --mode MODE               how (fast slow)\n"
                        "  --watch                   follow it\n"
                        "\n"
                        "Global flags:\n"
                        "  --core HOST:PORT          where\n"
                        "  --json                    for programs\n"
                        "  -h, --help                explain\n");
    cli_buf_reset(&buf);
    cli_help_add(&buf, NULL, NULL);
    for (const char *at = cli_buf_str(&buf); *at;) {
        size_t len = strcspn(at, "\n");
        assert_true(len < 80);
        at += len + (at[len] == '\n');
    }
    cli_buf_fini(&buf);
}

/* Every command and flag of the table is in every script. */
static void completion_knows_the_whole_table(void **state)
{
    (void)state;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    static const char *const words[] = {"create", "cancel",   "ingest",
                                        "kind",   "label",    "watch",
                                        "core",   "fast slow"};
    for (size_t i = 0; i < 3; i++) {
        struct cli_buf buf = {0};
        assert_true(cli_completion_add(&buf, shells[i]));
        for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++)
            assert_non_null(strstr(cli_buf_str(&buf), words[j]));
        cli_buf_fini(&buf);
    }
    struct cli_buf buf = {0};
    assert_false(cli_completion_add(&buf, "tcsh"));
    cli_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_may_stand_anywhere),
        cmocka_unit_test(two_dashes_end_the_flags_and_one_is_stdin),
        cmocka_unit_test(negative_numbers_are_no_flags),
        cmocka_unit_test(mistakes_are_named_with_a_hint),
        cmocka_unit_test(help_is_asked_for_without_the_operands),
        cmocka_unit_test(help_is_laid_out_within_80_columns),
        cmocka_unit_test(completion_knows_the_whole_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
