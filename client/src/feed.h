/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A feed: a server-streaming call that is started again, from where it was,
 * whenever its connection is lost. Watches of jobs and of statistics are
 * feeds; they say what to ask for next and what a message means.
 */
#ifndef RNL_CLIENT_FEED_H
#define RNL_CLIENT_FEED_H

#include <protobuf-c/protobuf-c.h>

#include "call_private.h"

/* An epoch that is longer is compared by its first bytes. */
#define RNL_FEED_EPOCH_SIZE 65

struct rnl_feed;

struct rnl_feed_ops {
    const char *method;
    /* A call begins: packs the request that goes on from here and gives it to
     * rnl_feed_ask, or ends the feed by rnl_feed_fail. */
    RNL_MUST_USE enum rnl_code (*ask)(struct rnl_feed *feed);
    /* data is borrowed. */
    void (*message)(struct rnl_feed *feed, const uint8_t *data, size_t len);
    void (*connection)(struct rnl_feed *feed, bool connected);
    /* May be NULL. True: messages of the call that ended still wait here, so
     * that the next call, with its own credit, has to wait for
     * rnl_feed_resume. Else each lost connection would add to them. */
    bool (*behind)(struct rnl_feed *feed);
    /* Once and last; the feed may be freed when it returns. */
    void (*end)(struct rnl_feed *feed, struct rnl_status_box *status);
    /* Frees what the feed is a part of. */
    void (*free)(struct rnl_feed *feed);
};

struct rnl_feed {
    struct rnl_attachment attachment;
    struct rnl_client *client;
    const struct rnl_feed_ops *ops;
    bool no_resume;
    bool wait_for_connection;
    bool manual_consume;

    struct rnl_call *call;
    struct rnl_timer retry;
    /* Starts since the last message, for the wait before the next one. */
    unsigned attempts;
    /* The server has taken the call, now or before. */
    bool opened;
    /* The next call waits for rnl_feed_resume. */
    bool held;
    /* ops->connection was told false. */
    bool told_lost;
    char epoch[RNL_FEED_EPOCH_SIZE];
    /* Set by ops->message: that was all, whatever becomes of the call. */
    bool complete;
    bool ended;
    unsigned busy;
    bool doomed;
    struct rnl_status_box status;
};

/* The three options are set; the rest is zero. On failure the feed is as
 * before. */
RNL_MUST_USE enum rnl_code rnl_feed_start(struct rnl_feed *feed,
                                          struct rnl_client *client,
                                          const struct rnl_feed_ops *ops);

/* Sends the request of a call that begins. */
RNL_MUST_USE enum rnl_code rnl_feed_ask(struct rnl_feed *feed,
                                        const ProtobufCMessage *request);

/* Ends it from here: ops->end follows at once. */
void rnl_feed_fail(struct rnl_feed *feed, enum rnl_code code,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Bytes of messages are dealt with (manual_consume). Those of a call that was
 * lost meanwhile count for the present one, at most what it has received. */
void rnl_feed_consume(struct rnl_feed *feed, size_t len);

/* It is not behind any more: starts the call that was held back, if one was. */
void rnl_feed_resume(struct rnl_feed *feed);

/* Stops it and calls ops->free, at once or when its callback has returned. */
void rnl_feed_destroy(struct rnl_feed *feed);

/* Around a callback of the feed's user. True: it is gone. */
void rnl_feed_enter(struct rnl_feed *feed);
bool rnl_feed_leave(struct rnl_feed *feed);

/* The server now is another store than the one at the begin. */
bool rnl_feed_epoch_changed(const struct rnl_feed *feed);

#endif
