/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection: IDLE, DIAL, (TLS,) HELLO, UP and back. Everything here runs
 * inside of rnl_client_process, but for rnl_link_want, which only says that the
 * next process shall dial.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <runnel/v1/frame.pb-c.h>

#include "alloc.h"
#include "arena.h"
#include "call_private.h"
#include "tls.h"

/* Doublings of the wait between attempts; 2^20 is above any bound. */
#define BACKOFF_SHIFT_MAX 20u

/* Ids are odd and below this; a connection that gets there is replaced. */
#define STREAM_ID_MAX (UINT32_C(1) << 31)

void rnl_link_init(struct rnl_client *client)
{
    client->state = RNL_CLIENT_CLOSED;
    client->phase = RNL_PHASE_IDLE;
    client->fd = -1;
    client->told_fd = -1;
    client->link_due_ns = INT64_MAX;
    client->keepalive_due_ns = INT64_MAX;
    rnl_status_box_init(&client->lost);
}

static void set_state(struct rnl_client *client, enum rnl_client_state state)
{
    static const struct rnl_status_info fine = {.code = RNL_OK, .message = ""};
    if (client->state == state)
        return;
    bool lost = state == RNL_CLIENT_WAITING || state == RNL_CLIENT_CLOSED;
    client->state = state;
    if (client->options.on_state != NULL)
        client->options.on_state(
            client, state,
            state == RNL_CLIENT_CONNECTED ? &client->server : NULL,
            lost ? &client->lost.info : &fine, client->options.arg);
}

/* --- losing it --- */

static void close_socket(struct rnl_client *client)
{
    if (client->fd < 0)
        return;
    if (client->told_fd == client->fd && client->options.on_poll != NULL &&
        client->told_events != 0)
        client->options.on_poll(client, client->fd, 0, client->options.arg);
    client->told_fd = -1;
    client->told_events = 0;
    rnl_tls_destroy(client->tls);
    client->tls = NULL;
    close(client->fd);
    client->fd = -1;
}

static void free_targets(struct rnl_client *client)
{
    if (client->targets != NULL)
        freeaddrinfo(client->targets);
    client->targets = NULL;
    client->target_next = NULL;
}

void rnl_link_fini(struct rnl_client *client)
{
    close_socket(client);
    free_targets(client);
    rnl_status_box_fini(&client->lost);
    rnl_free(client->server_agent);
    rnl_free(client->server_epoch);
}

static int64_t backoff_ns(struct rnl_client *client)
{
    int64_t max_ms = client->options.reconnect_max_ms;
    int64_t wait_ms = client->options.reconnect_min_ms << client->backoff;
    if (wait_ms > max_ms)
        wait_ms = max_ms;
    if (client->backoff < BACKOFF_SHIFT_MAX)
        client->backoff++;
    int64_t wait_ns = wait_ms * RNL_NS_PER_MS;
    return wait_ns / 2 +
           (int64_t)rnl_client_random(client, (uint64_t)wait_ns / 2 + 1);
}

/* Trying again with the same token and version would not help. */
static bool is_final(const struct rnl_client *client)
{
    if (client->options.no_reconnect)
        return true;
    enum rnl_code code = client->lost.info.code;
    return client->phase == RNL_PHASE_HELLO &&
           (code == RNL_UNAUTHENTICATED || code == RNL_PERMISSION_DENIED ||
            code == RNL_UNIMPLEMENTED || code == RNL_INVALID_ARGUMENT);
}

