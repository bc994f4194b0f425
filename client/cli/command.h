/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands: parsing, help and shell completion are all made from
 * it, so that they cannot differ. One file a command holds its entry and its
 * run function; commands.c lists them.
 */
#ifndef RNL_CLI_COMMAND_H
#define RNL_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Exit statuses; docs/cli.md and --help list them. */
enum cli_exit {
    CLI_EXIT_OK = 0,
    /* The operation failed. */
    CLI_EXIT_ERROR = 1,
    /* The command line itself is wrong. */
    CLI_EXIT_USAGE = 2,
    /* The core cannot be reached. */
    CLI_EXIT_UNREACHABLE = 3,
    /* No such job, stream or file. */
    CLI_EXIT_NOT_FOUND = 4,
    /* The watched job failed. */
    CLI_EXIT_JOB_FAILED = 5,
    /* The watched job was cancelled, or expired. */
    CLI_EXIT_JOB_CANCELLED = 6,
    /* No token, or one that does not allow this. */
    CLI_EXIT_DENIED = 7,
    /* Interrupted by Ctrl-C, as shells have it: 128 + SIGINT. */
    CLI_EXIT_INTERRUPTED = 130,
};

/* A flag. A list of them ends with a NULL name. */
struct cli_flag {
    /* Without the dashes. */
    const char *name;
    /* What stands for its value in the help; NULL: it takes none. */
    const char *value;
    const char *help;
    /* Blank-separated values, when there are no others; for completion and
     * for checking. "@file" completes file names. */
    const char *choices;
    /* One letter, or 0. */
    char letter;
    /* May be given more than once. */
    bool repeats;
};

struct cli_args;
struct cli_context;

struct cli_command {
    /* "job", or NULL for a command of one word. */
    const char *group;
    const char *name;
    /* For the help: "STREAM [FILE|-]". */
    const char *operands;
    size_t operand_count_min;
    size_t operand_count_max;
    /* One line without a full stop. */
    const char *summary;
    /* Further paragraphs, or NULL. */
    const char *details;
    /* Lines of "$ command" and what they do. */
    const char *examples;
    const struct cli_flag *flags;
    /* The words that complete its operands, as choices of a flag; or NULL. */
    const char *operand_choices;
    /* Returns an exit status. */
    int (*run)(struct cli_context *context, const struct cli_args *args);
};

/* All commands, ended by NULL, in the order of the help. */
extern const struct cli_command *const cli_commands[];

/* Flags that every command takes. */
extern const struct cli_flag cli_global_flags[];

/* What a group of commands is about; "" for an unknown one. */
const char *cli_group_summary(const char *group);

/* A parsed command line. The strings are those of argv. */
struct cli_args {
    /* NULL: none was named. */
    const struct cli_command *command;
    /* A group without a command of it ("runnel job"); or NULL. */
    const char *group;
    struct cli_opt {
        const struct cli_flag *flag;
        /* "" for a flag without a value. */
        const char *value;
    } * opts;
    size_t opt_count;
    const char **operands;
    size_t operand_count;
};

/*
 * Parses argv[1..]. Flags may stand anywhere, "--" ends them. On failure
 * returns false and *error says what is wrong, with a hint. *ret_args must be
 * freed with cli_args_fini in both cases.
 */
bool cli_args_parse(int argc, char **argv, struct cli_args *ret_args,
                    struct cli_buf *error);
void cli_args_fini(struct cli_args *args);

/* The value of a flag, the last one given; NULL when it was not. The flag must
 * be one of the command's or a global one. */
const char *cli_args_get(const struct cli_args *args, const char *name);

/* The flag was given. */
bool cli_args_has(const struct cli_args *args, const char *name);

/* The next value of a flag that repeats, *at from 0; NULL at the end. */
const char *cli_args_next(const struct cli_args *args, const char *name,
                          size_t *at);

/* Adds the help: of a command, of a group, or of the program when both are
 * NULL. */
void cli_help_add(struct cli_buf *buf, const struct cli_command *command,
                  const char *group);

/* Adds a completion script; false for an unknown shell. */
bool cli_completion_add(struct cli_buf *buf, const char *shell);

#endif
