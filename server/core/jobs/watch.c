/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watcher is a cursor into the event log and nothing else: no queue of its
 * own, so that one that stops reading costs what one that reads costs. It is
 * pumped when events become durable, when its stream can be written to again,
 * and when it begins; replay and live are so the same loop, and no event can
 * fall between them.
 *
 * Watchers of one job form a group. At the head of the log an event is encoded
 * once, by the watcher that comes first, and shared from the group's ring by
 * the others. A watcher further behind reads pages and gets deltas joined,
 * the last of which is shared in the same way.
 */
#include "engine.h"

#include <string.h>

#include "alloc.h"
#include "watch_encode.h"

/* Encoded events that a group keeps: as many as a watcher may be behind
 * before it gets joined ones, and not more than this in all. */
#define RING_COUNT     RNL_WATCH_BEHIND_MAX
#define RING_BYTES_MAX (256 * 1024)

struct watcher {
    struct rnl_stream *stream;
    struct group *group;
    TAILQ_ENTRY(watcher) link;
    /* The last event that was sent. */
    uint64_t sent;
    bool finished;
};

struct group {
    struct rnl_id_node node;
    struct rnl_jobs *jobs;
    TAILQ_HEAD(, watcher) watchers;
    /* Newest durable event; the terminal one, 0 while there is none. */
    uint64_t committed;
    uint64_t end;
    /* The event of sequence s is at s % RING_COUNT, if at all. */
    struct rnl_buf *ring[RING_COUNT];
    uint64_t ring_sequences[RING_COUNT];
    size_t ring_bytes;
    /* The last joined delta, for the watchers that stand at the same event:
     * when a job is faster than a turn of the loop, that is all of them. */
    struct rnl_buf *joined;
    uint64_t joined_first;
    uint64_t joined_last;
    size_t joined_max;
};

/* ---- the ring ---- */

static void ring_drop(struct group *group, size_t slot)
{
    if (group->ring[slot] == NULL)
        return;
    group->ring_bytes -= group->ring[slot]->len;
    rnl_buf_unref(group->ring[slot]);
    group->ring[slot] = NULL;
}

static void ring_clear(struct group *group)
{
    for (size_t i = 0; i < RING_COUNT; i++)
        ring_drop(group, i);
}

static struct rnl_buf *ring_find(const struct group *group, uint64_t sequence)
{
    size_t slot = sequence % RING_COUNT;
    return group->ring_sequences[slot] == sequence ? group->ring[slot] : NULL;
}

static void ring_put(struct group *group, uint64_t sequence,
                     struct rnl_buf *buf)
{
    size_t slot = sequence % RING_COUNT;
    ring_drop(group, slot);
    if (group->ring_bytes + buf->len > RING_BYTES_MAX)
        ring_clear(group);
    group->ring[slot] = rnl_buf_ref(buf);
    group->ring_sequences[slot] = sequence;
    group->ring_bytes += buf->len;
}

/* ---- groups ---- */

static enum rnl_code group_refresh(struct group *group)
{
    struct rnl_store *store = group->jobs->store;
    struct rnl_store_log log;
    enum rnl_code code = store->ops->log(store, group->node.id, &log);
    if (code != RNL_OK)
        return code;
    group->committed = log.committed_sequence;
    if (log.ended && log.committed_sequence == log.last_sequence)
        group->end = log.last_sequence;
    return RNL_OK;
}

static struct group *group_join(struct rnl_jobs *jobs, const char *job_id)
{
    struct group *group =
        (struct group *)rnl_id_table_find(&jobs->groups, job_id);
    if (group != NULL)
        return group;
    group = rnl_calloc(1, sizeof(*group));
    if (group == NULL)
        return NULL;
    group->jobs = jobs;
    memcpy(group->node.id, job_id, RNL_JOB_ID_LEN + 1);
    TAILQ_INIT(&group->watchers);
    if (rnl_id_table_add(&jobs->groups, &group->node) != RNL_OK) {
        rnl_free(group);
        return NULL;
    }
    return group;
}

static void group_leave(struct group *group)
{
    if (!TAILQ_EMPTY(&group->watchers))
        return;
    ring_clear(group);
    rnl_buf_unref(group->joined);
    rnl_id_table_remove(&group->jobs->groups, &group->node);
    rnl_free(group);
}

/* ---- one watcher ---- */

static void finish(struct watcher *watcher, enum rnl_code code,
                   const char *message)
{
    watcher->finished = true;
    if (message == NULL)
        rnl_stream_finish(watcher->stream, code, NULL);
    else
        rnl_stream_finish(watcher->stream, code, "%s", message);
}