/* client->lost says why. */
static void lose(struct rnl_client *client)
{
    bool was_up = client->phase == RNL_PHASE_UP;
    bool final = is_final(client);
    rnl_client_trace(client, "lost: %s", client->lost.info.message);
    close_socket(client);
    free_targets(client);
    rnl_fifo_reset(&client->in);
    rnl_fifo_reset(&client->out);
    client->phase = RNL_PHASE_IDLE;
    client->open_count = 0;
    client->keepalive_due_ns = INT64_MAX;
    if (!was_up)
        client->failures++;
    /* A core that takes connections and drops them at once is treated as one
     * that takes none. */
    if (was_up && client->now_ns - client->up_since_ns >=
                      client->options.reconnect_max_ms * RNL_NS_PER_MS)
        client->backoff = 0;
    struct rnl_status_info broken = client->lost.info;
    broken.code = RNL_UNAVAILABLE;
    rnl_calls_lose(client, &broken, 0);
    struct rnl_status_info refused = client->lost.info;
    refused.not_started = true;
    if (!was_up || final)
        rnl_calls_refuse(client, &refused, final);
    client->link_due_ns =
        final ? INT64_MAX : client->now_ns + backoff_ns(client);
    set_state(client, final ? RNL_CLIENT_CLOSED : RNL_CLIENT_WAITING);
}

void rnl_link_lost(struct rnl_client *client, enum rnl_code code,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rnl_status_set_v(&client->lost, code, format, args);
    va_end(args);
    lose(client);
}

void rnl_link_refused(struct rnl_client *client,
                      const struct rnl_status_info *info)
{
    rnl_status_copy(&client->lost, info);
    /* A connection that ends is never a success for its calls. */
    if (info->code == RNL_OK)
        client->lost.info.code = RNL_UNAVAILABLE;
    lose(client);
}

/* --- making it --- */

void rnl_link_want(struct rnl_client *client)
{
    if (client->phase != RNL_PHASE_IDLE ||
        client->state == RNL_CLIENT_WAITING || client->link_due_ns != INT64_MAX)
        return;
    client->link_due_ns = 0;
}

static bool send_hello(struct rnl_client *client)
{
    Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    hello.protocol_version = RNL_PROTOCOL_VERSION;
    hello.agent = client->agent;
    if (client->token != NULL)
        hello.token = client->token;
    hello.max_frame_bytes = client->options.max_frame_bytes;
    hello.initial_credit_bytes = client->options.credit_bytes;
    size_t len = protobuf_c_message_get_packed_size(&hello.base);
    uint8_t *body = rnl_malloc(len);
    if (body == NULL)
        return false;
    protobuf_c_message_pack(&hello.base, body);
    bool sent = rnl_output_frame(client, 0, RNL_FRAME_HELLO, body, len);
    rnl_free(body);
    return sent;
}

static void on_connected(struct rnl_client *client)
{
    rnl_client_trace(client, "connected, saying Hello");
    client->phase = RNL_PHASE_HELLO;
    free_targets(client);
    if (!send_hello(client))
        rnl_link_lost(client, RNL_RESOURCE_EXHAUSTED, "out of memory");
}

static void run_handshake(struct rnl_client *client)
{
    int done = rnl_tls_handshake(client->tls);
    if (done > 0)
        on_connected(client);
    else if (done < 0)
        rnl_link_lost(client, RNL_UNAVAILABLE, "TLS with %s failed: %s",
                      client->address.text, rnl_tls_failure(client->tls));
}

static void begin_tls(struct rnl_client *client)
{
    rnl_client_trace(client, "connected, shaking hands");
    client->phase = RNL_PHASE_TLS;
    client->tls =
        rnl_tls_create(client->tls_context, client->fd, client->tls_name);
    if (client->tls != NULL)
        run_handshake(client);
    else
        rnl_link_lost(client, RNL_RESOURCE_EXHAUSTED, "out of memory");
}

/* Tries the addresses of the host one after the other. error is the errno of
 * the one before. */
static void dial_next(struct rnl_client *client, int error)
{
    while (client->target_next != NULL) {
        const struct addrinfo *target = client->target_next;
        client->target_next = target->ai_next;
        error = rnl_address_dial(target, &client->fd);
        if (error == 0) {
            client->phase = RNL_PHASE_DIAL;
            return;
        }
    }
    rnl_link_lost(client, RNL_UNAVAILABLE, "cannot connect to %s: %s",
                  client->address.text, strerror(error));
}

