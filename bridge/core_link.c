/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libh2o's loop owns every socket that it watches and closes it itself, and
 * its timers have one queue for each delay; librunnel owns its socket and asks
 * for any delay. So both are watched by an epoll descriptor of their own,
 * which is readable when one of them is ready, and the loop watches that one.
 *
 * The client has one turn in a round of the loop, after all sockets: calls that
 * the round's requests made leave by one send, and what the client waits for is
 * told to the kernel once, if it changed.
 */
#include "core_link.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "h2o_use.h"
#include "log.h"
#include "topic.h"
#include "worker.h"

/* A page of jobs or a snapshot of all windows is below this by far. */
#define FRAME_BYTES_MAX ((uint32_t)16 << 20)

/* What a watch may have in flight before its browsers have taken it. */
#define CREDIT_BYTES ((uint32_t)256 << 10)

/* A core that restarts is found again within a second. */
#define RECONNECT_MIN_MS 50
#define RECONNECT_MAX_MS 1000

/* After a refusal for good: seconds until it is asked again, and one line of
 * the log each time. */
#define REFUSED_WAIT_S 5

/* Entries of a call's metadata, with that of the identity. */
#define METADATA_MAX 32

#define NOT_ARMED INT64_MAX

struct rnl_core_link {
    struct rnl_worker *worker;
    /* Ticks since the client gave up. */
    uint32_t refused_s;
    struct rnl_client *client;
    int epoll_fd;
    int timer_fd;
    /* The client's socket and its events, as they are watched; -1: none is. */
    int client_fd;
    int client_events;
    /* When timer_fd expires (CLOCK_MONOTONIC), which may be before the client
     * is due: it then is set anew. */
    int64_t armed_ms;
    h2o_socket_t *watch;
    /* The client's turn, and what was found ready for it. */
    h2o_timeout_entry_t turn_entry;
    int revents;
    bool in_turn;
    uint64_t turn;
};

/* --- what the client waits for --- */

static int poll_events(uint32_t events)
{
    return ((events & EPOLLIN) != 0 ? POLLIN : 0) |
           ((events & EPOLLOUT) != 0 ? POLLOUT : 0) |
           ((events & EPOLLERR) != 0 ? POLLERR : 0) |
           ((events & EPOLLHUP) != 0 ? POLLHUP : 0);
}

static void watch_socket(struct rnl_core_link *link)
{
    int fd = rnl_client_fd(link->client);
    int events = rnl_client_events(link->client);
    if (fd < 0 || (fd == link->client_fd && events == link->client_events))
        return;
    struct epoll_event event = {.data.fd = fd};
    event.events = ((events & POLLIN) != 0 ? EPOLLIN : 0u) |
                   ((events & POLLOUT) != 0 ? EPOLLOUT : 0u);
    int op = fd == link->client_fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    epoll_ctl(link->epoll_fd, op, fd, &event);
    link->client_fd = fd;
    link->client_events = events;
}

/* Not the loop's, which stands still during a round. */
static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_timer(struct rnl_core_link *link)
{
    int64_t wait_ms = rnl_client_timeout_ms(link->client);
    if (wait_ms < 0)
        return;
    int64_t due_ms = now_ms() + wait_ms;
    if (due_ms >= link->armed_ms && wait_ms > 0)
        return;
    struct itimerspec when = {
        .it_value = {.tv_sec = wait_ms / 1000,
                     /* All 0 would stop the timer. */
                     .tv_nsec = wait_ms > 0 ? wait_ms % 1000 * 1000000 : 1}};
    timerfd_settime(link->timer_fd, 0, &when, NULL);
    link->armed_ms = due_ms;
}

/* --- its turn --- */

/* Afterwards all is asked for anew, whatever the client told meanwhile. */
static void on_turn(h2o_timeout_entry_t *entry)
{
    struct rnl_core_link *link =
        H2O_STRUCT_FROM_MEMBER(struct rnl_core_link, turn_entry, entry);
    int revents = link->revents;
    link->revents = 0;
    link->in_turn = true;
    link->turn++;
    rnl_client_process(link->client, revents);
    link->turn++;
    link->in_turn = false;
    watch_socket(link);
    set_timer(link);
}

static void want_turn(struct rnl_core_link *link)
{
    if (!link->in_turn)
        rnl_worker_run_soon(link->worker, &link->turn_entry);
}