/* A page, or the end of the watcher. */
static bool read_page(struct watcher *watcher, uint64_t after, size_t bytes_max,
                      struct rnl_store_page *page)
{
    struct group *group = watcher->group;
    struct rnl_store *store = group->jobs->store;
    struct rnl_store_log log;
    enum rnl_code code =
        store->ops->read(store, group->node.id, after, bytes_max, page);
    if (code == RNL_OK)
        return page->count > 0;
    /* It is coming: the store reports committed again. */
    if (code == RNL_UNAVAILABLE)
        return false;
    watcher->finished = true;
    if (code == RNL_OUT_OF_RANGE &&
        store->ops->log(store, group->node.id, &log) == RNL_OK)
        rnl_stream_finish_out_of_range(
            watcher->stream, log.first_sequence,
            "the events after %llu are no longer kept",
            (unsigned long long)after);
    else
        rnl_stream_finish(watcher->stream, code, "%s", rnl_code_text(code));
    return false;
}

static bool send(struct watcher *watcher, struct rnl_buf *buf,
                 uint64_t sequence)
{
    if (buf == NULL) {
        finish(watcher, RNL_RESOURCE_EXHAUSTED,
               "memory is out: resume after the last event");
        return false;
    }
    rnl_stream_send_buf(watcher->stream, buf);
    watcher->sent = sequence;
    return true;
}

/* Sends the next event as it is. */
static bool send_one(struct watcher *watcher)
{
    struct group *group = watcher->group;
    uint64_t sequence = watcher->sent + 1;
    struct rnl_buf *buf = ring_find(group, sequence);
    if (buf != NULL)
        return send(watcher, buf, sequence);
    struct rnl_store_page page;
    if (!read_page(watcher, watcher->sent, 0, &page))
        return false;
    buf = rnl_watch_encode(&page.events[0], 0);
    bool sent = send(watcher, buf, page.events[0].sequence);
    if (sent)
        ring_put(group, sequence, buf);
    rnl_buf_unref(buf);
    return sent;
}

/* Deltas in a row, in the engine's buffer. */
struct joined {
    size_t len;
    size_t len_max;
    uint64_t first;
    uint64_t last;
    int64_t time_ns;
    bool is_text;
    bool closed;
};

static void join_event(struct rnl_jobs *jobs, struct joined *joined,
                       const struct rnl_event *event)
{
    bool is_delta =
        event->type == RNL_EVENT_TEXT || event->type == RNL_EVENT_DATA;
    if (!is_delta || event->len > joined->len_max - joined->len) {
        joined->closed = true;
        return;
    }
    if (joined->first == 0) {
        joined->first = event->sequence;
        joined->is_text = true;
    }
    memcpy(jobs->join + joined->len, event->data, event->len);
    joined->len += event->len;
    joined->last = event->sequence;
    joined->time_ns = event->time_ns;
    joined->is_text = joined->is_text && event->type == RNL_EVENT_TEXT;
}

static size_t join_max(const struct watcher *watcher)
{
    size_t max = rnl_stream_message_max(watcher->stream);
    max = max > RNL_WATCH_ENCODE_OVERHEAD ? max - RNL_WATCH_ENCODE_OVERHEAD : 0;
    return max < RNL_WATCH_JOIN_BYTES_MAX ? max : RNL_WATCH_JOIN_BYTES_MAX;
}

/* Joins the deltas after the watcher's last event; false when it has ended. */
static bool join_next(struct watcher *watcher, struct joined *joined)
{
    const struct group *group = watcher->group;
    uint64_t after = watcher->sent;
    struct rnl_store_page page;
    while (!joined->closed && after < group->committed) {
        if (!read_page(watcher, after, joined->len_max - joined->len, &page))
            break;
        for (size_t i = 0; i < page.count && !joined->closed; i++)
            join_event(group->jobs, joined, &page.events[i]);
        after = page.events[page.count - 1].sequence;
    }
    return !watcher->finished;
}

static struct rnl_buf *encode_joined(const struct rnl_jobs *jobs,
                                     const struct joined *joined)
{
    struct rnl_event event = {
        .sequence = joined->last,
        .time_ns = joined->time_ns,
        .type = joined->is_text ? RNL_EVENT_TEXT : RNL_EVENT_DATA,
        .data = jobs->join,
        .len = joined->len,
    };
    return rnl_watch_encode(&event, joined->first);
}

/* Sends as many deltas as follow each other as one, or one event that is no
 * delta. */
static bool send_joined(struct watcher *watcher)
{
    struct group *group = watcher->group;
    struct joined joined = {.len_max = join_max(watcher)};
    if (group->joined != NULL && group->joined_first == watcher->sent + 1 &&
        group->joined_max == joined.len_max)
        return send(watcher, group->joined, group->joined_last);
    if (!join_next(watcher, &joined))
        return false;
    if (joined.last == joined.first)
        return send_one(watcher);
    rnl_buf_unref(group->joined);
    group->joined = encode_joined(group->jobs, &joined);
    group->joined_first = joined.first;
    group->joined_last = joined.last;
    group->joined_max = joined.len_max;
    return send(watcher, group->joined, joined.last);
}

