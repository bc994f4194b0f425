/* SPDX-License-Identifier: Apache-2.0 */
#include "llm_pool.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "context.h"

/* Sockets served in a turn; the others are in the next one. */
#define READY_MAX 64

/* Of a refusal; its message is shorter. */
#define REFUSAL_LEN_MAX ((size_t)8192)

/* From the last word of an answer to the end of its body. */
#define LINGER_MS 1000

#define NEVER INT64_MAX

struct cli_llm_call {
    TAILQ_ENTRY(cli_llm_call) link;
    struct cli_llm_pool *pool;
    CURL *easy;
    struct curl_slist *headers;
    cli_llm_body_fn on_body;
    void *arg;
    /* The body of an answer that is none. */
    struct cli_buf refusal;
    /* When to give up waiting for the server; NEVER while the reader is the
     * one that is waited for. */
    int64_t due_ms;
    bool has_body;
    bool paused;
    bool ended;
    /* Nobody looks at it any more. */
    bool released;
    struct cli_llm_verdict verdict;
    char detail[CURL_ERROR_SIZE];
};

struct cli_llm_pool {
    struct cli_llm_server server;
    CURLM *multi;
    int epoll_fd;
    int timer_fd;
    /* What libcurl waits for. */
    int64_t curl_due_ms;
    TAILQ_HEAD(, cli_llm_call) calls;
};

/* 0 is no limit. */
static int64_t due_after(int64_t timeout_ms)
{
    return timeout_ms == 0 ? NEVER : cli_now_ms() + timeout_ms;
}

/* --- what libcurl wants of a loop --- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                     void *socket_arg)
{
    struct cli_llm_pool *pool = arg;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    (void)socket_arg;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(pool->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
                   (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (epoll_ctl(pool->epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0 &&
        epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return -1;
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct cli_llm_pool *pool = arg;
    (void)multi;
    pool->curl_due_ms = timeout_ms < 0 ? NEVER : cli_now_ms() + timeout_ms;
    return 0;
}

/* The timer's descriptor fires at the earliest of all dues. */
static void arm(struct cli_llm_pool *pool)
{
    struct itimerspec when = {0};
    struct cli_llm_call *call;
    int64_t due_ms = pool->curl_due_ms;
    TAILQ_FOREACH(call, &pool->calls, link)
    due_ms = !call->ended && call->due_ms < due_ms ? call->due_ms : due_ms;
    if (due_ms != NEVER) {
        int64_t left_ms = due_ms - cli_now_ms();
        /* 0 would disarm it. */
        left_ms = left_ms < 1 ? 1 : left_ms;
        when.it_value.tv_sec = left_ms / 1000;
        when.it_value.tv_nsec = left_ms % 1000 * 1000000;
    }
    timerfd_settime(pool->timer_fd, 0, &when, NULL);
}

/* --- the pool --- */

struct cli_llm_pool *cli_llm_pool_create(const struct cli_llm_server *server)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct cli_llm_pool *pool = cli_calloc(1, sizeof(*pool));
    pool->server = *server;
    pool->curl_due_ms = NEVER;
    TAILQ_INIT(&pool->calls);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    pool->multi = curl_multi_init();
    pool->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pool->timer_fd =
        timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    event.data.fd = pool->timer_fd;
    if (pool->multi == NULL || pool->timer_fd < 0 || pool->epoll_fd < 0 ||
        epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, pool->timer_fd, &event) != 0) {
        cli_llm_pool_destroy(pool);
        return NULL;
    }
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
    return pool;
}

void cli_llm_pool_destroy(struct cli_llm_pool *pool)
{
    if (pool == NULL)
        return;
    while (!TAILQ_EMPTY(&pool->calls))
        cli_llm_call_destroy(TAILQ_FIRST(&pool->calls));
    curl_multi_cleanup(pool->multi);
    if (pool->epoll_fd >= 0)
        close(pool->epoll_fd);
    if (pool->timer_fd >= 0)
        close(pool->timer_fd);
    curl_global_cleanup();
    cli_free(pool);
}

int cli_llm_pool_fd(const struct cli_llm_pool *pool)
{
    return pool->epoll_fd;
}

