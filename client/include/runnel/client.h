/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client: one connection to a Runnel core, kept up for as long as the client
 * lives. It connects without blocking, says Hello, answers Pings, connects
 * again when the connection is lost, and carries any number of calls
 * (call.h), watches (job.h, stats.h) and ingests (ingest.h) at once.
 *
 * Two ways to run it:
 *
 *   - Blocking: call the functions that say "Blocks". They run the client by
 *     poll(2) until their work is done. Watches and ingests of the client go
 *     on meanwhile, and only then.
 *   - In an event loop: watch rnl_client_fd() for rnl_client_events(), and
 *     call rnl_client_process() when it is ready or rnl_client_timeout_ms() is
 *     over. Loops that want to be told of changes set on_poll and on_timer.
 *     examples/poll_loop.c and examples/event_loop.c (libuv) do so.
 *
 * Threads: a client, and all that was made with it, is used by one thread at a
 * time; which one may change. rnl_client_interrupt() alone may be called from
 * any thread at any time. Different clients are independent. There is no
 * global state.
 *
 * Callbacks: on_message, on_event, on_end and the like are called from inside
 * rnl_client_process() and the blocking functions only, never from inside the
 * function that registered them. They may call every function but
 * rnl_client_destroy(); rnl_client_process() does nothing there, and the
 * functions that block answer RNL_FAILED_PRECONDITION.
 *
 * Options structs start with their own size, so that they can grow: set it
 * with RNL_OPTIONS_INIT, which leaves the rest 0. 0 and NULL mean the default
 * everywhere. A size that was not set is RNL_INVALID_ARGUMENT.
 *
 * Errors: a function that fails returns a code and leaves its ret_ parameters
 * as they were. rnl_client_status() has the sentence that goes with it.
 *
 * Time is in milliseconds; points in time count from 1970-01-01T00:00Z, 0
 * meaning "not set".
 *
 * The library never logs, never ends the process and changes no signal. When
 * memory runs out the function, or the call, ends with RNL_RESOURCE_EXHAUSTED.
 */
#ifndef RNL_CLIENT_H
#define RNL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

/* struct rnl_client_options options = RNL_OPTIONS_INIT(options); */
#ifdef __cplusplus
/* Not an initializer list: -Wextra would ask for every member. */
template <typename Options> inline Options rnl_options_init()
{
    Options options = Options();
    options.size = sizeof(options);
    return options;
}
#define RNL_OPTIONS_INIT(variable) rnl_options_init<decltype(variable)>()
#else
#define RNL_OPTIONS_INIT(variable) \
    {                              \
        .size = sizeof(variable)   \
    }
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define RNL_ADDRESS_DEFAULT "127.0.0.1:7400"

/* The version of the library: "0.1.0". */
RNL_API const char *rnl_version(void);

struct rnl_client;

/* One field that made a request invalid. */
struct rnl_violation {
    /* Path in the request: "options.pace_ms". */
    const char *field;
    /* "must be between 0 and 60000". */
    const char *description;
};

/* How something ended. Strings are never NULL. */
struct rnl_status_info {
    enum rnl_code code;
    /* One sentence for a person; empty with RNL_OK. */
    const char *message;
    const struct rnl_violation *violations;
    size_t violation_count;
    /* Not 0: it may succeed when repeated after this time. */
    uint32_t retry_delay_ms;
    /* With RNL_OUT_OF_RANGE of a watch: the first sequence still kept. */
    uint64_t first_available_sequence;
    /* With RNL_UNAVAILABLE: the server has not seen the call, so repeating it
     * cannot do anything twice. */
    bool not_started;
};

enum rnl_client_state {
    /* Connecting for the first time, or again. */
    RNL_CLIENT_CONNECTING = 0,
    /* Hello was exchanged; calls run. */
    RNL_CLIENT_CONNECTED = 1,
    /* Connected, but the server is draining: it finishes what it has, and new
     * calls wait for the next connection. */
    RNL_CLIENT_DRAINING = 2,
    /* The connection was lost or could not be made; waiting to try again. */
    RNL_CLIENT_WAITING = 3,
    /* Not asked to connect yet. Or given up: reconnecting is off, or the server
     * refused this client for good (token, protocol version). The next call,
     * or rnl_client_connect, tries again. */
    RNL_CLIENT_CLOSED = 4,
};

/* What the server said in its Hello. */
struct rnl_server_hello {
    /* "runneld/0.1.0" */
    const char *agent;
    /* Identity of the server's store. */
    const char *epoch;
    /* This epoch differs from the one of the connection before: jobs and
     * sequences of that one are unknown here. */
    bool epoch_changed;
    /* Largest frame that the server takes, and open calls. */
    uint32_t max_frame_bytes;
    uint32_t max_streams;
};

