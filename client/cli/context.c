/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "keys.h"
#include "parse.h"
#include "text.h"

#define ADDRESS_DEFAULT "127.0.0.1:7400"

/* Of one call: long enough for a core under load, short enough to wait for. */
#define TIMEOUT_MS_DEFAULT 30000

/* A secret is a line; what is longer is the wrong file. */
#define SECRET_LEN_MAX 4096

/* Written by the handler, read by the main loop. */
static volatile sig_atomic_t interrupted;
static int interrupt_pipe[2] = {-1, -1};

static const char *from_env(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

int cli_read_secret(const struct cli_context *context, const char *flag,
                    const char *path, char **ret_secret)
{
    char secret[SECRET_LEN_MAX + 2];
    FILE *file = fopen(path, "r");
    if (!file) {
        cli_error(context, "--%s %s: %s", flag, path, strerror(errno));
        return errno == ENOENT ? CLI_EXIT_NOT_FOUND : CLI_EXIT_ERROR;
    }
    size_t len = fread(secret, 1, sizeof(secret) - 1, file);
    fclose(file);
    secret[len] = '\0';
    secret[strcspn(secret, "\r\n")] = '\0';
    if (strlen(secret) > SECRET_LEN_MAX || secret[0] == '\0')
        return cli_usage_error(context,
                               "--%s %s: its first line must have 1 to %d "
                               "bytes",
                               flag, path, SECRET_LEN_MAX);
    *ret_secret = cli_strdup(secret);
    return CLI_EXIT_OK;
}

/* A CA or a name is of no use without TLS, so it says that. */
static void take_tls(struct cli_context *context, const struct cli_args *args)
{
    const char *ca = cli_args_get(args, "tls-ca");
    const char *name = cli_args_get(args, "tls-name");
    context->tls_ca = ca ? ca : from_env("RUNNEL_TLS_CA", NULL);
    context->tls_name = name ? name : from_env("RUNNEL_TLS_NAME", NULL);
    context->tls = cli_args_has(args, "tls") || from_env("RUNNEL_TLS", NULL) ||
                   context->tls_ca || context->tls_name;
}

int cli_context_init(struct cli_context *context, const struct cli_args *args)
{
    *context = (struct cli_context){.timeout_ms = TIMEOUT_MS_DEFAULT};
    bool no_color = cli_args_has(args, "no-color");
    cli_term_init(&context->out, stdout, no_color);
    cli_term_init(&context->err, stderr, no_color);
    context->json = cli_args_has(args, "json");
    context->quiet = cli_args_has(args, "quiet");
    const char *address = cli_args_get(args, "core");
    context->address =
        address ? address : from_env("RUNNEL_CORE", ADDRESS_DEFAULT);
    const char *token = cli_args_get(args, "token");
    context->token = token ? token : from_env("RUNNEL_TOKEN", "");
    take_tls(context, args);
    int status =
        cli_flag_duration(context, args, "timeout", &context->timeout_ms);
    const char *file = cli_args_get(args, "token-file");
    if (status == CLI_EXIT_OK && file)
        status =
            cli_read_secret(context, "token-file", file, &context->token_owned);
    if (context->token_owned)
        context->token = context->token_owned;
    return status;
}

void cli_context_fini(struct cli_context *context)
{
    cli_free(context->token_owned);
    context->token_owned = NULL;
}

/* One line on stderr; with --json as an object, so that programs can read it
 * without knowing the wording. */
static void tell(const struct cli_context *context, const char *format,
                 va_list args)
{
    struct cli_buf text = {0};
    struct cli_buf line = {0};
    cli_buf_vprintf(&text, format, args);
    if (context->json) {
        json_t *object = cli_json_object();
        cli_json_set_text(object, "error", cli_buf_str(&text));
        cli_json_add(&line, object);
        json_decref(object);
    } else {
        cli_term_add(&context->err, &line, CLI_BAD, "runnel: ");
        cli_text_add_safe(&line, cli_buf_str(&text), text.len, 0);
    }
    fprintf(stderr, "%s\n", cli_buf_str(&line));
    cli_buf_fini(&text);
    cli_buf_fini(&line);
}

void cli_error(const struct cli_context *context, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(context, format, args);
    va_end(args);
}

int cli_usage_error(const struct cli_context *context, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(context, format, args);
    va_end(args);
    return CLI_EXIT_USAGE;
}

void cli_note(const struct cli_context *context, const char *format, ...)
{
    va_list args;
    if (context->quiet || context->json)
        return;
    struct cli_buf text = {0};
    struct cli_buf safe = {0};
    va_start(args, format);
    cli_buf_vprintf(&text, format, args);
    va_end(args);
    cli_text_add_safe(&safe, cli_buf_str(&text), text.len, 0);
    fprintf(stderr, "%s\n", cli_buf_str(&safe));
    cli_buf_fini(&text);
    cli_buf_fini(&safe);
}

/* `runnel job output ID | head` ends as cat does. */
static void end_on_closed_pipe(void)
{
    if (errno == EPIPE) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
}

bool cli_write_out(const struct cli_context *context, const void *data,
                   size_t len)
{
    if (fwrite(data, 1, len, stdout) == len && fflush(stdout) == 0)
        return true;
    end_on_closed_pipe();
    cli_error(context, "cannot write to stdout: %s", strerror(errno));
    return false;
}

void cli_print(struct cli_buf *buf)
{
    fwrite(cli_buf_str(buf), 1, buf->len, stdout);
    if (fflush(stdout) != 0)
        end_on_closed_pipe();
    cli_buf_fini(buf);
}

void cli_print_json(json_t *value)
{
    struct cli_buf line = {0};
    cli_json_add(&line, value);
    cli_buf_text(&line, "\n");
    cli_print(&line);
    json_decref(value);
}

static void on_signal(int number)
{
    int error = errno;
    if (interrupted) {
        cli_screen_rescue();
        cli_keys_rescue();
        _exit(128 + number);
    }
    interrupted = 1;
    if (write(interrupt_pipe[1], "!", 1) < 0)
        errno = error;
    errno = error;
}

/* Ctrl-Z: the shell gets its terminal as it was, and what is shown comes back
 * with the next update. */
static void on_stop(int number)
{
    int error = errno;
    struct sigaction stop = {.sa_handler = SIG_DFL};
    struct sigaction again = {.sa_handler = on_stop};
    sigset_t set;
    cli_screen_rescue();
    cli_keys_rescue();
    sigaction(number, &stop, NULL);
    raise(number);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    /* Continued. */
    sigaction(number, &again, NULL);
    cli_keys_again();
    errno = error;
}

void cli_interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction stop = {.sa_handler = on_stop};
    if (interrupt_pipe[0] >= 0 ||
        pipe2(interrupt_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    sigemptyset(&action.sa_mask);
    sigemptyset(&stop.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGTSTP, &stop, NULL);
}

int cli_interrupt_fd(void)
{
    return interrupt_pipe[0];
}

void cli_interrupt_take(void)
{
    char bytes[16];
    while (read(interrupt_pipe[0], bytes, sizeof(bytes)) > 0)
        ;
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t cli_now_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t cli_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int cli_flag_duration(const struct cli_context *context,
                      const struct cli_args *args, const char *name,
                      int64_t *ret_ms)
{
    const char *text = cli_args_get(args, name);
    if (!text || cli_parse_duration_ms(text, ret_ms))
        return CLI_EXIT_OK;
    return cli_usage_error(context,
                           "--%s %s: not a duration; write 500ms, 30s, 5m or "
                           "2h",
                           name, text);
}

int cli_flag_integer(const struct cli_context *context,
                     const struct cli_args *args, const char *name, int64_t min,
                     int64_t max, int64_t *ret_number)
{
    const char *text = cli_args_get(args, name);
    if (!text || cli_parse_integer(text, min, max, ret_number))
        return CLI_EXIT_OK;
    return cli_usage_error(
        context, "--%s %s: must be a whole number from %" PRId64 " to %" PRId64,
        name, text, min, max);
}

int cli_flag_window(const struct cli_context *context,
                    const struct cli_args *args, const char *name,
                    uint32_t *ret_seconds)
{
    const char *text = cli_args_get(args, name);
    if (!text || cli_parse_window(text, ret_seconds))
        return CLI_EXIT_OK;
    return cli_usage_error(
        context, "--%s %s: not a window; write 30s, 5m, 1h or all", name, text);
}
