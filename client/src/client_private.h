/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a client. Its parts, each in a file of its own:
 *
 *   client.c  create, destroy, process, the event loop's view
 *   link.c    the connection: dial, Hello, lost, again; keepalive
 *   input.c   bytes received to frames, frames to calls
 *   output.c  calls to frames, frames to bytes sent
 *   call.c    the calls themselves
 *   wait.c    the blocking functions
 *
 * Sockets are touched from rnl_client_process only. The other functions change
 * state and let rnl_client_report tell the event loop.
 */
#ifndef RNL_CLIENT_PRIVATE_H
#define RNL_CLIENT_PRIVATE_H

#include <stdarg.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <runnel/client.h>

#include "address.h"
#include "fifo.h"
#include "frame.h"
#include "status_box.h"
#include "timer.h"

#define RNL_NS_PER_MS INT64_C(1000000)

/* The largest wait that is told to poll(2) and counts as one. */
#define RNL_WAIT_MS_MAX INT64_C(86400000)

/* Output is gathered to so many bytes before the socket is tried: some frames
 * of a call each, so that calls take turns. */
#define RNL_OUT_HIGH ((size_t)256 * 1024)

/* A server that does not read, yet makes us answer (Ping), is given up when so
 * much waits: far above RNL_OUT_HIGH and the largest frame of any request. */
#define RNL_OUT_MAX ((size_t)RNL_FRAME_BYTES_MAX + 1024 * 1024)

/* One read; larger ones gain nothing measurable. A process reads at most so
 * many times, so that one busy connection does not hold an event loop. */
#define RNL_READ_BYTES     ((size_t)64 * 1024)
#define RNL_READ_COUNT_MAX 16

enum rnl_phase {
    /* No socket; link_due_ns says when to dial. */
    RNL_PHASE_IDLE,
    /* The socket connects. */
    RNL_PHASE_DIAL,
    /* It shakes hands. */
    RNL_PHASE_TLS,
    /* Our Hello is out, the server's is awaited. */
    RNL_PHASE_HELLO,
    /* Calls run. */
    RNL_PHASE_UP,
};

/* A stream that the server knows: of a call, or of one that ended here and
 * whose Status is still to come (call is NULL). */
struct rnl_open_stream {
    uint32_t id;
    struct rnl_call *call;
};

TAILQ_HEAD(rnl_call_list, rnl_call);

/* Something above calls that dies with the client: a watch, an ingest. */
struct rnl_attachment {
    TAILQ_ENTRY(rnl_attachment) link;
    void (*destroy)(struct rnl_attachment *attachment);
};
TAILQ_HEAD(rnl_attachment_list, rnl_attachment);

struct rnl_client {
    /* Strings in it are not valid; they are these. */
    struct rnl_client_options options;
    struct rnl_address address;
    char *token;
    char *agent;
    /* NULL: connections are plain. The name is that of the certificate. */
    struct rnl_tls_context *tls_context;
    char *tls_name;
    int64_t (*clock_ns)(void);
    int64_t now_ns;
    uint64_t random;

    enum rnl_client_state state;
    enum rnl_phase phase;
    int fd;
    /* On fd; NULL while there is none. */
    struct rnl_tls *tls;
    struct addrinfo *targets;
    struct addrinfo *target_next;
    /* IDLE: when to dial. DIAL, HELLO: until when. INT64_MAX: never. */
    int64_t link_due_ns;
    int64_t keepalive_due_ns;
    bool ping_sent;
    /* Attempts that failed since the last connection. */
    unsigned failures;
    /* Doublings of the next wait, and when the connection was made. */
    unsigned backoff;
    int64_t up_since_ns;
    struct rnl_fifo in;
    struct rnl_fifo out;

    /* Of the last connection; agent NULL before the first. Owned. */
    struct rnl_server_hello server;
    char *server_agent;
    char *server_epoch;
    uint32_t server_credit;
    /* Connections that were made. */
    uint64_t generation;
    /* Why the last connection was lost, or could not be made. */
    struct rnl_status_box lost;

    uint32_t next_id;
    struct rnl_open_stream *open;
    size_t open_count;
    size_t open_cap;
    /* Every call is in one of them. */
    struct rnl_call_list waiting;
    struct rnl_call_list running;
    /* on_end is to be called. */
    struct rnl_call_list ended;
    /* on_end was called; the owner has them. */
    struct rnl_call_list done;
    /* Of the running ones, those that have something to send. */
    struct rnl_call_list ready;
    struct rnl_attachment_list attachments;
    struct rnl_timers timers;

