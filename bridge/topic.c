/* SPDX-License-Identifier: Apache-2.0 */
#include "topic.h"

#include <string.h>

#include "alloc.h"
#include "fnv.h"
#include "identity.h"
#include "pbjson.h"
#include "topic_private.h"
#include "worker.h"

/* --- credit --- */

/* Gives back the credit of all pieces before number. */
void rnl_topic_take_until(struct rnl_topic *topic, uint64_t number)
{
    size_t bytes = 0;
    for (; topic->taken < number; topic->taken++)
        bytes += rnl_ring_at(&topic->ring, topic->taken)->wire_len;
    if (bytes > 0 && topic->feed != NULL)
        rnl_feed_consume(topic->feed, bytes);
}

/* --- topics come and go --- */

static void destroy_topic(struct rnl_topic *topic)
{
    LIST_REMOVE(topic, link);
    h2o_timeout_unlink(&topic->round_end);
    rnl_feed_destroy(topic->feed);
    rnl_ring_fini(&topic->ring);
    rnl_pbjson_free(topic->request);
    if (topic->state != NULL)
        topic->kind->destroy_state(topic->state);
    rnl_uncount(&topic->topics->worker->counters.topics_open);
    if (topic->authorization != NULL)
        explicit_bzero(topic->authorization, strlen(topic->authorization));
    rnl_free(topic->authorization);
    rnl_free(topic->key);
    rnl_free(topic);
}

void rnl_topic_reap(struct rnl_topic *topic)
{
    if (TAILQ_EMPTY(&topic->members))
        destroy_topic(topic);
}

/* --- the feed --- */

static void pump_members(struct rnl_topic *topic)
{
    struct rnl_member *member, *next;
    topic->offered = topic->ring.head;
    for (member = TAILQ_FIRST(&topic->members); member != NULL; member = next) {
        next = TAILQ_NEXT(member, link);
        if (member->mode == RNL_MEMBER_LIVE)
            rnl_member_advance(member);
    }
}

static void on_round_end(h2o_timeout_entry_t *entry)
{
    struct rnl_topic *topic =
        H2O_STRUCT_FROM_MEMBER(struct rnl_topic, round_end, entry);
    pump_members(topic);
    rnl_topic_reap(topic);
}

static void make_room(struct rnl_topic *topic, const struct rnl_piece *piece)
{
    while (rnl_ring_is_full(&topic->ring, piece->len)) {
        /* Nobody falls behind for want of a round's end. */
        if (topic->ring.tail >= topic->offered)
            pump_members(topic);
        rnl_topic_take_until(topic, topic->ring.tail + 1);
        rnl_ring_drop(&topic->ring);
    }
}

static void on_piece(void *arg, struct rnl_piece *piece)
{
    struct rnl_topic *topic = arg;
    make_room(topic, piece);
    rnl_ring_push(&topic->ring, piece);
    if (topic->live_count == 0)
        rnl_topic_take_until(topic, topic->ring.head);
    /* Members get all pieces of a round by one send each. */
    rnl_worker_run_soon(topic->topics->worker, &topic->round_end);
}

static void end_all(struct rnl_topic *topic,
                    const struct rnl_status_info *status)
{
    struct rnl_member *member;
    topic->over = true;
    while ((member = TAILQ_FIRST(&topic->members)) != NULL)
        rnl_member_end(member, status);
}

static void on_end(void *arg, const struct rnl_status_info *status)
{
    struct rnl_topic *topic = arg;
    /* What came before goes first. */
    topic->over = status->code == RNL_OK;
    pump_members(topic);
    if (status->code != RNL_OK)
        end_all(topic, status);
    rnl_topic_reap(topic);
}

/* --- joining --- */

static unsigned bucket_of(const char *key)
{
    return rnl_fnv1a(key, strlen(key)) % RNL_TOPIC_BUCKETS;
}

static struct rnl_topic *find_topic(struct rnl_topics *topics,
                                    const struct rnl_topic_kind *kind,
                                    const char *key, const char *authorization)
{
    struct rnl_topic *topic;
    LIST_FOREACH(topic, &topics->buckets[bucket_of(key)], link)
    if (topic->kind == kind && !topic->over && strcmp(topic->key, key) == 0 &&
        rnl_authorization_equal(topic->authorization, authorization))
        return topic;
    return NULL;
}

/* Takes over request, when it succeeds. */
static struct rnl_topic *create_topic(struct rnl_topics *topics,
                                      const struct rnl_topic_kind *kind,
                                      const char *key,
                                      const struct rnl_member *member)
{
    /* What is not replayed is kept from the beginning, for all who join. */
    uint64_t after = kind->greet != NULL ? 0 : member->cursor;
    struct rnl_topic *topic = rnl_calloc(1, sizeof(*topic));
    if (topic == NULL)
        return NULL;
    topic->topics = topics;
    topic->kind = kind;
    topic->round_end.cb = on_round_end;
    TAILQ_INIT(&topic->members);
    topic->key = rnl_strdup(key);
    if (member->authorization != NULL)
        topic->authorization = rnl_strdup(member->authorization);
    if (kind->create_state != NULL)
        topic->state = kind->create_state(topics->worker);
    bool ok = topic->key != NULL &&
              (member->authorization == NULL || topic->authorization != NULL) &&
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
    struct rnl_topic *topic = create_topic(topics, kind, key, member);
    if (topic == NULL) {
        rnl_pbjson_free(request);
        return RNL_RESOURCE_EXHAUSTED;
    }
    topic->request = request;
    const struct rnl_feed_owner owner = {.on_piece = on_piece,
                                         .on_end = on_end,
                                         .arg = topic,
                                         .state = topic->state,
                                         .request = request,
                                         .authorization = topic->authorization};
    enum rnl_code code =
        rnl_feed_create(topics->worker, &kind->feed, &owner,
                        topic->ring.last_sequence, &topic->feed);
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
    member->topic = find_topic(topics, kind, key, member->authorization);
    if (member->topic != NULL) {
        rnl_pbjson_free(request);
    } else {
        enum rnl_code code = start_topic(topics, kind, key, request, member);
        if (code != RNL_OK)
            return code;
    }
    TAILQ_INSERT_TAIL(&member->topic->members, member, link);
    rnl_member_place(member);
    return RNL_OK;
}

/* --- all of them --- */

enum rnl_code rnl_topics_create(struct rnl_worker *worker,
                                struct rnl_topics **ret_topics)
{
    struct rnl_topics *topics = rnl_calloc(1, sizeof(*topics));
    if (topics == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    topics->worker = worker;
    TAILQ_INIT(&topics->replays);
    TAILQ_INIT(&topics->waiting);
    for (size_t i = 0; i < RNL_TOPIC_BUCKETS; i++)
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
    for (size_t i = 0; i < RNL_TOPIC_BUCKETS; i++) {
        struct rnl_topic *topic, *next;
        for (topic = LIST_FIRST(&topics->buckets[i]); topic != NULL;
             topic = next) {
            next = LIST_NEXT(topic, link);
            end_all(topic, &epoch);
            rnl_topic_reap(topic);
        }
    }
}