static void on_poll(struct rnl_client *client, int fd, int events, void *arg)
{
    struct rnl_core_link *link = arg;
    (void)client;
    if (events == 0 && fd == link->client_fd) {
        epoll_ctl(link->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        link->client_fd = -1;
        /* They were of that socket. */
        link->revents = 0;
    }
    want_turn(link);
}

static void on_timer(struct rnl_client *client, int64_t timeout_ms, void *arg)
{
    (void)client;
    (void)timeout_ms;
    want_turn(arg);
}

static void take_expiry(struct rnl_core_link *link)
{
    uint64_t expirations;
    if (read(link->timer_fd, &expirations, sizeof(expirations)) > 0)
        link->armed_ms = NOT_ARMED;
}

static void on_ready(h2o_socket_t *watch, const char *error)
{
    struct rnl_core_link *link = watch->data;
    struct epoll_event events[2];
    (void)error;
    int count = epoll_wait(link->epoll_fd, events, 2, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == link->timer_fd)
            take_expiry(link);
        else
            link->revents |= poll_events(events[i].events);
    }
    if (count > 0)
        want_turn(link);
}

static void on_state(struct rnl_client *client, enum rnl_client_state state,
                     const struct rnl_server_hello *server,
                     const struct rnl_status_info *status, void *arg)
{
    struct rnl_core_link *link = arg;
    const char *core = link->worker->bridge->core;
    (void)client;
    if (state == RNL_CLIENT_CONNECTED && server->epoch_changed)
        rnl_topics_reset(link->worker->topics);
    if (state == RNL_CLIENT_CONNECTED)
        rnl_log(RNL_LOG_INFO, "core_connected", RNL_LOG_TEXT("core", core),
                RNL_LOG_TEXT("agent", server->agent),
                RNL_LOG_TEXT("epoch", server->epoch));
    else if (state == RNL_CLIENT_WAITING || state == RNL_CLIENT_CLOSED)
        rnl_log(state == RNL_CLIENT_CLOSED ? RNL_LOG_ERROR : RNL_LOG_WARN,
                "core_away", RNL_LOG_TEXT("core", core),
                RNL_LOG_TEXT("code", rnl_code_name(status->code)),
                RNL_LOG_TEXT("reason", status->message));
}

static enum rnl_code create_client(struct rnl_core_link *link)
{
    const struct rnl_bridge *bridge = link->worker->bridge;
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    options.address = bridge->core;
    options.token = bridge->token;
    options.tls = bridge->core_tls;
    options.tls_ca_file = bridge->core_tls_ca;
    options.tls_server_name = bridge->core_tls_name;
    options.agent = "runnel-bridge/" RNL_VERSION;
    options.reconnect_min_ms = RECONNECT_MIN_MS;
    options.reconnect_max_ms = RECONNECT_MAX_MS;
    options.max_frame_bytes = FRAME_BYTES_MAX;
    options.credit_bytes = CREDIT_BYTES;
    options.on_state = on_state;
    options.on_poll = on_poll;
    options.on_timer = on_timer;
    options.arg = link;
    return rnl_client_create(&options, &link->client);
}

static bool open_descriptors(struct rnl_core_link *link)
{
    link->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    link->timer_fd =
        timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = link->timer_fd};
    return link->epoll_fd >= 0 && link->timer_fd >= 0 &&
           epoll_ctl(link->epoll_fd, EPOLL_CTL_ADD, link->timer_fd, &event) ==
               0;
}

