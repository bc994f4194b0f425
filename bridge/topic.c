/* SPDX-License-Identifier: Apache-2.0 */
#include "topic.h"

#include <string.h>

#include "alloc.h"
#include "pbjson.h"
#include "ring.h"
#include "worker.h"

/* Buckets of the table of topics; keys hash by FNV-1a. Who chooses many equal
 * ones only slows the worker's joins, and needs as many jobs to watch. */
#define BUCKETS 1024

struct rnl_topic {
    struct rnl_topics *topics;
    const struct rnl_topic_kind *kind;
    /* Owned. */
    char *key;
    ProtobufCMessage *request;
    void *state;
    struct rnl_feed *feed;
    struct rnl_ring ring;
    /* Frames before this one were dealt with: their credit went back. */
    uint64_t taken;
    size_t live_count;
    /* The feed has ended. */
    bool over;
    TAILQ_HEAD(, rnl_member) members;
    LIST_ENTRY(rnl_topic) link;
};

struct rnl_topics {
    struct rnl_worker *worker;
    LIST_HEAD(, rnl_topic) buckets[BUCKETS];
    size_t replay_count;
    TAILQ_HEAD(, rnl_member) waiting;
};

static const struct rnl_status_info ended = {.code = RNL_OK, .message = ""};

static void place(struct rnl_member *member);
static void pump(struct rnl_member *member);

/* --- credit --- */

/* Gives back the credit of all frames before number. */
static void take_until(struct rnl_topic *topic, uint64_t number)
{
    size_t bytes = 0;
    for (; topic->taken < number; topic->taken++)
        bytes += rnl_ring_at(&topic->ring, topic->taken)->wire_len;
    if (bytes > 0 && topic->feed != NULL)
        rnl_feed_consume(topic->feed, bytes);
}

/* --- modes of a member --- */

static void start_waiting_replay(struct rnl_topics *topics);

static void stop_mode(struct rnl_member *member)
{
    struct rnl_topics *topics;
    if (member->topic == NULL)
        return;
    topics = member->topic->topics;
    if (member->mode == RNL_MEMBER_LIVE) {
        /* Nobody reads: the ring rolls on by itself. */
        if (--member->topic->live_count == 0)
            take_until(member->topic, member->topic->ring.head);
    } else if (member->mode == RNL_MEMBER_WAITING) {
        TAILQ_REMOVE(&topics->waiting, member, wait_link);
    } else if (member->mode == RNL_MEMBER_REPLAY) {
        rnl_feed_destroy(member->replay);
        member->replay = NULL;
        topics->replay_count--;
    }
    member->mode = RNL_MEMBER_NONE;
}

static void go_live(struct rnl_member *member, uint64_t next)
{
    stop_mode(member);
    member->mode = RNL_MEMBER_LIVE;
    member->next = next;
    member->topic->live_count++;
    start_waiting_replay(member->topic->topics);
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
    start_waiting_replay(topic->topics);
}

static void end_member(struct rnl_member *member,
                       const struct rnl_status_info *status)
{
    detach(member);
    member->on_over(member, status);
}

