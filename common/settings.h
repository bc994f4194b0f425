/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of a program: a table of them, filled from flags, then environment
 * variables, then a configuration file, the first that names a setting
 * winning. --help, --version, --config FILE and --check-config come with it.
 *
 * It is not where settings are given meaning: a program's own checks (is this
 * an address?) follow after rnl_settings_load. A setting `max-streams` is
 *
 *   --max-streams 64      on the command line (or --max-streams=64)
 *   PREFIX_MAX_STREAMS    in the environment
 *   max-streams = 64      in the file, a line of its own; # starts a comment
 *
 * Used at start-up by one thread.
 */
#ifndef RNL_COMMON_SETTINGS_H
#define RNL_COMMON_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RNL_SETTINGS_FILE_BYTES_MAX (64 * 1024)
#define RNL_SETTINGS_ERROR_MAX      512

enum rnl_setting_type {
    /* const char *: points into argv, the environment, or the file's text,
     * which lives until rnl_settings_fini. */
    RNL_SETTING_TEXT,
    /* bool: --name, --no-name, true, false. */
    RNL_SETTING_FLAG,
    /* uint64_t: a decimal number. */
    RNL_SETTING_COUNT,
    /* uint64_t, bytes: "65536", "64K", "1M", "2G" (powers of 1,024). */
    RNL_SETTING_BYTES,
    /* uint64_t, milliseconds: "250ms", "30s", "5m", "1h". */
    RNL_SETTING_DURATION,
};

struct rnl_setting {
    /* "max-streams": a-z, 0-9 and '-'. */
    const char *name;
    enum rnl_setting_type type;
    /* Of the type above; holds the default before loading. */
    void *target;
    /* For numbers: the range, both ends allowed. */
    uint64_t min;
    uint64_t max;
    /* Stands for the value in --help: "HOST:PORT". */
    const char *placeholder;
    const char *help;
    /* Instead of the name made from the prefix, when set. */
    const char *env;
    /* The value is never printed (by --help as a default). */
    bool secret;
};

struct rnl_settings {
    /* "runneld" */
    const char *program;
    const char *version;
    /* One line about the program for --help. */
    const char *summary;
    /* "RUNNEL" */
    const char *env_prefix;
    const struct rnl_setting *table;
    size_t count;
    /* Of the load. */
    char error[RNL_SETTINGS_ERROR_MAX];
    char *file_text;
};

enum rnl_settings_result {
    /* Go on and run. */
    RNL_SETTINGS_RUN,
    /* --check-config: make the program's own checks, then exit. */
    RNL_SETTINGS_CHECK,
    /* --help or --version was printed to stdout: exit with 0. */
    RNL_SETTINGS_DONE,
    /* settings->error is a sentence that names the flag, variable or line. */
    RNL_SETTINGS_ERROR,
};

/* Fills the targets. environment is as environ of unistd.h. */
enum rnl_settings_result rnl_settings_load(struct rnl_settings *settings,
                                           int argc, char **argv,
                                           char **environment);

/* Frees the file's text; settings of RNL_SETTING_TEXT are gone with it. */
void rnl_settings_fini(struct rnl_settings *settings);

void rnl_settings_print_help(const struct rnl_settings *settings, FILE *out);

/*
 * Reads a secret (a token) from the first line of a file into out, which has
 * room for cap bytes with the NUL. Returns NULL, or why not: a sentence
 * fragment that does not contain the secret.
 */
const char *rnl_settings_read_secret(const char *path, char *out, size_t cap);

/*
 * Splits "HOST:PORT" or "[IPV6]:PORT". host gets at most cap bytes with the
 * NUL. Returns false when it is neither. Port 0 is allowed.
 */
bool rnl_settings_split_address(const char *text, char *host, size_t cap,
                                uint16_t *ret_port);

#endif