static void dial_host(struct rnl_client *client)
{
    const char *wrong = rnl_address_resolve(&client->address, &client->targets);
    if (wrong != NULL) {
        client->targets = NULL;
        rnl_link_lost(client, RNL_UNAVAILABLE, "cannot find the host %s: %s",
                      client->address.host, wrong);
        return;
    }
    client->target_next = client->targets;
    dial_next(client, EADDRNOTAVAIL);
}

static void dial_path(struct rnl_client *client)
{
    int error = rnl_address_dial_path(&client->address, &client->fd);
    if (error == 0)
        client->phase = RNL_PHASE_DIAL;
    else
        dial_next(client, error);
}

static void dial(struct rnl_client *client)
{
    rnl_client_trace(client, "connecting to %s", client->address.text);
    client->link_due_ns =
        client->now_ns + client->options.connect_timeout_ms * RNL_NS_PER_MS;
    set_state(client, RNL_CLIENT_CONNECTING);
    if (client->address.path[0] != '\0')
        dial_path(client);
    else
        dial_host(client);
}

static void check_dial(struct rnl_client *client)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error == 0 && client->tls_context != NULL)
        begin_tls(client);
    else if (error == 0)
        on_connected(client);
    if (error == 0)
        return;
    close_socket(client);
    dial_next(client, error);
}

/* --- Hello and GoAway --- */

static bool keep_hello(struct rnl_client *client,
                       const Runnel__V1__Hello *hello)
{
    char *agent = rnl_strdup(hello->agent);
    char *epoch = rnl_strdup(hello->epoch);
    if (agent == NULL || epoch == NULL) {
        rnl_free(agent);
        rnl_free(epoch);
        return false;
    }
    bool changed =
        client->generation > 0 && strcmp(client->server_epoch, epoch) != 0;
    rnl_free(client->server_agent);
    rnl_free(client->server_epoch);
    client->server_agent = agent;
    client->server_epoch = epoch;
    client->server = (struct rnl_server_hello){
        .agent = agent,
        .epoch = epoch,
        .epoch_changed = changed,
        .max_frame_bytes = hello->max_frame_bytes == 0 ? RNL_FRAME_BYTES_DEFAULT
                                                       : hello->max_frame_bytes,
        .max_streams = hello->max_streams == 0 ? 1 : hello->max_streams,
    };
    client->server_credit = hello->initial_credit_bytes == 0
                                ? RNL_CREDIT_BYTES_DEFAULT
                                : hello->initial_credit_bytes;
    return true;
}

