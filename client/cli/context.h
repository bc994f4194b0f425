/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every command works with: the terminal, the global flags, messages to
 * the person, and interruption by a signal.
 */
#ifndef RNL_CLI_CONTEXT_H
#define RNL_CLI_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "command.h"
#include "term.h"

struct rnl_client;

struct cli_context {
    struct cli_term out;
    struct cli_term err;
    bool json;
    bool quiet;
    /* Where the core is, and the token for it; borrowed from argv and the
     * environment, but for the token of a file. */
    const char *address;
    const char *token;
    char *token_owned;
    /* Speak TLS; NULL: roots of the system, the name of address. */
    bool tls;
    const char *tls_ca;
    const char *tls_name;
    /* Of one call; 0 means none. */
    int64_t timeout_ms;
    /* Connected by core.c when it is needed. */
    struct rnl_client *client;
};

/* Fills the context from global flags and the environment. Returns an exit
 * status; when it is not 0 the error was told. */
int cli_context_init(struct cli_context *context, const struct cli_args *args);
void cli_context_fini(struct cli_context *context);

/* Tells an error, "runnel: ...", on one line of stderr. */
void cli_error(const struct cli_context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Tells something of interest on stderr, unless --quiet or --json. */
void cli_note(const struct cli_context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As cli_error, for a flag that cannot be understood; returns
 * CLI_EXIT_USAGE. */
int cli_usage_error(const struct cli_context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reads a secret, the first line of the file that a flag names: 1 to 4,096
 * bytes. *ret_secret is the caller's, for cli_free. Returns an exit status. */
int cli_read_secret(const struct cli_context *context, const char *flag,
                    const char *path, char **ret_secret);

/* Writes buf to stdout, empties and frees it. */
void cli_print(struct cli_buf *buf);

/* Prints one value on one line of stdout and frees it. */
void cli_print_json(json_t *value);

/* Writes bytes to stdout at once. False when it is closed or full; the error
 * was told. A closed pipe ends the program as SIGPIPE does, in silence. */
bool cli_write_out(const struct cli_context *context, const void *data,
                   size_t len);

/* Makes SIGINT and SIGTERM set a flag and wake cli_interrupt_fd, in place of
 * ending the program; a second one ends it. */
void cli_interrupt_catch(void);

/* Becomes readable when a signal came, until cli_interrupt_take; -1 before
 * cli_interrupt_catch. */
int cli_interrupt_fd(void);
void cli_interrupt_take(void);
bool cli_interrupted(void);

/* Milliseconds: monotonic, and since 1970. */
int64_t cli_now_ms(void);
int64_t cli_wall_ms(void);

/* A duration flag; *ret_ms is unchanged when it was not given. Returns an
 * exit status. */
int cli_flag_duration(const struct cli_context *context,
                      const struct cli_args *args, const char *name,
                      int64_t *ret_ms);

/* The same for a whole number in [min, max]. */
int cli_flag_integer(const struct cli_context *context,
                     const struct cli_args *args, const char *name, int64_t min,
                     int64_t max, int64_t *ret_number);

/* The same for a window of statistics. */
int cli_flag_window(const struct cli_context *context,
                    const struct cli_args *args, const char *name,
                    uint32_t *ret_seconds);

#endif