static void drop_queue(struct rnl_member *member)
{
    struct rnl_frame *frame;
    while ((frame = STAILQ_FIRST(&member->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&member->queue, link);
        rnl_frame_unref(frame);
    }
}

/* --- topics come and go --- */

static void destroy_topic(struct rnl_topic *topic)
{
    LIST_REMOVE(topic, link);
    rnl_feed_destroy(topic->feed);
    rnl_ring_fini(&topic->ring);
    rnl_pbjson_free(topic->request);
    if (topic->state != NULL)
        topic->kind->destroy_state(topic->state);
    rnl_uncount(&topic->topics->worker->counters.topics_open);
    rnl_free(topic->key);
    rnl_free(topic);
}

static void reap(struct rnl_topic *topic)
{
    if (TAILQ_EMPTY(&topic->members))
        destroy_topic(topic);
}

/* --- replays --- */

static void on_replay_frame(void *arg, struct rnl_frame *frame)
{
    struct rnl_member *member = arg;
    STAILQ_INSERT_TAIL(&member->queue, frame, link);
    rnl_member_pump(member);
}

/* With RNL_OK the terminal frame ends the answer, when it is its turn. */
static void on_replay_end(void *arg, const struct rnl_status_info *status)
{
    struct rnl_member *member = arg;
    struct rnl_topic *topic = member->topic;
    if (status->code == RNL_OK && !STAILQ_EMPTY(&member->queue))
        return;
    end_member(member, status);
    reap(topic);
}

static void start_replay(struct rnl_member *member)
{
    struct rnl_topic *topic = member->topic;
    const struct rnl_feed_owner owner = {.on_frame = on_replay_frame,
                                         .on_end = on_replay_end,
                                         .arg = member,
                                         .state = topic->state,
                                         .request = topic->request};
    static const struct rnl_status_info exhausted = {
        .code = RNL_RESOURCE_EXHAUSTED, .message = "memory is out"};
    member->mode = RNL_MEMBER_REPLAY;
    topic->topics->replay_count++;
    if (rnl_feed_create(topic->topics->worker, &topic->kind->feed, &owner,
                        member->cursor, &member->replay) != RNL_OK)
        end_member(member, &exhausted);
}

static void start_waiting_replay(struct rnl_topics *topics)
{
    struct rnl_member *member = TAILQ_FIRST(&topics->waiting);
    if (member == NULL || topics->replay_count >= RNL_TOPIC_REPLAYS_MAX)
        return;
    stop_mode(member);
    start_replay(member);
}

static void replay(struct rnl_member *member)
{
    struct rnl_topics *topics = member->topic->topics;
    stop_mode(member);
    member->mode = RNL_MEMBER_WAITING;
    TAILQ_INSERT_TAIL(&topics->waiting, member, wait_link);
    start_waiting_replay(topics);
}

/* --- the ring's side --- */

static void greet(struct rnl_member *member)
{
    struct rnl_topic *topic = member->topic;
    struct rnl_frame *frame = NULL;
    if (topic->kind->greet(topic->state, member->cursor, &frame) == RNL_OK &&
        frame != NULL)
        STAILQ_INSERT_TAIL(&member->queue, frame, link);
    go_live(member, topic->ring.head);
}

/* Finds the way for a member to go on after its cursor. */
static void place(struct rnl_member *member)
{
    uint64_t next;
    if (member->topic->kind->greet != NULL)
        greet(member);
    else if (rnl_ring_find(&member->topic->ring, member->cursor, &next))
        go_live(member, next);
    else
        replay(member);
}

static void pump_members(struct rnl_topic *topic)
{
    struct rnl_member *member, *next;
    for (member = TAILQ_FIRST(&topic->members); member != NULL; member = next) {
        next = TAILQ_NEXT(member, link);
        if (member->mode == RNL_MEMBER_LIVE)
            pump(member);
    }
}

static void on_frame(void *arg, struct rnl_frame *frame)
{
    struct rnl_topic *topic = arg;
    while (rnl_ring_is_full(&topic->ring, frame->len)) {
        take_until(topic, topic->ring.tail + 1);
        rnl_ring_drop(&topic->ring);
    }
    rnl_ring_push(&topic->ring, frame);
    if (topic->live_count == 0)
        take_until(topic, topic->ring.head);
    pump_members(topic);
    reap(topic);
}

static void end_all(struct rnl_topic *topic,
                    const struct rnl_status_info *status)
{
    struct rnl_member *member;
    while ((member = TAILQ_FIRST(&topic->members)) != NULL)
        end_member(member, status);
}

static void on_end(void *arg, const struct rnl_status_info *status)
{
    struct rnl_topic *topic = arg;
    topic->over = true;
    if (status->code == RNL_OK)
        pump_members(topic);
    else
        end_all(topic, status);
    reap(topic);
}

/* --- joining --- */

static unsigned bucket_of(const char *key)
{
    uint32_t hash = 2166136261u;
    for (; *key != '\0'; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return hash % BUCKETS;
}

static struct rnl_topic *find_topic(struct rnl_topics *topics,
                                    const struct rnl_topic_kind *kind,
                                    const char *key)
{
    struct rnl_topic *topic;
    LIST_FOREACH(topic, &topics->buckets[bucket_of(key)], link)
    if (topic->kind == kind && !topic->over && strcmp(topic->key, key) == 0)
        return topic;
    return NULL;
}

/* Takes over request, when it succeeds. */
static struct rnl_topic *create_topic(struct rnl_topics *topics,
                                      const struct rnl_topic_kind *kind,
                                      const char *key, uint64_t after)
{
    struct rnl_topic *topic = rnl_calloc(1, sizeof(*topic));
    if (topic == NULL)
        return NULL;
    topic->topics = topics;
    topic->kind = kind;
    TAILQ_INIT(&topic->members);
    topic->key = rnl_strdup(key);
    if (kind->create_state != NULL)
        topic->state = kind->create_state();
    bool ok = topic->key != NULL &&
              (kind->create_state == NULL || topic->state != NULL) &&
              rnl_ring_init(&topic->ring, after) == RNL_OK;
    LIST_INSERT_HEAD(&topics->buckets[bucket_of(key)], topic, link);
    rnl_count(&topics->worker->counters.topics_open, 1);
    if (ok)
        return topic;
    destroy_topic(topic);
    return NULL;
}

static enum rnl_code start_topic(struct rnl_topics *topics,
                                 const struct rnl_topic_kind *kind,
                                 const char *key, ProtobufCMessage *request,
                                 struct rnl_member *member)
{
    /* What is not replayed is kept from the beginning, for all who join. */
    uint64_t after = kind->greet != NULL ? 0 : member->cursor;
    struct rnl_topic *topic = create_topic(topics, kind, key, after);
    if (topic == NULL) {
        rnl_pbjson_free(request);
        return RNL_RESOURCE_EXHAUSTED;
    }
    topic->request = request;
    const struct rnl_feed_owner owner = {.on_frame = on_frame,
                                         .on_end = on_end,
                                         .arg = topic,
                                         .state = topic->state,
                                         .request = request};
    enum rnl_code code = rnl_feed_create(topics->worker, &kind->feed, &owner,
                                         after, &topic->feed);
    if (code != RNL_OK) {
        destroy_topic(topic);
        return code;
    }
    member->topic = topic;
    return RNL_OK;
}

enum rnl_code rnl_topic_join(struct rnl_worker *worker,
                             const struct rnl_topic_kind *kind, const char *key,
                             ProtobufCMessage *request,
                             struct rnl_member *member)
{
    struct rnl_topics *topics = worker->topics;
    member->topic = find_topic(topics, kind, key);
    if (member->topic != NULL) {
        rnl_pbjson_free(request);
    } else {
        enum rnl_code code = start_topic(topics, kind, key, request, member);
        if (code != RNL_OK)
            return code;
    }
    TAILQ_INSERT_TAIL(&member->topic->members, member, link);
    place(member);
    return RNL_OK;
}

void rnl_member_init(struct rnl_member *member, struct rnl_streaming *streaming,
                     uint64_t cursor)
{
    *member = (struct rnl_member){.streaming = streaming, .cursor = cursor};
    STAILQ_INIT(&member->queue);
}

void rnl_member_push(struct rnl_member *member, struct rnl_frame *frame)
{
    STAILQ_INSERT_TAIL(&member->queue, frame, link);
}

void rnl_topic_leave(struct rnl_member *member)
{
    struct rnl_topic *topic = member->topic;
    drop_queue(member);
    detach(member);
    if (topic != NULL)
        reap(topic);
}

/* --- sending --- */

/* Takes frames of the member's own queue. */
static size_t gather_own(struct rnl_member *member, struct rnl_frame **frames)
{
    size_t count = 0;
    struct rnl_frame *frame;
    while (count < RNL_STREAMING_FRAMES_MAX &&
           (frame = STAILQ_FIRST(&member->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&member->queue, link);
        if (member->replay != NULL)
            rnl_feed_consume(member->replay, frame->wire_len);
        frames[count++] = frame;
    }
    return count;
}

/* Takes frames of the ring that the member has not had. One that it has had a
 * part of ends the ring's use for now. */
static size_t gather_live(struct rnl_member *member, struct rnl_frame **frames)
{
    struct rnl_topic *topic = member->topic;
    uint64_t cursor = member->cursor;
    size_t count = 0;
    while (count < RNL_STREAMING_FRAMES_MAX &&
           member->next < topic->ring.head) {
        struct rnl_frame *frame = rnl_ring_at(&topic->ring, member->next);
        bool has_sequence = frame->last_sequence > 0;
        if (has_sequence && frame->last_sequence > cursor &&
            frame->first_sequence <= cursor && topic->kind->greet == NULL)
            break;
        member->next++;
        if (has_sequence && frame->last_sequence <= cursor)
            continue;
        if (has_sequence)
            cursor = frame->last_sequence;
        frames[count++] = rnl_frame_ref(frame);
    }
    if (member->next > topic->taken)
        take_until(topic, member->next);
    return count;
}

static void send_frames(struct rnl_member *member, struct rnl_frame **frames,
                        size_t count)
{
    bool terminal = false;
    for (size_t i = 0; i < count; i++) {
        if (frames[i]->last_sequence > member->cursor)
            member->cursor = frames[i]->last_sequence;
        terminal = terminal || frames[i]->terminal;
    }
    rnl_streaming_send(member->streaming, frames, count);
    if (terminal)
        rnl_streaming_finish(member->streaming, false);
}

/* The ring has moved on without this member, or does not fit its cursor. */
static void fall_back(struct rnl_member *member)
{
    rnl_count(&member->topic->topics->worker->counters.fallbacks, 1);
    place(member);
}

static void pump_live(struct rnl_member *member)
{
    struct rnl_topic *topic = member->topic;
    struct rnl_frame *frames[RNL_STREAMING_FRAMES_MAX];
    if (member->next < topic->ring.tail) {
        fall_back(member);
        return;
    }
    size_t count = gather_live(member, frames);
    if (count > 0)
        send_frames(member, frames, count);
    else if (member->next < topic->ring.head)
        fall_back(member);
    else if (topic->over)
        end_member(member, &ended);
}

/* Nothing of its own is left: the ring may be near. */
static void pump_replay(struct rnl_member *member)
{
    uint64_t next;
    if (rnl_ring_find(&member->topic->ring, member->cursor, &next)) {
        go_live(member, next);
        pump_live(member);
    }
}

static void pump(struct rnl_member *member)
{
    struct rnl_frame *frames[RNL_STREAMING_FRAMES_MAX];
    if (!rnl_streaming_ready(member->streaming))
        return;
    size_t count = gather_own(member, frames);
    if (count > 0)
        send_frames(member, frames, count);
    else if (member->mode == RNL_MEMBER_LIVE)
        pump_live(member);
    else if (member->mode == RNL_MEMBER_REPLAY)
        pump_replay(member);
}

void rnl_member_pump(struct rnl_member *member)
{
    struct rnl_topic *topic = member->topic;
    pump(member);
    if (topic != NULL)
        reap(topic);
}

void rnl_member_finish(struct rnl_member *member, struct rnl_frame *frame)
{
    if (frame == NULL) {
        rnl_streaming_finish(member->streaming, false);
        return;
    }
    frame->terminal = true;
    STAILQ_INSERT_TAIL(&member->queue, frame, link);
    rnl_member_pump(member);
}

/* --- all of them --- */

enum rnl_code rnl_topics_create(struct rnl_worker *worker,
                                struct rnl_topics **ret_topics)
{
    struct rnl_topics *topics = rnl_calloc(1, sizeof(*topics));
    if (topics == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    topics->worker = worker;
    TAILQ_INIT(&topics->waiting);
    for (size_t i = 0; i < BUCKETS; i++)
        LIST_INIT(&topics->buckets[i]);
    *ret_topics = topics;
    return RNL_OK;
}

void rnl_topics_destroy(struct rnl_topics *topics)
{
    rnl_free(topics);
}

void rnl_topics_reset(struct rnl_topics *topics)
{
    static const struct rnl_status_info epoch = {
        .code = RNL_OUT_OF_RANGE,
        .message = "the core has begun anew: what was watched was another's"};
    for (size_t i = 0; i < BUCKETS; i++) {
        struct rnl_topic *topic, *next;
        for (topic = LIST_FIRST(&topics->buckets[i]); topic != NULL;
             topic = next) {
            next = LIST_NEXT(topic, link);
            end_all(topic, &epoch);
            reap(topic);
        }
    }
}
