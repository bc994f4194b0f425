/* SPDX-License-Identifier: Apache-2.0 */
/* How a reader of a topic goes on: from the ring, by a replay, or not. */
#include "topic_private.h"
#include "worker.h"

static const struct rnl_status_info ended = {.code = RNL_OK, .message = ""};

/* --- modes of a member --- */

static void start_waiting_replays(struct rnl_topics *topics);

static void stop_mode(struct rnl_member *member)
{
    struct rnl_topics *topics;
    if (member->topic == NULL)
        return;
    topics = member->topic->topics;
    if (member->mode == RNL_MEMBER_LIVE) {
        /* Nobody reads: the ring rolls on by itself. */
        if (--member->topic->live_count == 0)
            rnl_topic_take_until(member->topic, member->topic->ring.head);
    } else if (member->mode == RNL_MEMBER_WAITING) {
        TAILQ_REMOVE(&topics->waiting, member, turn_link);
    } else if (member->mode == RNL_MEMBER_REPLAY) {
        TAILQ_REMOVE(&topics->replays, member, turn_link);
        topics->replay_count--;
        rnl_feed_destroy(member->replay);
        member->replay = NULL;
    }
    member->mode = RNL_MEMBER_NONE;
}

static void go_live(struct rnl_member *member, uint64_t next)
{
    stop_mode(member);
    member->mode = RNL_MEMBER_LIVE;
    member->next = next;
    member->topic->live_count++;
    start_waiting_replays(member->topic->topics);
}

/* Leaves the topic, which the caller reaps. */
static void detach(struct rnl_member *member)
{
    struct rnl_topic *topic = member->topic;
    if (topic == NULL)
        return;
    stop_mode(member);
    TAILQ_REMOVE(&topic->members, member, link);
    member->topic = NULL;
    start_waiting_replays(topic->topics);
}

void rnl_member_end(struct rnl_member *member,
                    const struct rnl_status_info *status)
{
    detach(member);
    member->sink->on_over(member, status);
}

/* --- replays --- */

static void on_replay_piece(void *arg, struct rnl_piece *piece)
{
    struct rnl_member *member = arg;
    STAILQ_INSERT_TAIL(&member->queue, piece, link);
    rnl_member_pump(member);
}

/* With RNL_OK the terminal piece ends the answer, when it is its turn. */
static void on_replay_end(void *arg, const struct rnl_status_info *status)
{
    struct rnl_member *member = arg;
    struct rnl_topic *topic = member->topic;
    if (status->code == RNL_OK && !STAILQ_EMPTY(&member->queue))
        return;
    rnl_member_end(member, status);
    rnl_topic_reap(topic);
}

/* False when memory is out or too much is watched. */
static bool start_replay(struct rnl_member *member)
{
    struct rnl_topic *topic = member->topic;
    struct rnl_topics *topics = topic->topics;
    const struct rnl_feed_owner owner = {.on_piece = on_replay_piece,
                                         .on_end = on_replay_end,
                                         .arg = member,
                                         .state = topic->state,
                                         .request = topic->request,
                                         .authorization = topic->authorization};
    if (rnl_feed_create(topics->worker, &topic->kind->feed, &owner,
                        member->cursor, &member->replay) != RNL_OK)
        return false;
    TAILQ_REMOVE(&topics->waiting, member, turn_link);
    TAILQ_INSERT_TAIL(&topics->replays, member, turn_link);
    topics->replay_count++;
    member->mode = RNL_MEMBER_REPLAY;
    member->moved_at_ms = rnl_worker_now(topics->worker);
    return true;
}

/* Those that cannot be started wait for the next end of one, or the next
 * sweep. */
static void start_waiting_replays(struct rnl_topics *topics)
{
    struct rnl_member *member;
    while (topics->replay_count < RNL_TOPIC_REPLAYS_MAX &&
           (member = TAILQ_FIRST(&topics->waiting)) != NULL)
        if (!start_replay(member))
            return;
}

static void replay(struct rnl_member *member)
{
    struct rnl_topics *topics = member->topic->topics;
    stop_mode(member);
    member->mode = RNL_MEMBER_WAITING;
    TAILQ_INSERT_TAIL(&topics->waiting, member, turn_link);
    start_waiting_replays(topics);
}

/* What was not sent is replayed again, after the cursor. */
static void park(struct rnl_member *member)
{
    stop_mode(member);
    rnl_piece_queue_drop(&member->queue);
    member->mode = RNL_MEMBER_PARKED;
}

static bool is_stalled(const struct rnl_member *member, uint64_t now)
{
    return !STAILQ_EMPTY(&member->queue) &&
           now - member->moved_at_ms >= RNL_TOPIC_STALL_MS;
}

void rnl_topics_sweep(struct rnl_topics *topics)
{
    uint64_t now = rnl_worker_now(topics->worker);
    struct rnl_member *member, *next;
    if (TAILQ_EMPTY(&topics->waiting))
        return;
    for (member = TAILQ_FIRST(&topics->replays); member != NULL;
         member = next) {
        next = TAILQ_NEXT(member, turn_link);
        if (is_stalled(member, now))
            park(member);
    }
    start_waiting_replays(topics);
}

/* --- the ring's side --- */

static void greet(struct rnl_member *member)
{
    struct rnl_topic *topic = member->topic;
    struct rnl_piece *piece = NULL;
    if (topic->kind->greet(topic->state, member->cursor, &piece) == RNL_OK &&
        piece != NULL)
        STAILQ_INSERT_TAIL(&member->queue, piece, link);
    go_live(member, topic->ring.head);
}