enum rnl_code rnl_core_link_create(struct rnl_worker *worker,
                                   struct rnl_core_link **ret_link)
{
    struct rnl_core_link *link = rnl_calloc(1, sizeof(*link));
    if (link == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    link->worker = worker;
    link->client_fd = -1;
    link->armed_ms = NOT_ARMED;
    link->turn_entry.cb = on_turn;
    enum rnl_code code = RNL_RESOURCE_EXHAUSTED;
    if (open_descriptors(link))
        code = create_client(link);
    if (code != RNL_OK) {
        rnl_log(RNL_LOG_ERROR, "core_link_failed",
                RNL_LOG_TEXT("core", worker->bridge->core),
                RNL_LOG_TEXT("reason", rnl_code_text((int)code)));
        rnl_core_link_destroy(link);
        return code;
    }
    link->watch = h2o_evloop_socket_create(worker->context.loop, link->epoll_fd,
                                           H2O_SOCKET_FLAG_DONT_READ);
    link->watch->data = link;
    h2o_socket_read_start(link->watch, on_ready);
    rnl_client_connect(link->client);
    *ret_link = link;
    return RNL_OK;
}

void rnl_core_link_destroy(struct rnl_core_link *link)
{
    if (link == NULL)
        return;
    rnl_client_destroy(link->client);
    h2o_timeout_unlink(&link->turn_entry);
    if (link->timer_fd >= 0)
        close(link->timer_fd);
    if (link->watch != NULL) {
        h2o_socket_read_stop(link->watch);
        h2o_socket_close(link->watch);
    } else if (link->epoll_fd >= 0) {
        close(link->epoll_fd);
    }
    rnl_free(link);
}

bool rnl_core_link_ready(const struct rnl_core_link *link)
{
    return rnl_client_state(link->client) == RNL_CLIENT_CONNECTED;
}

void rnl_core_link_tick(struct rnl_core_link *link)
{
    if (rnl_client_state(link->client) != RNL_CLIENT_CLOSED) {
        link->refused_s = 0;
    } else if (++link->refused_s >= REFUSED_WAIT_S) {
        link->refused_s = 0;
        rnl_client_connect(link->client);
    }
}

/* librunnel sends from inside rnl_client_process only. */
uint64_t rnl_core_link_turn(const struct rnl_core_link *link)
{
    return link->turn;
}

const char *rnl_core_link_epoch(const struct rnl_core_link *link)
{
    const struct rnl_server_hello *server = rnl_client_server(link->client);
    return server != NULL ? server->epoch : NULL;
}

uint32_t rnl_core_link_feeds_max(const struct rnl_core_link *link)
{
    const struct rnl_server_hello *server = rnl_client_server(link->client);
    uint32_t max = server != NULL ? server->max_streams : 1;
    return max - max / 8 - (max < 8 && max > 1);
}

const struct rnl_status_info *rnl_core_link_status(
    const struct rnl_core_link *link, const struct rnl_status_info *status)
{
    static const struct rnl_status_info not_admitted = {
        .code = RNL_UNAVAILABLE,
        .message = "the core does not admit this bridge (its --token)"};
    return status->code == RNL_UNAUTHENTICATED && !rnl_core_link_ready(link)
               ? &not_admitted
               : status;
}

/* Starts a call that brings the rights of whom it is for. */
static enum rnl_code start_call(struct rnl_core_link *link,
                                const struct rnl_core_call *what,
                                const struct rnl_call_options *given,
                                struct rnl_call **ret_call)
{
    struct rnl_call_options options = *given;
    struct rnl_pair pairs[METADATA_MAX];
    assert(options.metadata_count < METADATA_MAX);
    if (what->authorization != NULL) {
        size_t count = options.metadata_count;
        for (size_t i = 0; i < count; i++)
            pairs[i] = options.metadata[i];
        pairs[count].key = "authorization";
        pairs[count].value = what->authorization;
        options.metadata = pairs;
        options.metadata_count = count + 1;
    }
    return rnl_call_start(link->client, what->method, &options, ret_call);
}

enum rnl_code rnl_core_link_call_bytes(struct rnl_core_link *link,
                                       const struct rnl_core_call *what,
                                       const struct rnl_request *request,
                                       const struct rnl_call_options *options,
                                       struct rnl_call **ret_call)
{
    struct rnl_call *call;
    enum rnl_code code = start_call(link, what, options, &call);
    if (code != RNL_OK)
        return code;
    code = rnl_call_send(call, request->data, request->len);
    if (code != RNL_OK) {
        rnl_call_destroy(call);
        return code;
    }
    rnl_call_half_close(call);
    *ret_call = call;
    return RNL_OK;
}

enum rnl_code rnl_core_link_pack(const ProtobufCMessage *message,
                                 struct rnl_request *ret_request)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *data = rnl_malloc(len > 0 ? len : 1);
    if (data == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    protobuf_c_message_pack(message, data);
    *ret_request = (struct rnl_request){.data = data, .len = len};
    return RNL_OK;
}

enum rnl_code rnl_core_link_call(struct rnl_core_link *link,
                                 const struct rnl_core_call *what,
                                 const ProtobufCMessage *message,
                                 const struct rnl_call_options *options,
                                 struct rnl_call **ret_call)
{
    struct rnl_request request;
    enum rnl_code code = rnl_core_link_pack(message, &request);
    if (code != RNL_OK)
        return code;
    code = rnl_core_link_call_bytes(link, what, &request, options, ret_call);
    rnl_free((void *)(uintptr_t)request.data);
    return code;
}
