/* SPDX-License-Identifier: Apache-2.0 */
/* What topic.c (topics, their feeds and rings) and member.c (how each reader
 * goes on) share. */
#ifndef RNL_BRIDGE_TOPIC_PRIVATE_H
#define RNL_BRIDGE_TOPIC_PRIVATE_H

#include "h2o_use.h"
#include "ring.h"
#include "topic.h"

/* Buckets of the table of topics; keys hash by FNV-1a. Who chooses many equal
 * ones only slows the worker's joins, and needs as many jobs to watch. */
#define RNL_TOPIC_BUCKETS 1024

struct rnl_topic {
    struct rnl_topics *topics;
    const struct rnl_topic_kind *kind;
    /* Owned. */
    char *key;
    /* Of the members; owned; NULL as theirs may be. */
    char *authorization;
    ProtobufCMessage *request;
    void *state;
    struct rnl_feed *feed;
    struct rnl_ring ring;
    /* Pieces before this one were dealt with: their credit went back. */
    uint64_t taken;
    /* Pieces before this one were offered to all members. */
    uint64_t offered;
    size_t live_count;
    /* The feed has ended. */
    bool over;
    /* Members are given what has come in a round of the loop at its end. */
    h2o_timeout_entry_t round_end;
    TAILQ_HEAD(, rnl_member) members;
    LIST_ENTRY(rnl_topic) link;
};

TAILQ_HEAD(rnl_member_list, rnl_member);

struct rnl_topics {
    struct rnl_worker *worker;
    LIST_HEAD(, rnl_topic) buckets[RNL_TOPIC_BUCKETS];
    /* Members that replay, at most RNL_TOPIC_REPLAYS_MAX, and those that wait
     * to. */
    size_t replay_count;
    struct rnl_member_list replays;
    struct rnl_member_list waiting;
};

/* topic.c */

/* Gives back the credit of all pieces before number. */
void rnl_topic_take_until(struct rnl_topic *topic, uint64_t number);

/* Frees a topic that nobody watches. */
void rnl_topic_reap(struct rnl_topic *topic);

/* member.c */

/* Finds the way for a member to go on after its cursor. Sends nothing. */
void rnl_member_place(struct rnl_member *member);

/* Sends what there is, if the member is ready. The topic is not reaped. */
void rnl_member_advance(struct rnl_member *member);

/* Takes a member out of its topic, which is not reaped, and says so. */
void rnl_member_end(struct rnl_member *member,
                    const struct rnl_status_info *status);

#endif
