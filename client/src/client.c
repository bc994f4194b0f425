/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "call_private.h"
#include "tls.h"

#define CONNECT_TIMEOUT_MS 5000
#define RECONNECT_MIN_MS   100
#define RECONNECT_MAX_MS   10000
#define KEEPALIVE_MS       15000
#define CALL_TIMEOUT_MS    30000
#define FRAME_BYTES        (4u * 1024 * 1024)
#define TOKEN_LEN_MAX      ((size_t)4096)
#define AGENT_LEN_MAX      ((size_t)128)
#define TLS_NAME_LEN_MAX   ((size_t)255)
#define CREDIT_BYTES_MAX   ((uint32_t)INT32_MAX)
#define TRACE_LINE_MAX     256

/* Every options struct ever, and far below what a forgotten size holds. */
#define OPTIONS_SIZE_MAX ((size_t)4096)

_Static_assert(RNL_FRAME_BYTES_MIN > TOKEN_LEN_MAX + AGENT_LEN_MAX + 64,
               "a Hello fits into the smallest frame");

/* --- options --- */

bool rnl_options_copy(void *out, size_t out_size, const void *options)
{
    memset(out, 0, out_size);
    if (options == NULL)
        return true;
    /* Each of them starts with its size. */
    size_t size;
    memcpy(&size, options, sizeof(size));
    if (size < sizeof(size) || size > OPTIONS_SIZE_MAX)
        return false;
    memcpy(out, options, size < out_size ? size : out_size);
    const uint8_t *bytes = options;
    for (size_t i = out_size; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void set_default(int64_t *option, int64_t value)
{
    if (*option == 0)
        *option = value;
}

static void set_defaults(struct rnl_client_options *options)
{
    set_default(&options->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    set_default(&options->reconnect_min_ms, RECONNECT_MIN_MS);
    set_default(&options->reconnect_max_ms, RECONNECT_MAX_MS);
    set_default(&options->keepalive_ms, KEEPALIVE_MS);
    set_default(&options->call_timeout_ms, CALL_TIMEOUT_MS);
    if (options->address == NULL)
        options->address = RNL_ADDRESS_DEFAULT;
    if (options->max_frame_bytes == 0)
        options->max_frame_bytes = FRAME_BYTES;
    if (options->credit_bytes == 0)
        options->credit_bytes = RNL_CREDIT_BYTES_DEFAULT;
}

static bool is_wait(int64_t ms)
{
    return ms > 0 && ms <= RNL_WAIT_MS_MAX;
}

static const char *find_tls_fault(const struct rnl_client_options *options)
{
    if (!options->tls)
        return options->tls_ca_file == NULL &&
                       options->tls_server_name == NULL &&
                       !options->tls_insecure
                   ? NULL
                   : "tls must be set where the other options of tls are";
    if (options->tls_server_name != NULL &&
        (*options->tls_server_name == '\0' ||
         strlen(options->tls_server_name) > TLS_NAME_LEN_MAX))
        return "tls_server_name must have 1 to 255 bytes";
    return NULL;
}

/* NULL, or what is wrong with options that have their defaults, but for the
 * file that they name. */
static const char *find_fault(const struct rnl_client_options *options,
                              struct rnl_address *address)
{
    if (rnl_address_parse(options->address, address) != RNL_OK)
        return "address must be HOST:PORT, [IPv6]:PORT or HOST, with a port "
               "from 1 to 65535, or unix:PATH with 1 to 107 bytes";
    if (options->tls && address->path[0] != '\0')
        return "tls is not spoken over a Unix socket";
    if (options->token != NULL && strlen(options->token) > TOKEN_LEN_MAX)
        return "token must have at most 4096 bytes";
    if (options->agent != NULL && strlen(options->agent) > AGENT_LEN_MAX)
        return "agent must have at most 128 bytes";
    if (!is_wait(options->connect_timeout_ms))
        return "connect_timeout_ms must be 1 to 86400000";
    if (!is_wait(options->reconnect_min_ms))
        return "reconnect_min_ms must be 1 to 86400000";
    if (!is_wait(options->reconnect_max_ms) ||
        options->reconnect_max_ms < options->reconnect_min_ms)
        return "reconnect_max_ms must be reconnect_min_ms to 86400000";
    if (options->keepalive_ms > RNL_WAIT_MS_MAX)
        return "keepalive_ms must be at most 86400000";
    if (options->max_frame_bytes < RNL_FRAME_BYTES_MIN ||
        options->max_frame_bytes > RNL_FRAME_BYTES_MAX)
        return "max_frame_bytes must be 16384 to 67108864";
    if (options->credit_bytes > CREDIT_BYTES_MAX)
        return "credit_bytes must be at most 2147483647";
    return find_tls_fault(options);
}

static const char *read_options(struct rnl_client_options *options,
                                struct rnl_address *address,
                                const struct rnl_client_options *given)
{
    if (!rnl_options_copy(options, sizeof(*options), given))
        return RNL_OPTIONS_FAULT;
    set_defaults(options);
    return find_fault(options, address);
}

static const char *find_file_fault(const struct rnl_client_options *options)
{
    struct rnl_tls_context *context = NULL;
    if (!options->tls)
        return NULL;
    enum rnl_code code = rnl_tls_context_create(options, &context);
    rnl_tls_context_destroy(context);
    return code == RNL_INVALID_ARGUMENT ? rnl_tls_roots_fault(options) : NULL;
}

const char *rnl_client_options_fault(const struct rnl_client_options *options)
{
    struct rnl_client_options own;
    struct rnl_address address;
    const char *fault = read_options(&own, &address, options);
    return fault != NULL ? fault : find_file_fault(&own);
}

/* --- clock and chance --- */

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 * RNL_NS_PER_MS + now.tv_nsec;
}

void rnl_client_tick(struct rnl_client *client)
{
    client->now_ns = client->clock_ns();
}

/* splitmix64, seeded by the kernel. */
uint64_t rnl_client_random(struct rnl_client *client, uint64_t limit)
{
    client->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = client->random;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return limit == 0 ? x : x % limit;
}

static void seed(struct rnl_client *client)
{
    if (getrandom(&client->random, sizeof(client->random), GRND_NONBLOCK) !=
        (ssize_t)sizeof(client->random))
        client->random = (uint64_t)client->clock_ns() ^ (uintptr_t)client;
}

/* --- life --- */

static bool copy_strings(struct rnl_client *client)
{
    const char *agent = client->options.agent;
    const char *token = client->options.token;
    client->agent =
        rnl_strdup(agent == NULL ? "librunnel/" RNL_VERSION : agent);
    client->token = token == NULL ? NULL : rnl_strdup(token);
    return client->agent != NULL && (token == NULL || client->token != NULL);
}

/* RNL_OK when none is asked for. The roots are read here alone, since those of
 * a system take 20 ms. */
static enum rnl_code set_up_tls(struct rnl_client *client)
{
    const struct rnl_client_options *options = &client->options;
    const char *name = options->tls_server_name;
    if (!options->tls)
        return RNL_OK;
    client->tls_name = rnl_strdup(name == NULL ? client->address.host : name);
    return client->tls_name == NULL
               ? RNL_RESOURCE_EXHAUSTED
               : rnl_tls_context_create(options, &client->tls_context);
}

static struct rnl_client *alloc_client(void)
{
    struct rnl_client *client = rnl_calloc(1, sizeof(*client));
    if (client == NULL)
        return NULL;
    client->clock_ns = monotonic_ns;
    client->told_due_ns = INT64_MAX;
    TAILQ_INIT(&client->waiting);
    TAILQ_INIT(&client->running);
    TAILQ_INIT(&client->ended);
    TAILQ_INIT(&client->done);
    TAILQ_INIT(&client->ready);
    TAILQ_INIT(&client->attachments);
    rnl_timers_init(&client->timers);
    rnl_status_box_init(&client->status);
    rnl_link_init(client);
    client->wake_fd = -1;
    rnl_client_tick(client);
    seed(client);
    return client;
}

enum rnl_code rnl_client_create(const struct rnl_client_options *options,
                                struct rnl_client **ret_client)
{
    struct rnl_client *client = alloc_client();
    if (client == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    if (read_options(&client->options, &client->address, options) != NULL) {
        /* Not ours yet. */
        client->options = (struct rnl_client_options){0};
        rnl_client_destroy(client);
        return RNL_INVALID_ARGUMENT;
    }
    client->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    enum rnl_code code = client->wake_fd >= 0 && copy_strings(client)
                             ? set_up_tls(client)
                             : RNL_RESOURCE_EXHAUSTED;
    if (code != RNL_OK) {
        rnl_client_destroy(client);
        return code;
    }
    *ret_client = client;
    return RNL_OK;
}

void rnl_client_destroy(struct rnl_client *client)
{
    if (client == NULL)
        return;
    assert(!client->in_process);
    /* No reports of what is about to vanish. */
    client->in_process = true;
    struct rnl_attachment *attachment;
    while ((attachment = TAILQ_FIRST(&client->attachments)) != NULL)
        attachment->destroy(attachment);
    rnl_calls_free(client);
    rnl_output_last(client);
    rnl_link_fini(client);
    rnl_timers_fini(&client->timers);
    rnl_fifo_fini(&client->in);
    rnl_fifo_fini(&client->out);
    rnl_status_box_fini(&client->status);
    if (client->told_due_ns != INT64_MAX && client->options.on_timer != NULL)
        client->options.on_timer(client, -1, client->options.arg);
    if (client->wake_fd >= 0)
        close(client->wake_fd);
    rnl_tls_context_destroy(client->tls_context);
    rnl_free(client->tls_name);
    rnl_free(client->open);
    rnl_free(client->token);
    rnl_free(client->agent);
    rnl_free(client);
}

void rnl_client_connect(struct rnl_client *client)
{
    if (client->phase == RNL_PHASE_IDLE)
        client->link_due_ns = 0;
    rnl_client_report(client);
}

enum rnl_client_state rnl_client_state(const struct rnl_client *client)
{
    return client->state;
}

const struct rnl_server_hello *rnl_client_server(
    const struct rnl_client *client)
{
    return client->generation == 0 ? NULL : &client->server;
}

const char *rnl_version(void)
{
    return RNL_VERSION;
}

const struct rnl_status_info *rnl_client_status(const struct rnl_client *client)
{
    return &client->status.info;
}

void rnl_client_trace(struct rnl_client *client, const char *format, ...)
{
    if (client->options.on_trace == NULL)
        return;
    char line[TRACE_LINE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    client->options.on_trace(client, line, client->options.arg);
}

/* --- the event loop's view --- */

int rnl_client_fd(const struct rnl_client *client)
{
    return client->fd;
}

int rnl_client_events(const struct rnl_client *client)
{
    switch (client->phase) {
    case RNL_PHASE_IDLE:
        return 0;
    case RNL_PHASE_DIAL:
        return POLLOUT;
    case RNL_PHASE_TLS:
        return rnl_tls_wants_write(client->tls) ? POLLOUT : POLLIN;
    case RNL_PHASE_HELLO:
    case RNL_PHASE_UP:
        break;
    }
    bool writes = rnl_output_pending(client) ||
                  (client->tls != NULL && rnl_tls_wants_write(client->tls));
    return POLLIN | (writes ? POLLOUT : 0);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Calls that end because there is no connection, see rnl_link_run. */
static bool refusal_due(const struct rnl_client *client)
{
    const struct rnl_call *call;
    if (client->phase != RNL_PHASE_IDLE || client->failures == 0 ||
        client->state != RNL_CLIENT_WAITING)
        return false;
    TAILQ_FOREACH(call, &client->waiting, link)
    {
        if (!call->options.wait_for_connection)
            return true;
    }
    return false;
}

int64_t rnl_client_due(const struct rnl_client *client)
{
    if (!TAILQ_EMPTY(&client->ended) || refusal_due(client) ||
        (client->tls != NULL && rnl_tls_has_pending(client->tls)) ||
        (client->state == RNL_CLIENT_DRAINING && client->open_count == 0))
        return 0;
    return earlier(rnl_timers_next(&client->timers),
                   earlier(client->link_due_ns, client->keepalive_due_ns));
}

static int64_t wait_ms(const struct rnl_client *client, int64_t now_ns)
{
    int64_t due_ns = rnl_client_due(client);
    if (due_ns == INT64_MAX)
        return -1;
    if (due_ns <= now_ns)
        return 0;
    /* Rounded up: a millisecond early would be a round for nothing. */
    int64_t ms = (due_ns - now_ns + RNL_NS_PER_MS - 1) / RNL_NS_PER_MS;
    return earlier(ms, RNL_WAIT_MS_MAX);
}

int64_t rnl_client_timeout_ms(const struct rnl_client *client)
{
    return wait_ms(client, client->clock_ns());
}

void rnl_client_report(struct rnl_client *client)
{
    if (client->in_process)
        return;
    int events = rnl_client_events(client);
    if (client->fd >= 0 &&
        (client->fd != client->told_fd || events != client->told_events)) {
        client->told_fd = client->fd;
        client->told_events = events;
        if (client->options.on_poll != NULL)
            client->options.on_poll(client, client->fd, events,
                                    client->options.arg);
    }
    int64_t due_ns = rnl_client_due(client);
    if (due_ns == client->told_due_ns)
        return;
    client->told_due_ns = due_ns;
    if (client->options.on_timer != NULL)
        client->options.on_timer(client, wait_ms(client, client->clock_ns()),
                                 client->options.arg);
}

void rnl_client_process(struct rnl_client *client, int revents)
{
    if (client->in_process)
        return;
    client->in_process = true;
    rnl_client_tick(client);
    bool readable =
        client->phase == RNL_PHASE_HELLO || client->phase == RNL_PHASE_UP;
    bool pending = client->tls != NULL && rnl_tls_has_pending(client->tls);
    if (readable && (pending || (revents & (POLLIN | POLLERR | POLLHUP)) != 0))
        rnl_input_run(client);
    rnl_link_run(client, readable ? 0 : revents);
    rnl_timers_run(&client->timers, client->now_ns);
    rnl_calls_deliver(client);
    rnl_output_run(client);
    client->in_process = false;
    client->told_due_ns = -1;
    rnl_client_report(client);
}