struct rnl_client_options {
    size_t size;
    /* "HOST:PORT", "[::1]:7400", "HOST" (port 7400), "unix:PATH" (the core's
     * --unix-socket); RNL_ADDRESS_DEFAULT.
     * Names are looked up, which blocks, at each attempt to connect; numeric
     * addresses never block. */
    const char *address;
    /* Bearer token, at most 4,096 bytes. */
    const char *token;
    /* Program and version, for the server's log: "backup/1.4". At most 128
     * bytes. */
    const char *agent;
    /* For the connection with its Hello. Default 5,000. */
    int64_t connect_timeout_ms;
    /* Wait before the first attempt to connect again, doubled for each
     * further one up to the second, with jitter of a half. A connection that
     * lasted reconnect_max_ms sets it back to the first. Defaults 100 and
     * 10,000. */
    int64_t reconnect_min_ms;
    int64_t reconnect_max_ms;
    /* A lost connection stays lost. */
    bool no_reconnect;
    /* After so much silence the server is pinged, and after as much again the
     * connection counts as lost. Default 15,000; negative: never. */
    int64_t keepalive_ms;
    /* Largest frame that is accepted, 16 KiB to 64 MiB. Default 4 MiB. */
    uint32_t max_frame_bytes;
    /* What the server may send on a call before it is consumed: bounds the
     * memory of a call. Default 256 KiB. */
    uint32_t credit_bytes;
    /* For each blocking call that is given no time of its own, as those of
     * job.h and stats.h. Default 30,000; negative: none. */
    int64_t call_timeout_ms;
    /* The state changed. server is NULL unless RNL_CLIENT_CONNECTED; status
     * says why a connection was lost (RNL_OK otherwise). Both are borrowed. */
    void (*on_state)(struct rnl_client *client, enum rnl_client_state state,
                     const struct rnl_server_hello *server,
                     const struct rnl_status_info *status, void *arg);
    /*
     * Watch fd for events (POLLIN, POLLOUT of poll.h); this replaces what was
     * said before. events is 0 when fd is about to be closed: forget it before
     * returning. Called from inside any function, and must not call any of
     * this library.
     */
    void (*on_poll)(struct rnl_client *client, int fd, int events, void *arg);
    /* Call rnl_client_process after timeout_ms at the latest; replaces what
     * was said before; negative: no need. As on_poll. */
    void (*on_timer)(struct rnl_client *client, int64_t timeout_ms, void *arg);
    /* One line about each thing that happens on the connection, for finding
     * faults; no payload and no secret. As on_poll. */
    void (*on_trace)(struct rnl_client *client, const char *line, void *arg);
    /* Given to the four callbacks. */
    void *arg;
    /* Speak TLS (1.2 or 1.3). The server's certificate must lead to a trusted
     * root and be of the host of address, a numeric one too. */
    bool tls;
    /* Trusted roots, PEM; NULL: those of the system. */
    const char *tls_ca_file;
    /* The name that the certificate must have instead of address' host. */
    const char *tls_server_name;
    /* Accept any certificate: whoever is in between reads all. For tests. */
    bool tls_insecure;
};

/* NULL, or a sentence about the first option that is out of its range: what
 * rnl_client_create refuses. The sentence is static. */
RNL_API const char *rnl_client_options_fault(
    const struct rnl_client_options *options);

/*
 * Creates a client; options may be NULL, its strings are copied. Connecting
 * begins with the first call or rnl_client_connect, so that a client made
 * before its core runs is no error.
 *
 * Errors: RNL_INVALID_ARGUMENT for what rnl_client_options_fault tells;
 * RNL_RESOURCE_EXHAUSTED when memory or descriptors are out.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_client_create(
    const struct rnl_client_options *options, struct rnl_client **ret_client);

/* Closes the connection and frees the client with all its calls, watches and
 * ingests, without calling back, but for a last on_poll (events 0) and a last
 * on_timer (negative). Not inside of a callback. Accepts NULL. */
RNL_API void rnl_client_destroy(struct rnl_client *client);

/* Begins to connect, at once; does nothing while connecting or connected. */
RNL_API void rnl_client_connect(struct rnl_client *client);

/*
 * Blocks until connected, for at most timeout_ms (negative: for ever; 0: for
 * one attempt, which connect_timeout_ms bounds).
 *
 * Errors: RNL_DEADLINE_EXCEEDED; RNL_UNAVAILABLE when the one attempt fails,
 * or reconnecting is off; RNL_UNAUTHENTICATED and RNL_UNIMPLEMENTED when the
 * server refuses the client.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_client_await_connected(
    struct rnl_client *client, int64_t timeout_ms);

RNL_API enum rnl_client_state rnl_client_state(const struct rnl_client *client);

/* What the server said; NULL before the first connection. Valid until the next
 * connection. */
RNL_API const struct rnl_server_hello *rnl_client_server(
    const struct rnl_client *client);

/*
 * How the last function on this client ended that blocks, or that starts
 * something (rnl_call_start, rnl_watch_start, rnl_ingest_open) and failed.
 * Valid until the next such function. Never NULL.
 */
RNL_API const struct rnl_status_info *rnl_client_status(
    const struct rnl_client *client);

/* --- running it in an event loop --- */

/* The socket, -1 while there is none. It changes with each connection. */
RNL_API int rnl_client_fd(const struct rnl_client *client);

/* POLLIN, POLLOUT or both; 0 while there is no socket. */
RNL_API int rnl_client_events(const struct rnl_client *client);

/* Milliseconds until rnl_client_process must be called at the latest; 0 at
 * once, negative: no need. */
RNL_API int64_t rnl_client_timeout_ms(const struct rnl_client *client);

/*
 * Does what there is to do: reads, writes, fires timers, calls back. revents
 * is what poll(2) found, 0 for a timer. Never blocks (but for looking up
 * names). A bounded amount of work is done; what is left shows in
 * rnl_client_timeout_ms as 0.
 */
RNL_API void rnl_client_process(struct rnl_client *client, int revents);

/* Blocks: polls once, for at most timeout_ms (negative: until something
 * happens), and processes. A signal counts as something.
 * RNL_DEADLINE_EXCEEDED when nothing happened. */
RNL_API enum rnl_code rnl_client_poll(struct rnl_client *client,
                                      int64_t timeout_ms);

/*
 * Ends the blocking function that runs on this client with RNL_CANCELLED, or
 * the next one that has to wait. A watch or an ingest that was waited for goes
 * on; a unary call is cancelled, and may have been carried out.
 *
 * The one function for other threads, and for signal handlers. The client must
 * not be destroyed meanwhile.
 */
RNL_API void rnl_client_interrupt(struct rnl_client *client);

#ifdef __cplusplus
}
#endif

#endif
