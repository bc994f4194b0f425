/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection's protocol (docs/protocol.md) without a socket: bytes of the
 * peer are fed in, bytes for the peer are fetched out. The transport owns the
 * session and the socket; it
 *
 *   - calls rnl_core_set_time before any call below,
 *   - feeds what it reads while rnl_session_reading() says so, or reads into
 *     rnl_session_room() where there is some,
 *   - after on_output, writes what rnl_session_output() lends and reports it by
 *     rnl_session_wrote(), until there is no more,
 *   - closes the connection when rnl_session_done() says so, or destroys the
 *     session whenever the connection is lost.
 *
 * Handlers run inside of feed, wrote, destroy and the core's timers, never
 * inside another handler; on_output only takes note and must call nothing
 * here. One thread, that of the core.
 */
#ifndef RNL_CORE_SESSION_H
#define RNL_CORE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <runnel/status.h>

struct rnl_core;
struct rnl_session;

struct rnl_session_host {
    /* There is something new to write, or rnl_session_done() has become true;
     * called again only after rnl_session_output(). */
    void (*on_output)(struct rnl_session *session, void *arg);
    void *arg;
};

/* Creates the session of a connection just accepted and starts its handshake
 * time-out. Above the core's max_connections the session is made all the same
 * and does no more than to tell the peer so. Errors: RNL_RESOURCE_EXHAUSTED
 * (memory). */
RNL_MUST_USE enum rnl_code rnl_session_create(
    struct rnl_core *core, const struct rnl_session_host *host,
    struct rnl_session **ret_session);

/* The connection is gone, and so are its callers: ends all calls of the session
 * with RNL_CANCELLED, or with RNL_UNAVAILABLE when the core drains. Accepts
 * NULL. Must not be called by a handler or by on_output. */
void rnl_session_destroy(struct rnl_session *session);

/* Takes all of data; keeps a copy of an unfinished frame at its end. */
void rnl_session_feed(struct rnl_session *session, const uint8_t *data,
                      size_t len);

/* Lends room to read the peer's next bytes into, and returns its length, or 0:
 * then read elsewhere and feed. It is the rest of a large unfinished frame,
 * which so need not be copied. Valid until the next call that takes the
 * session. */
size_t rnl_session_room(struct rnl_session *session, uint8_t **ret_room);

/* len bytes (1 or more) were read into that room. */
void rnl_session_filled(struct rnl_session *session, size_t len);

/* False while the peer must first take some output; asks for a new look come
 * after rnl_session_wrote(). Data fed all the same is taken. */
bool rnl_session_reading(const struct rnl_session *session);

/*
 * Lends what is to be written next, at most max pieces (at least 2), and
 * returns their number, 0 when there is nothing. The pieces stay valid and
 * are offered again until rnl_session_wrote(); between the two calls output
 * must not be called again.
 */
size_t rnl_session_output(struct rnl_session *session, struct iovec *iov,
                          size_t max);

/* The first len bytes of the pieces lent were written. */
void rnl_session_wrote(struct rnl_session *session, size_t len);

/* The session has said all it had to say: flush nothing more, close. */
bool rnl_session_done(const struct rnl_session *session);

/* Sends GoAway, ends the streaming calls with RNL_UNAVAILABLE and refuses new
 * ones; done when the open unary calls have been answered. */
void rnl_session_drain(struct rnl_session *session);

/* For logs. The code and sentence that ended the connection, RNL_OK and "" if
 * nothing did; the name that the peer gave itself, "" before Hello. */
enum rnl_code rnl_session_reason(const struct rnl_session *session,
                                 const char **ret_text);
const char *rnl_session_agent(const struct rnl_session *session);
uint64_t rnl_session_calls(const struct rnl_session *session);

#endif