/* Sends the next message, if there is one and room for it; ends the watch after
 * the last. False when nothing was sent. */
static bool step(struct watcher *watcher)
{
    const struct group *group = watcher->group;
    bool sent = false;
    if (!watcher->finished && watcher->sent < group->committed &&
        rnl_stream_writable(watcher->stream))
        sent = group->committed - watcher->sent > RNL_WATCH_BEHIND_MAX
                   ? send_joined(watcher)
                   : send_one(watcher);
    if (!watcher->finished && group->end != 0 && watcher->sent == group->end)
        finish(watcher, RNL_OK, NULL);
    return sent;
}

static void pump(struct watcher *watcher)
{
    while (step(watcher))
        ;
}

/* In rounds of one message each, so that watchers that stand at the same event
 * find what the first of them had encoded. */
static void pump_all(struct group *group)
{
    bool going = true;
    while (going) {
        going = false;
        struct watcher *watcher;
        TAILQ_FOREACH(watcher, &group->watchers, link)
        {
            going = step(watcher) || going;
        }
    }
}

/* ---- what the store tells ---- */

void rnl_watch_committed(void *arg, const char *job_id, uint64_t sequence)
{
    (void)sequence;
    struct rnl_jobs *jobs = arg;
    struct group *group =
        (struct group *)rnl_id_table_find(&jobs->groups, job_id);
    if (group == NULL || group_refresh(group) != RNL_OK)
        return;
    pump_all(group);
}

void rnl_watch_removed(void *arg, const char *job_id)
{
    struct rnl_jobs *jobs = arg;
    struct group *group =
        (struct group *)rnl_id_table_find(&jobs->groups, job_id);
    if (group == NULL)
        return;
    struct watcher *watcher;
    TAILQ_FOREACH(watcher, &group->watchers, link)
    {
        if (!watcher->finished)
            finish(watcher, RNL_NOT_FOUND,
                   "the job was removed while it was watched");
    }
}

/* ---- WatchJob ---- */

static void begin(struct rnl_stream *stream, struct rnl_jobs *jobs,
                  const char *job_id, uint64_t after)
{
    struct watcher *watcher = rnl_calloc(1, sizeof(*watcher));
    struct group *group = watcher == NULL ? NULL : group_join(jobs, job_id);
    if (group == NULL) {
        rnl_free(watcher);
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
        return;
    }
    *watcher = (struct watcher){
        .stream = stream,
        .group = group,
        .sent = after,
    };
    TAILQ_INSERT_TAIL(&group->watchers, watcher, link);
    rnl_stream_set_state(stream, watcher);
    /* The caller has looked the job up just now. */
    (void)!group_refresh(group);
    pump(watcher);
}

static void watch(struct rnl_stream *stream, struct rnl_jobs *jobs,
                  const char *job_id, uint64_t after)
{
    struct rnl_store_log log;
    if (jobs->store->ops->log(jobs->store, job_id, &log) != RNL_OK)
        rnl_stream_finish(stream, RNL_NOT_FOUND, "there is no such job");
    else if (after > log.last_sequence)
        rnl_stream_finish_out_of_range(
            stream, log.first_sequence,
            "after_sequence %llu is above the last event, %llu",
            (unsigned long long)after, (unsigned long long)log.last_sequence);
    else if (after + 1 < log.first_sequence)
        rnl_stream_finish_out_of_range(stream, log.first_sequence,
                                       "events before %llu are no longer kept",
                                       (unsigned long long)log.first_sequence);
    else
        begin(stream, jobs, job_id, after);
}

void rnl_watch_on_message(struct rnl_stream *stream, const uint8_t *data,
                          size_t len)
{
    Runnel__V1__WatchJobRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__watch_job_request__descriptor, data, len);
    if (request == NULL)
        return;
    watch(stream, rnl_stream_core(stream)->jobs, request->job_id,
          request->after_sequence);
    rnl_request_free(request);
}

void rnl_watch_on_writable(struct rnl_stream *stream)
{
    struct watcher *watcher = rnl_stream_state(stream);
    if (watcher != NULL)
        pump(watcher);
}

void rnl_watch_on_close(struct rnl_stream *stream, enum rnl_code code)
{
    (void)code;
    struct watcher *watcher = rnl_stream_state(stream);
    if (watcher == NULL)
        return;
    TAILQ_REMOVE(&watcher->group->watchers, watcher, link);
    group_leave(watcher->group);
    rnl_free(watcher);
}