void cli_llm_pool_redact(const struct cli_llm_pool *pool,
                         struct cli_llm_verdict *verdict)
{
    cli_llm_verdict_redact(verdict, pool->server.key);
}

/* --- the body of an answer --- */

static long status_of(const struct cli_llm_call *call)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static const char *header_of(const struct cli_llm_call *call, const char *name)
{
    struct curl_header *header;
    if (curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) !=
        CURLHE_OK)
        return NULL;
    return header->value;
}

static bool streams(const struct cli_llm_call *call)
{
    static const char type[] = "text/event-stream";
    const char *value = header_of(call, "content-type");
    return status_of(call) == 200 && value != NULL &&
           curl_strnequal(value, type, sizeof(type) - 1);
}

static size_t on_write(char *data, size_t size, size_t count, void *arg)
{
    struct cli_llm_call *call = arg;
    size_t len = size * count;
    if (call->released)
        return len;
    call->due_ms = due_after(call->pool->server.idle_timeout_ms);
    call->has_body = true;
    if (!streams(call)) {
        size_t room = REFUSAL_LEN_MAX - call->refusal.len;
        cli_buf_add(&call->refusal, data, len < room ? len : room);
        return len;
    }
    if (call->on_body(data, len, call->arg))
        return len;
    call->paused = true;
    call->due_ms = NEVER;
    return CURL_WRITEFUNC_PAUSE;
}

bool cli_llm_call_paused(const struct cli_llm_call *call)
{
    return call->paused && !call->ended;
}

void cli_llm_call_resume(struct cli_llm_call *call)
{
    if (!cli_llm_call_paused(call))
        return;
    call->paused = false;
    call->due_ms = due_after(call->pool->server.idle_timeout_ms);
    curl_easy_pause(call->easy, CURLPAUSE_CONT);
    arm(call->pool);
}

/* --- the end of a call --- */

static void detach(struct cli_llm_call *call)
{
    if (!call->ended)
        curl_multi_remove_handle(call->pool->multi, call->easy);
    call->ended = true;
}

static void judge_answer(struct cli_llm_call *call)
{
    const struct cli_llm_refusal refusal = {
        .status = status_of(call),
        .body = cli_buf_str(&call->refusal),
        .body_len = call->refusal.len,
        .retry_after = header_of(call, "retry-after"),
        .retry_after_ms = header_of(call, "retry-after-ms"),
        .location = header_of(call, "location"),
        .now_s = cli_wall_ms() / 1000,
    };
    const char *type = header_of(call, "content-type");
    if (streams(call))
        call->verdict = (struct cli_llm_verdict){.code = RNL_OK,
                                                 .wait_ms = CLI_LLM_NO_WAIT};
    else if (refusal.status != 200)
        cli_llm_judge_refusal(&refusal, &call->verdict);
    else
        cli_llm_verdict_set(&call->verdict, RNL_FAILED_PRECONDITION, false,
                            "the server does not stream: its answer is %s",
                            type != NULL ? type : "of no type");
}

static void finish(struct cli_llm_call *call, CURLcode result)
{
    if (result == CURLE_OK)
        judge_answer(call);
    else
        cli_llm_judge_transfer(result, call->detail, &call->verdict);
    cli_llm_pool_redact(call->pool, &call->verdict);
    detach(call);
}

static void give_up(struct cli_llm_call *call)
{
    const struct cli_llm_server *server = &call->pool->server;
    int64_t waited_ms = call->has_body ? server->idle_timeout_ms
                                       : server->first_byte_timeout_ms;
    cli_llm_verdict_set(&call->verdict, RNL_DEADLINE_EXCEEDED, true,
                        "the server sent nothing for %.3g s",
                        (double)waited_ms / 1000);
    detach(call);
}

static void take_ends(struct cli_llm_pool *pool)
{
    struct CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(pool->multi, &left)) != NULL) {
        struct cli_llm_call *call = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        if (message->msg == CURLMSG_DONE && call != NULL)
            finish(call, result);
    }
}

static void take_dues(struct cli_llm_pool *pool)
{
    int64_t now_ms = cli_now_ms();
    struct cli_llm_call *call;
    TAILQ_FOREACH(call, &pool->calls, link)
    {
        if (!call->ended && call->due_ms <= now_ms)
            give_up(call);
    }
}