    bool in_process;
    /* An eventfd: rnl_client_interrupt was called. */
    int wake_fd;
    /* What the event loop was told. */
    int told_fd;
    int told_events;
    int64_t told_due_ns;
    /* Of the last blocking function. */
    struct rnl_status_box status;
};

/* --- client.c --- */

/* Copies an options struct of the caller's version: what it does not have is
 * 0. options may be NULL. False when its size was not set, or when it has
 * options, not 0, that this version does not know: RNL_OPTIONS_FAULT. */
RNL_MUST_USE bool rnl_options_copy(void *out, size_t out_size,
                                   const void *options);
#define RNL_OPTIONS_FAULT                                                     \
    "size must be that of the options: initialise them by RNL_OPTIONS_INIT; " \
    "what this version of librunnel does not know must be 0"

/* Reads the clock into now_ns. */
void rnl_client_tick(struct rnl_client *client);

/* Tells the event loop what changed. Every public function that may change
 * what is awaited ends with it. */
void rnl_client_report(struct rnl_client *client);

void rnl_client_trace(struct rnl_client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A number from 0 to limit - 1; for jitter and names, not for secrets. */
uint64_t rnl_client_random(struct rnl_client *client, uint64_t limit);

/* When process must run again, for any reason. */
int64_t rnl_client_due(const struct rnl_client *client);

/* --- link.c --- */

void rnl_link_init(struct rnl_client *client);
void rnl_link_fini(struct rnl_client *client);

/* Dials as soon as process runs, unless there is a connection or a wait. */
void rnl_link_want(struct rnl_client *client);

/* Does what is due at now_ns, and what the socket says while it connects. */
void rnl_link_run(struct rnl_client *client, int revents);

/* Ends the connection: its calls end with RNL_UNAVAILABLE, and the next
 * attempt is scheduled. */
void rnl_link_lost(struct rnl_client *client, enum rnl_code code,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a Status of the server on stream 0. */
void rnl_link_refused(struct rnl_client *client,
                      const struct rnl_status_info *info);

void rnl_link_take_hello(struct rnl_client *client,
                         const struct rnl_frame *frame);
void rnl_link_take_go_away(struct rnl_client *client,
                           const struct rnl_frame *frame);

/* recv and send of the connection, with or without TLS. */
ssize_t rnl_link_recv(struct rnl_client *client, void *out, size_t len);
ssize_t rnl_link_send(struct rnl_client *client, const void *data, size_t len);

/* Why the last of these failed; valid until the next one. */
const char *rnl_link_failure(const struct rnl_client *client);

/* A byte came: the server lives. */
void rnl_link_heard(struct rnl_client *client);

/* The connection takes new calls. */
bool rnl_link_accepts(const struct rnl_client *client);

/* --- input.c --- */

/* Reads and handles what the socket has. */
void rnl_input_run(struct rnl_client *client);

/* --- output.c --- */

/* Puts a frame into the write buffer; false when memory is out. */
bool rnl_output_frame(struct rnl_client *client, uint32_t id,
                      enum rnl_frame_kind kind, const void *body, size_t len);

/* Makes frames of what calls have to send, and writes. */
void rnl_output_run(struct rnl_client *client);

/* Before the connection is closed: writes what is made, as far as the socket
 * takes it at once. */
void rnl_output_last(struct rnl_client *client);

/* Something waits for the socket to take it. */
bool rnl_output_pending(const struct rnl_client *client);

/* --- wait.c --- */

/*
 * Runs the client until done(arg) or the deadline (of the client's clock;
 * INT64_MAX: none), once at least. Errors: RNL_DEADLINE_EXCEEDED, whose text
 * is the caller's to set; RNL_FAILED_PRECONDITION inside of a callback and
 * RNL_CANCELLED after rnl_client_interrupt, which set rnl_client_status.
 */
RNL_MUST_USE enum rnl_code rnl_client_run_until(struct rnl_client *client,
                                                int64_t deadline_ns,
                                                bool (*done)(void *arg),
                                                void *arg);

/* Takes what is there, without waiting; nothing inside of a callback. Does not
 * see rnl_client_interrupt, nor set rnl_client_status. */
void rnl_client_turn(struct rnl_client *client);

/* now + timeout_ms; INT64_MAX for a negative one. */
int64_t rnl_client_deadline(struct rnl_client *client, int64_t timeout_ms);

/* Sets what rnl_client_status returns; gives the code back. */
enum rnl_code rnl_client_succeed(struct rnl_client *client);
enum rnl_code rnl_client_fail(struct rnl_client *client, enum rnl_code code,
                              const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum rnl_code rnl_client_conclude(struct rnl_client *client,
                                  const struct rnl_status_info *info);

#endif