/* Finds the way for a member to go on after its cursor. */
void rnl_member_place(struct rnl_member *member)
{
    uint64_t next;
    if (member->topic->kind->greet != NULL)
        greet(member);
    else if (rnl_ring_find(&member->topic->ring, member->cursor, &next))
        go_live(member, next);
    else
        replay(member);
}

/* --- used from outside --- */

void rnl_member_init(struct rnl_member *member,
                     const struct rnl_member_sink *sink, uint64_t cursor,
                     const char *authorization)
{
    *member = (struct rnl_member){
        .sink = sink, .authorization = authorization, .cursor = cursor};
    STAILQ_INIT(&member->queue);
}

void rnl_member_push(struct rnl_member *member, struct rnl_piece *piece)
{
    STAILQ_INSERT_TAIL(&member->queue, piece, link);
}

void rnl_topic_leave(struct rnl_member *member)
{
    struct rnl_topic *topic = member->topic;
    rnl_piece_queue_drop(&member->queue);
    detach(member);
    if (topic != NULL)
        rnl_topic_reap(topic);
}

/* --- sending --- */

/* What goes out at once. */
struct batch {
    struct rnl_piece *pieces[RNL_MEMBER_PIECES_MAX];
    size_t count;
    size_t bytes;
};

static bool has_room(const struct batch *batch)
{
    return batch->count < RNL_MEMBER_PIECES_MAX &&
           batch->bytes < RNL_MEMBER_BYTES_MAX;
}

static void add(struct batch *batch, struct rnl_piece *piece)
{
    batch->pieces[batch->count++] = piece;
    batch->bytes += piece->len;
}

/* Takes pieces of the member's own queue. */
static void gather_own(struct rnl_member *member, struct batch *batch)
{
    struct rnl_piece *piece;
    while (has_room(batch) && (piece = STAILQ_FIRST(&member->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&member->queue, link);
        if (member->replay != NULL)
            rnl_feed_consume(member->replay, piece->wire_len);
        add(batch, piece);
    }
}

/* Takes pieces of the ring that the member has not had. One that it has had a
 * part of ends the ring's use for now. */
static void gather_live(struct rnl_member *member, struct batch *batch)
{
    struct rnl_topic *topic = member->topic;
    uint64_t cursor = member->cursor;
    while (has_room(batch) && member->next < topic->ring.head) {
        struct rnl_piece *piece = rnl_ring_at(&topic->ring, member->next);
        bool has_sequence = piece->last_sequence > 0;
        if (has_sequence && piece->last_sequence > cursor &&
            piece->first_sequence <= cursor && topic->kind->greet == NULL)
            break;
        member->next++;
        if (has_sequence && piece->last_sequence <= cursor)
            continue;
        if (has_sequence)
            cursor = piece->last_sequence;
        add(batch, rnl_piece_ref(piece));
    }
    if (member->next > topic->taken)
        rnl_topic_take_until(topic, member->next);
}

static void send_batch(struct rnl_member *member, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->pieces[i]->last_sequence > member->cursor)
            member->cursor = batch->pieces[i]->last_sequence;
    if (member->topic != NULL)
        member->moved_at_ms = rnl_worker_now(member->topic->topics->worker);
    member->sink->send(member, batch->pieces, batch->count);
}

static bool advance_once(struct rnl_member *member);

/* The ring has moved on without this member, or does not fit its cursor. What
 * it is given instead may be there at once, and nothing else would send it:
 * this ends, since a place in the ring is one where it can read on. */
static bool fall_back(struct rnl_member *member)
{
    rnl_count(&member->topic->topics->worker->counters.fallbacks, 1);
    rnl_member_place(member);
    return advance_once(member);
}

static bool advance_live(struct rnl_member *member)
{
    struct rnl_topic *topic = member->topic;
    struct batch batch = {.count = 0};
    if (member->next < topic->ring.tail)
        return fall_back(member);
    gather_live(member, &batch);
    if (batch.count > 0) {
        send_batch(member, &batch);
        return true;
    }
    if (member->next < topic->ring.head)
        return fall_back(member);
    if (topic->over)
        rnl_member_end(member, &ended);
    return false;
}

/* Nothing of its own is left: the ring may be near. */
static bool advance_replay(struct rnl_member *member)
{
    uint64_t next;
    if (!rnl_ring_find(&member->topic->ring, member->cursor, &next))
        return false;
    go_live(member, next);
    return advance_live(member);
}

static bool advance_mode(struct rnl_member *member)
{
    switch (member->mode) {
    case RNL_MEMBER_LIVE:
        return advance_live(member);
    case RNL_MEMBER_REPLAY:
        return advance_replay(member);
    case RNL_MEMBER_PARKED:
        rnl_member_place(member);
        return member->mode == RNL_MEMBER_LIVE && advance_live(member);
    default:
        return false;
    }
}

/* Whether something was sent. */
static bool advance_once(struct rnl_member *member)
{
    struct batch batch = {.count = 0};
    if (!member->sink->is_ready(member))
        return false;
    gather_own(member, &batch);
    if (batch.count == 0)
        return advance_mode(member);
    send_batch(member, &batch);
    return true;
}

/* Ends with what is in memory, or with the room of the socket. */
void rnl_member_advance(struct rnl_member *member)
{
    while (advance_once(member))
        ;
}

void rnl_member_pump(struct rnl_member *member)
{
    struct rnl_topic *topic = member->topic;
    rnl_member_advance(member);
    if (topic != NULL)
        rnl_topic_reap(topic);
}