static void sweep(struct cli_llm_pool *pool)
{
    struct cli_llm_call *call = TAILQ_FIRST(&pool->calls);
    while (call != NULL) {
        struct cli_llm_call *next = TAILQ_NEXT(call, link);
        if (call->released && call->ended)
            cli_llm_call_destroy(call);
        call = next;
    }
}

void cli_llm_pool_process(struct cli_llm_pool *pool)
{
    struct epoll_event ready[READY_MAX];
    int running;
    uint64_t expirations;
    int count = epoll_wait(pool->epoll_fd, ready, READY_MAX, 0);
    for (int i = 0; i < count; i++) {
        int fd = ready[i].data.fd;
        uint32_t events = ready[i].events;
        int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        if (fd != pool->timer_fd)
            curl_multi_socket_action(pool->multi, fd, what, &running);
        else if (read(fd, &expirations, sizeof(expirations)) < 0 &&
                 errno != EAGAIN)
            pool->curl_due_ms = 0;
    }
    if (pool->curl_due_ms <= cli_now_ms()) {
        pool->curl_due_ms = NEVER;
        curl_multi_socket_action(pool->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    take_ends(pool);
    take_dues(pool);
    sweep(pool);
    arm(pool);
}

const struct cli_llm_verdict *cli_llm_call_end(const struct cli_llm_call *call)
{
    return call->ended ? &call->verdict : NULL;
}

/* --- the start of a call --- */

/* False: memory is out. */
static bool add_header(struct cli_llm_call *call, const char *text)
{
    struct curl_slist *list = curl_slist_append(call->headers, text);
    if (list != NULL)
        call->headers = list;
    return list != NULL;
}

static bool add_headers(struct cli_llm_call *call)
{
    struct cli_buf key = {0};
    /* "Expect:" without a value takes out "100-continue", for which some
     * servers let a client wait a second. */
    bool added = add_header(call, "Content-Type: application/json") &&
                 add_header(call, "Accept: text/event-stream") &&
                 add_header(call, "Expect:");
    if (added && call->pool->server.key != NULL) {
        cli_buf_printf(&key, "Authorization: Bearer %s",
                       call->pool->server.key);
        added = add_header(call, cli_buf_str(&key));
    }
    cli_buf_fini(&key);
    return added;
}

static void set_connection(CURL *easy, const struct cli_llm_server *server)
{
    curl_easy_setopt(easy, CURLOPT_URL, server->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (server->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, server->ca_file);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)server->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "runnel/" RNL_VERSION);
}

static void set_request(struct cli_llm_call *call, const char *body,
                        size_t body_len)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_len);
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->detail);
}

struct cli_llm_call *cli_llm_call_start(struct cli_llm_pool *pool,
                                        const char *body, size_t body_len,
                                        cli_llm_body_fn on_body, void *arg)
{
    struct cli_llm_call *call = cli_calloc(1, sizeof(*call));
    call->pool = pool;
    call->on_body = on_body;
    call->arg = arg;
    call->due_ms = due_after(pool->server.first_byte_timeout_ms);
    call->ended = true;
    call->easy = curl_easy_init();
    TAILQ_INSERT_TAIL(&pool->calls, call, link);
    if (call->easy == NULL || !add_headers(call))
        goto fail;
    set_connection(call->easy, &pool->server);
    set_request(call, body, body_len);
    if (curl_multi_add_handle(pool->multi, call->easy) != CURLM_OK)
        goto fail;
    call->ended = false;
    arm(pool);
    return call;
fail:
    cli_llm_call_destroy(call);
    return NULL;
}

void cli_llm_call_destroy(struct cli_llm_call *call)
{
    if (call == NULL)
        return;
    detach(call);
    TAILQ_REMOVE(&call->pool->calls, call, link);
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    cli_buf_fini(&call->refusal);
    arm(call->pool);
    cli_free(call);
}

void cli_llm_call_release(struct cli_llm_call *call)
{
    if (call == NULL)
        return;
    if (call->ended || call->paused) {
        cli_llm_call_destroy(call);
        return;
    }
    call->released = true;
    call->due_ms = due_after(LINGER_MS);
    arm(call->pool);
}
