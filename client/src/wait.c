/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking functions: they run the client by poll(2). */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "call_private.h"

int64_t rnl_client_deadline(struct rnl_client *client, int64_t timeout_ms)
{
    if (timeout_ms < 0 || timeout_ms > RNL_WAIT_MS_MAX)
        return INT64_MAX;
    return client->clock_ns() + timeout_ms * RNL_NS_PER_MS;
}

enum rnl_code rnl_client_conclude(struct rnl_client *client,
                                  const struct rnl_status_info *info)
{
    rnl_status_copy(&client->status, info);
    return info->code;
}

enum rnl_code rnl_client_fail(struct rnl_client *client, enum rnl_code code,
                              const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rnl_status_set_v(&client->status, code, format, args);
    va_end(args);
    return code;
}

/* write(2) alone: may run in a signal handler. */
void rnl_client_interrupt(struct rnl_client *client)
{
    const uint64_t one = 1;
    int error = errno;
    /* It fails only when the counter is full, and then it is set. */
    if (write(client->wake_fd, &one, sizeof(one)) < 0)
        errno = error;
    errno = error;
}

static bool take_interrupt(struct rnl_client *client)
{
    uint64_t count;
    return read(client->wake_fd, &count, sizeof(count)) > 0;
}

enum poll_result {
    POLL_NOTHING,
    POLL_SOMETHING,
    POLL_INTERRUPTED,
};

/* Polls once, until deadline_ns at the latest; wake_fd may be -1. */
static enum poll_result poll_once(struct rnl_client *client, int wake_fd,
                                  int64_t deadline_ns)
{
    int64_t now_ns = client->clock_ns();
    int64_t due_ns = rnl_client_due(client);
    if (deadline_ns < due_ns)
        due_ns = deadline_ns;
    int timeout_ms = -1;
    if (due_ns != INT64_MAX) {
        int64_t ms = (due_ns - now_ns + RNL_NS_PER_MS - 1) / RNL_NS_PER_MS;
        timeout_ms = (int)(ms < 0                 ? 0
                           : ms > RNL_WAIT_MS_MAX ? RNL_WAIT_MS_MAX
                                                  : ms);
    }
    struct pollfd fds[] = {
        {.fd = client->fd, .events = (short)rnl_client_events(client)},
        {.fd = wake_fd, .events = POLLIN},
    };
    int count = poll(fds, 2, timeout_ms);
    if (count > 0 && fds[1].revents != 0 && take_interrupt(client))
        return POLL_INTERRUPTED;
    bool due = rnl_client_due(client) <= client->clock_ns();
    if (count > 0 || due)
        rnl_client_process(client, count > 0 ? fds[0].revents : 0);
    return count != 0 || due ? POLL_SOMETHING : POLL_NOTHING;
}

void rnl_client_turn(struct rnl_client *client)
{
    if (!client->in_process)
        (void)poll_once(client, -1, client->clock_ns());
}

/* What every blocking function answers there. */
static enum rnl_code refuse_to_block(struct rnl_client *client)
{
    return rnl_client_fail(client, RNL_FAILED_PRECONDITION,
                           "must not block inside of a callback");
}

static enum rnl_code interrupted(struct rnl_client *client)
{
    return rnl_client_fail(client, RNL_CANCELLED,
                           "interrupted by rnl_client_interrupt");
}

enum rnl_code rnl_client_run_until(struct rnl_client *client,
                                   int64_t deadline_ns, bool (*done)(void *arg),
                                   void *arg)
{
    if (client->in_process)
        return refuse_to_block(client);
    bool late = false;
    while (!done(arg)) {
        if (late)
            return RNL_DEADLINE_EXCEEDED;
        /* Looked at before the poll: a deadline of now polls once. */
        late = client->clock_ns() >= deadline_ns;
        if (poll_once(client, client->wake_fd, deadline_ns) == POLL_INTERRUPTED)
            return interrupted(client);
    }
    return RNL_OK;
}

enum rnl_code rnl_client_poll(struct rnl_client *client, int64_t timeout_ms)
{
    if (client->in_process)
        return refuse_to_block(client);
    switch (poll_once(client, client->wake_fd,
                      rnl_client_deadline(client, timeout_ms))) {
    case POLL_NOTHING:
        return rnl_client_fail(client, RNL_DEADLINE_EXCEEDED,
                               "nothing happened within %lld ms",
                               (long long)timeout_ms);
    case POLL_INTERRUPTED:
        return interrupted(client);
    case POLL_SOMETHING:
        break;
    }
    return rnl_client_succeed(client);
}

enum rnl_code rnl_client_succeed(struct rnl_client *client)
{
    static const struct rnl_status_info fine = {.message = ""};
    return rnl_client_conclude(client, &fine);
}

/* --- connecting --- */

struct attempt {
    struct rnl_client *client;
    unsigned failures;
    bool once;
};

static bool attempt_over(void *arg)
{
    const struct attempt *attempt = arg;
    const struct rnl_client *client = attempt->client;
    return client->state == RNL_CLIENT_CONNECTED ||
           (client->state == RNL_CLIENT_CLOSED &&
            client->link_due_ns == INT64_MAX) ||
           (attempt->once && client->failures != attempt->failures);
}

enum rnl_code rnl_client_await_connected(struct rnl_client *client,
                                         int64_t timeout_ms)
{
    struct attempt attempt = {client, client->failures, timeout_ms == 0};
    int64_t deadline_ns =
        timeout_ms == 0 ? INT64_MAX : rnl_client_deadline(client, timeout_ms);
    rnl_link_want(client);
    enum rnl_code code =
        rnl_client_run_until(client, deadline_ns, attempt_over, &attempt);
    if (code == RNL_OK && client->state == RNL_CLIENT_CONNECTED)
        return rnl_client_succeed(client);
    if (code == RNL_OK)
        return rnl_client_conclude(client, &client->lost.info);
    if (code != RNL_DEADLINE_EXCEEDED)
        return code;
    return rnl_client_fail(client, code,
                           "not connected to %s within %lld ms%s%s",
                           client->address.text, (long long)timeout_ms,
                           client->lost.info.message[0] == '\0' ? "" : ": ",
                           client->lost.info.message);
}