static void on_hello(struct rnl_client *client, const Runnel__V1__Hello *hello)
{
    if (hello->protocol_version != RNL_PROTOCOL_VERSION) {
        rnl_link_lost(client, RNL_UNIMPLEMENTED,
                      "the server speaks protocol version %u, this client %u",
                      hello->protocol_version, RNL_PROTOCOL_VERSION);
        return;
    }
    if (hello->max_frame_bytes != 0 &&
        hello->max_frame_bytes < RNL_FRAME_BYTES_MIN) {
        rnl_link_lost(client, RNL_UNIMPLEMENTED,
                      "the server takes frames of %u bytes only",
                      hello->max_frame_bytes);
        return;
    }
    if (!keep_hello(client, hello)) {
        rnl_link_lost(client, RNL_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    client->phase = RNL_PHASE_UP;
    client->failures = 0;
    client->up_since_ns = client->now_ns;
    client->next_id = 1;
    client->generation++;
    client->link_due_ns = INT64_MAX;
    rnl_client_trace(client, "the server is %s", client->server.agent);
    rnl_link_heard(client);
    set_state(client, RNL_CLIENT_CONNECTED);
}

void rnl_link_take_hello(struct rnl_client *client,
                         const struct rnl_frame *frame)
{
    struct rnl_arena arena = {0};
    const Runnel__V1__Hello *hello = rnl_arena_unpack(
        &arena, &runnel__v1__hello__descriptor, frame->body, frame->body_len);
    if (hello != NULL)
        on_hello(client, hello);
    else
        rnl_link_lost(client,
                      arena.exhausted ? RNL_RESOURCE_EXHAUSTED : RNL_INTERNAL,
                      "the server's Hello cannot be read");
    rnl_arena_fini(&arena);
}

static void drain(struct rnl_client *client, uint32_t last_id)
{
    static const struct rnl_status_info not_started = {
        .code = RNL_UNAVAILABLE,
        .message = "the server is shutting down and did not begin the call",
        .not_started = true,
    };
    rnl_calls_lose(client, &not_started, last_id);
    set_state(client, RNL_CLIENT_DRAINING);
}

void rnl_link_take_go_away(struct rnl_client *client,
                           const struct rnl_frame *frame)
{
    struct rnl_arena arena = {0};
    const Runnel__V1__GoAway *go_away = rnl_arena_unpack(
        &arena, &runnel__v1__go_away__descriptor, frame->body, frame->body_len);
    rnl_client_trace(client, "GoAway: %s",
                     go_away == NULL ? "unreadable" : go_away->reason);
    drain(client, go_away == NULL ? UINT32_MAX : go_away->last_stream_id);
    rnl_arena_fini(&arena);
}

bool rnl_link_accepts(const struct rnl_client *client)
{
    return client->phase == RNL_PHASE_UP &&
           client->state == RNL_CLIENT_CONNECTED &&
           client->open_count < client->server.max_streams &&
           client->out.len < RNL_OUT_HIGH;
}

/* --- bytes --- */

ssize_t rnl_link_recv(struct rnl_client *client, void *out, size_t len)
{
    return client->tls != NULL ? rnl_tls_recv(client->tls, out, len)
                               : recv(client->fd, out, len, 0);
}

ssize_t rnl_link_send(struct rnl_client *client, const void *data, size_t len)
{
    return client->tls != NULL ? rnl_tls_send(client->tls, data, len)
                               : send(client->fd, data, len, MSG_NOSIGNAL);
}

const char *rnl_link_failure(const struct rnl_client *client)
{
    const char *reason =
        client->tls != NULL ? rnl_tls_failure(client->tls) : "";
    return *reason != '\0' ? reason : strerror(errno);
}

/* --- time --- */

void rnl_link_heard(struct rnl_client *client)
{
    client->ping_sent = false;
    client->keepalive_due_ns =
        client->options.keepalive_ms < 0
            ? INT64_MAX
            : client->now_ns + client->options.keepalive_ms * RNL_NS_PER_MS;
}

static void on_silence(struct rnl_client *client)
{
    if (client->ping_sent ||
        !rnl_output_frame(client, 0, RNL_FRAME_PING, NULL, 0)) {
        rnl_link_lost(
            client, RNL_UNAVAILABLE, "no sign of life from %s for %lld ms",
            client->address.text, 2 * (long long)client->options.keepalive_ms);
        return;
    }
    rnl_link_heard(client);
    client->ping_sent = true;
}

static void on_link_due(struct rnl_client *client)
{
    if (client->phase == RNL_PHASE_IDLE) {
        dial(client);
        return;
    }
    rnl_link_lost(client, RNL_UNAVAILABLE, "no answer from %s within %lld ms",
                  client->address.text,
                  (long long)client->options.connect_timeout_ms);
}

void rnl_link_run(struct rnl_client *client, int revents)
{
    if (client->phase == RNL_PHASE_DIAL && revents != 0)
        check_dial(client);
    else if (client->phase == RNL_PHASE_TLS && revents != 0)
        run_handshake(client);
    if (client->now_ns >= client->link_due_ns)
        on_link_due(client);
    if (client->now_ns >= client->keepalive_due_ns)
        on_silence(client);
    if (client->phase == RNL_PHASE_UP && client->next_id >= STREAM_ID_MAX)
        drain(client, UINT32_MAX);
    if (client->state == RNL_CLIENT_DRAINING && client->open_count == 0)
        rnl_link_lost(client, RNL_UNAVAILABLE, "the server is shutting down");
    if (client->phase == RNL_PHASE_IDLE && client->failures > 0 &&
        client->state == RNL_CLIENT_WAITING) {
        struct rnl_status_info refused = client->lost.info;
        refused.not_started = true;
        rnl_calls_refuse(client, &refused, false);
    }
}
