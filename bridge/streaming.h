/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer that streams: pieces go out one after the other, never two sends
 * at once, and nothing is sent that the peer has no room for. They go to the
 * socket directly as long as it takes them at once, and by libh2o else. It
 * hides what libh2o 2.2.5 leaves to its user: memory of a send stays until the
 * send is over, a peer that leaves is noticed only by reading the socket, one
 * that does not read is never dropped.
 *
 * It is not a source: an owner (sse.c, output.c) asks rnl_streaming_ready()
 * before it sends, and goes on in on_ready.
 */
#ifndef RNL_BRIDGE_STREAMING_H
#define RNL_BRIDGE_STREAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "exchange.h"
#include "h2o_use.h"
#include "piece.h"

/* Pieces of one send: one writev, so a lagging reader costs fewer calls. */
#define RNL_STREAMING_PIECES_MAX 16

struct rnl_streaming {
    h2o_generator_t generator;
    struct rnl_exchange *exchange;
    /* A send may be made, which could not be before; or rnl_streaming_wake.
     * Called from the loop, never from inside of these functions. */
    void (*on_ready)(struct rnl_streaming *streaming);
    /* The answer is over, whatever ended it: called once and last. */
    void (*on_gone)(struct rnl_streaming *streaming);
    /* What ends a drain: true when a cut answer must not look whole. */
    bool cut_is_error;
    /* When not NULL, called for a drain instead: to send a last word, and
     * finish. */
    void (*on_drain)(struct rnl_streaming *streaming);
    /* Sent when nothing else was for RNL_KEEPALIVE_MS; NULL for none. */
    const char *keepalive;

    struct rnl_piece *inflight[RNL_STREAMING_PIECES_MAX];
    size_t inflight_count;
    struct rnl_worker *worker;
    /* The socket, where pieces go to it directly; else -1. */
    int fd;
    /* Pieces go out as the chunks that they are. */
    bool chunked;
    /* The head was sent. */
    bool begun;
    /* A send is under way in libh2o. */
    bool busy;
    bool ending;
    bool end_is_error;
    bool finished;
    uint64_t sent_at_ms;
    /* A cut answer is freed from inside h2o_send: so it is made from the loop,
     * never from inside one of our calls. */
    h2o_timeout_entry_t end;
    h2o_timeout_entry_t wake;
    LIST_ENTRY(rnl_streaming) link;
};

/* Starts the answer. The caller has set up everything above the line of
 * inflight; streaming lives in the request's pool. From here on nothing of
 * req that points into the request's bytes may be used (path, headers, body):
 * their buffer is given back. */
void rnl_streaming_start(struct rnl_streaming *streaming,
                         struct rnl_exchange *exchange,
                         const char *content_type);

/* Whether a send may be made now. */
bool rnl_streaming_ready(const struct rnl_streaming *streaming);

/* There is something to send: on_ready is called in this round of the loop,
 * after all that comes in it, if it is ready then. */
void rnl_streaming_wake(struct rnl_streaming *streaming);

/* Sends 1 to RNL_STREAMING_PIECES_MAX pieces; takes over the caller's
 * references. Only when ready; while it stays so, another may follow. */
void rnl_streaming_send(struct rnl_streaming *streaming,
                        struct rnl_piece *const *pieces, size_t count);

/* Ends the answer after what is in flight; on_gone follows, but not from
 * inside this call. is_error cuts it, so that a client can tell. */
void rnl_streaming_finish(struct rnl_streaming *streaming, bool is_error);

/* Each second: keep-alives, and the end of those that do not read. */
void rnl_streaming_sweep(struct rnl_worker *worker);

/* Ends all of them. */
void rnl_streaming_drain(struct rnl_worker *worker);

#endif
