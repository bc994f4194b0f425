/* SPDX-License-Identifier: Apache-2.0 */
/* The connection, errors, and the calls that concern neither jobs nor
 * streams. */
#include "core.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "core_internal.h"
#include "core_json.h"

/* The library's limit is a day; no one waits longer than this to connect. */
#define CONNECT_MS_MAX 60000

static int exit_status(enum rnl_code code)
{
    switch (code) {
    case RNL_OK:
        return CLI_EXIT_OK;
    case RNL_NOT_FOUND:
        return CLI_EXIT_NOT_FOUND;
    case RNL_UNAVAILABLE:
        return CLI_EXIT_UNREACHABLE;
    case RNL_UNAUTHENTICATED:
    case RNL_PERMISSION_DENIED:
        return CLI_EXIT_DENIED;
    default:
        return CLI_EXIT_ERROR;
    }
}

static const char *hint(enum rnl_code code)
{
    switch (code) {
    case RNL_UNAUTHENTICATED:
        return "; set RUNNEL_TOKEN or --token-file";
    case RNL_UNIMPLEMENTED:
        return "; the core is older or newer than this runnel";
    default:
        return "";
    }
}

static int tell_unreachable(struct cli_context *context, const char *reason)
{
    cli_error(context,
              "cannot reach the core: %s; --core or RUNNEL_CORE says where it "
              "is",
              reason);
    return CLI_EXIT_UNREACHABLE;
}

/* The options have other names here than in the library. */
static int refuse_options(struct cli_context *context, const char *fault)
{
    static const char ca[] = "tls_ca_file";
    if (strncmp(fault, ca, strlen(ca)) == 0)
        return cli_usage_error(context, "--tls-ca %s%s", context->tls_ca,
                               fault + strlen(ca));
    return cli_usage_error(context, "--core %s: %s", context->address, fault);
}

static int create_client(struct cli_context *context)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    options.address = context->address;
    options.token = context->token;
    options.agent = "runnel-cli/" RNL_VERSION;
    options.tls = context->tls;
    options.tls_ca_file = context->tls_ca;
    options.tls_server_name = context->tls_name;
    options.connect_timeout_ms = context->timeout_ms < CONNECT_MS_MAX
                                     ? context->timeout_ms
                                     : CONNECT_MS_MAX;
    options.call_timeout_ms = context->timeout_ms ? context->timeout_ms : -1;
    enum rnl_code code = rnl_client_create(&options, &context->client);
    if (code == RNL_OK)
        return CLI_EXIT_OK;
    if (code == RNL_INVALID_ARGUMENT)
        return refuse_options(context, rnl_client_options_fault(&options));
    cli_error(context, "%s", rnl_code_text(code));
    return CLI_EXIT_ERROR;
}

/* One attempt: a person wants to know at once that nothing listens there. */
int cli_core_open(struct cli_context *context)
{
    if (context->client)
        return CLI_EXIT_OK;
    int status = create_client(context);
    if (status != CLI_EXIT_OK)
        return status;
    enum rnl_code code = rnl_client_await_connected(context->client, 0);
    const struct rnl_status_info *info = rnl_client_status(context->client);
    if (code == RNL_UNAVAILABLE || code == RNL_DEADLINE_EXCEEDED)
        return tell_unreachable(context, info->message);
    return cli_core_end(context, context->address, code);
}

int cli_core_connect(struct cli_context *context)
{
    return cli_core_open(context);
}

void cli_core_close(struct cli_context *context)
{
    rnl_client_destroy(context->client);
    context->client = NULL;
}

const char *cli_stream_subject(struct cli_subject *subject, const char *name)
{
    snprintf(subject->text, sizeof(subject->text), "stream %.128s", name);
    return subject->text;
}

int cli_core_get_info(struct cli_context *context, json_t **ret_info)
{
    struct rnl_server_info *info;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    status = cli_core_end(context, "info",
                          rnl_server_info_get(context->client, &info));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_info = cli_info_json(info);
    rnl_server_info_destroy(info);
    return CLI_EXIT_OK;
}

static int shorter(int64_t a, int64_t b)
{
    int64_t least = a < 0 ? b : b < 0 ? a : a < b ? a : b;
    return least > INT32_MAX ? INT32_MAX : (int)least;
}

void cli_core_wait(struct cli_context *context, int input_fd,
                   int64_t timeout_ms, bool *ret_readable)
{
    struct rnl_client *client = context->client;
    /* poll skips the entries whose fd is -1. */
    struct pollfd fds[] = {
        {.fd = rnl_client_fd(client),
         .events = (short)rnl_client_events(client)},
        {.fd = cli_interrupt_fd(), .events = POLLIN},
        {.fd = input_fd, .events = POLLIN},
    };
    int count =
        poll(fds, 3, shorter(rnl_client_timeout_ms(client), timeout_ms));
    if (count > 0 && fds[1].revents != 0)
        cli_interrupt_take();
    rnl_client_process(client, count > 0 ? fds[0].revents : 0);
    if (ret_readable)
        *ret_readable = count > 0 && fds[2].revents != 0;
}

int cli_core_run(struct cli_context *context, const bool *done,
                 struct cli_ticker *ticker)
{
    bool ticks = ticker->every_ms > 0 && ticker->on_tick;
    ticker->next_ms = cli_now_ms() + ticker->every_ms;
    while (!*done) {
        int64_t left_ms = ticker->next_ms - cli_now_ms();
        if (ticks && left_ms <= 0) {
            ticker->on_tick(ticker->arg);
            ticker->next_ms = cli_now_ms() + ticker->every_ms;
            continue;
        }
        cli_core_wait(context, -1, ticks ? left_ms : -1, NULL);
        if (cli_interrupted())
            return CLI_EXIT_INTERRUPTED;
    }
    return CLI_EXIT_OK;
}

/* Those that the message does not tell already. */
static void add_violations(struct cli_buf *buf,
                           const struct rnl_status_info *info)
{
    for (size_t i = 0; i < info->violation_count; i++) {
        const struct rnl_violation *violation = &info->violations[i];
        if (!strstr(info->message, violation->description))
            cli_buf_printf(buf, "; %s %s", violation->field,
                           violation->description);
    }
}

int cli_core_fail(struct cli_context *context, const char *what,
                  const struct rnl_status_info *info)
{
    struct cli_buf text = {0};
    if (info->code == RNL_UNAVAILABLE && info->not_started)
        return tell_unreachable(context, info->message);
    cli_buf_text(&text, *info->message ? info->message
                                       : rnl_code_text((int)info->code));
    add_violations(&text, info);
    if (info->code == RNL_OUT_OF_RANGE && info->first_available_sequence > 1)
        cli_buf_printf(&text, "; try --after %llu",
                       (unsigned long long)info->first_available_sequence - 1);
    cli_error(context, "%s: %s (%s)%s", what, cli_buf_str(&text),
              rnl_code_name((int)info->code), hint(info->code));
    cli_buf_fini(&text);
    return exit_status(info->code);
}

int cli_core_end(struct cli_context *context, const char *what,
                 enum rnl_code code)
{
    if (code == RNL_OK)
        return CLI_EXIT_OK;
    const struct rnl_status_info *info = rnl_client_status(context->client);
    if (info->code == code)
        return cli_core_fail(context, what, info);
    struct rnl_status_info bare = {.code = code, .message = ""};
    return cli_core_fail(context, what, &bare);
}
