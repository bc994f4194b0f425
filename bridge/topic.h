/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topics: what several browsers of a worker watch at once. A topic has one
 * feed from the core; its pieces stay in a ring for a while, and every member
 * reads them there at its own pace:
 *
 *   feed ──> ring [ 41 42 43 44 45 46 ]──> member A (at 46), B (at 43)
 *   own feed of C, which asked for what came after 7 ──> C
 *
 * A member that wants what is no longer (or not yet) in the ring gets a feed
 * of its own, one of few at a time, and joins the ring where the two meet. A
 * member that falls out of the ring does the same, and one that does not take
 * what it replays makes room for those that wait. So memory is bounded by the
 * ring and by the credit of calls, whatever a browser does, and no sequence is
 * sent twice or left out.
 *
 * The topic takes from the core as fast as its fastest live member.
 *
 * Who reads with different rights reads different topics, each with a feed that
 * the core has admitted and ends when the right ends: so nothing leaks from one
 * reader to another, and the bridge needs no rights of its own.
 *
 * Statistics are topics too, but nothing of theirs is replayed by the core:
 * who joins late or falls behind gets a greeting made from what is kept
 * (rnl_topic_kind.greet).
 */
#ifndef RNL_BRIDGE_TOPIC_H
#define RNL_BRIDGE_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "feed.h"
#include "piece.h"

/* Pieces and bytes of a ring. A job's whole output often fits, and then no
 * browser needs a replay; 1,000 jobs watched at once may take 1 GiB. */
#define RNL_TOPIC_PIECES_MAX 1024
#define RNL_TOPIC_BYTES_MAX  ((size_t)1 << 20)

/* Replays of a worker at a time: each takes a call of the core (1,024 a
 * connection) and up to 256 KiB. Others wait their turn. */
#define RNL_TOPIC_REPLAYS_MAX 64

/* A replay that was not taken for this long goes to another who waits. */
#define RNL_TOPIC_STALL_MS 1000

/* Pieces of one send, and bytes after which no further one is added: a reader
 * that takes 1 KiB/s is not yet a stuck one (RNL_STUCK_MS). */
#define RNL_MEMBER_PIECES_MAX 16
#define RNL_MEMBER_BYTES_MAX  ((size_t)64 << 10)

struct rnl_member;
struct rnl_topics;
struct rnl_worker;

/* What kind of thing is watched. */
struct rnl_topic_kind {
    struct rnl_feed_type feed;
    /* For what the core does not replay: makes a piece that brings a member,
     * which has had everything up to the sequence after, to the ring's head.
     * *ret_piece is NULL when there is nothing yet. NULL where the core
     * replays. */
    enum rnl_code (*greet)(void *state, uint64_t after,
                           struct rnl_piece **ret_piece);
    /* Per topic, for encode and greet; NULL for kinds that need none. */
    void *(*create_state)(struct rnl_worker *worker);
    void (*destroy_state)(void *state);
};

enum rnl_member_mode {
    /* In no topic. */
    RNL_MEMBER_NONE,
    /* Reads the ring. */
    RNL_MEMBER_LIVE,
    /* Waits for one of RNL_TOPIC_REPLAYS_MAX. */
    RNL_MEMBER_WAITING,
    /* Reads a feed of its own. */
    RNL_MEMBER_REPLAY,
    /* Gave up its replay, since it took nothing; asks for another one when it
     * takes again. */
    RNL_MEMBER_PARKED,
};

/* Where a member's pieces go. */
struct rnl_member_sink {
    /* A send may be made. */
    bool (*is_ready)(struct rnl_member *member);
    /* Takes over 1 to RNL_MEMBER_PIECES_MAX pieces. Only when ready. Must not
     * leave the topic. */
    void (*send)(struct rnl_member *member, struct rnl_piece **pieces,
                 size_t count);
    /* What is watched has ended (RNL_OK), or cannot be watched (any more); the
     * member is in no topic any longer. With RNL_OK the last piece was sent
     * before. Must not join a topic from inside. */
    void (*on_over)(struct rnl_member *member,
                    const struct rnl_status_info *status);
};

/* A reader of a topic. Embed it. */
struct rnl_member {
    const struct rnl_member_sink *sink;
    /* Whose rights it reads with (identity.h): members of a topic have the
     * same. Borrowed for the member's life. */
    const char *authorization;
    /* Everything up to this sequence was sent. */
    uint64_t cursor;

    /* --- private --- */
    struct rnl_topic *topic;
    enum rnl_member_mode mode;
    /* Live: number of the next piece of the ring. */
    uint64_t next;
    /* Pieces of its own not sent yet: replayed ones, a greeting, the last
     * one. */
    struct rnl_piece_queue queue;
    struct rnl_feed *replay;
    /* When it was last given something. */
    uint64_t moved_at_ms;
    TAILQ_ENTRY(rnl_member) link;
    /* Of those that wait, or replay. */
    TAILQ_ENTRY(rnl_member) turn_link;
};

RNL_MUST_USE enum rnl_code rnl_topics_create(struct rnl_worker *worker,
                                             struct rnl_topics **ret_topics);

/* Accepts NULL. Members must be gone. */
void rnl_topics_destroy(struct rnl_topics *topics);

/* The core has begun a new epoch: every member's on_over is called with
 * RNL_OUT_OF_RANGE. */
void rnl_topics_reset(struct rnl_topics *topics);

/* Each second: replays that are not taken make room. */
void rnl_topics_sweep(struct rnl_topics *topics);

/*
 * Joins the topic of the member's rights and a key (made from what is watched
 * and how, so that equal keys want equal pieces), creating it when needed;
 * request is what its feed asks the core, taken over in any case. Nothing is
 * sent before the first rnl_member_pump.
 *
 * Errors: RNL_RESOURCE_EXHAUSTED when too much is watched already or memory is
 * out.
 */
RNL_MUST_USE enum rnl_code rnl_topic_join(struct rnl_worker *worker,
                                          const struct rnl_topic_kind *kind,
                                          const char *key,
                                          ProtobufCMessage *request,
                                          struct rnl_member *member);

/* A member that is in no topic yet. */
void rnl_member_init(struct rnl_member *member,
                     const struct rnl_member_sink *sink, uint64_t cursor,
                     const char *authorization);

/* Puts a piece of the member's own (taken over) before all that it gets from
 * the topic from now on. */
void rnl_member_push(struct rnl_member *member, struct rnl_piece *piece);

/* Leaves; may be called at any time, also when in no topic. */
void rnl_topic_leave(struct rnl_member *member);

/* Sends what there is, if the member is ready. */
void rnl_member_pump(struct rnl_member *member);

#endif
