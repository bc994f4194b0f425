/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchers of a stream hang on its hub, in groups that want
 * the same: windows, length of the top list, interval. A group computes and
 * encodes one snapshot an interval, whatever the number of its watchers.
 *
 * A watcher has no queue: it is owed nothing, the changes of the newest
 * snapshot, or the whole of it. One that could not be written to when a
 * snapshot came is owed the whole of the next one, so that what it has missed
 * is in it; it costs the same memory however long it does not read. For
 * anomalies it has a cursor into those that the engine keeps.
 *
 * A watcher that joins gets a snapshot of that moment, not of the group's last
 * interval; the next one of the group is then whole for it.
 */
#include <string.h>

#include <runnel/v1/stats.pb-c.h>

#include "alloc.h"
#include "stats_message.h"
#include "watch_hub.h"

struct group;

enum owed {
    OWED_NOTHING,
    OWED_CHANGES,
    OWED_WHOLE,
};

struct rnl_watcher {
    struct rnl_stream *stream;
    struct group *group;
    TAILQ_ENTRY(rnl_watcher) link;
    enum owed owed;
    /* What it has, or is owed, is the group's snapshot for joiners. */
    bool apart;
    /* Version of what it has. */
    uint64_t version;
    /* Last anomaly that was sent, or the one that the caller has. */
    uint64_t anomaly;
    bool finished;
};

struct group {
    TAILQ_ENTRY(group) link;
    struct rnl_watch_hub *hub;
    struct rnl_snapshot_spec spec;
    uint32_t interval_ms;
    struct rnl_timer tick;
    TAILQ_HEAD(, rnl_watcher) watchers;
    /* That of the last interval, and one for those that joined since. */
    struct rnl_snapshot current;
    struct rnl_snapshot fresh;
    /* As it is in the sum of all. */
    uint64_t memory_bytes;
};

struct rnl_watch_hub {
    struct rnl_streams *streams;
    /* NULL when it has ended. */
    struct rnl_event_stream *stream;
    TAILQ_HEAD(, group) groups;
    size_t group_count;
    /* Always started. */
    struct rnl_timer judge;
    /* Newest anomaly that was looked at, and the encoded ones: that of
     * sequence s is at s % RNL_METER_ANOMALIES_MAX. */
    uint64_t anomaly;
    struct rnl_buf *anomalies[RNL_METER_ANOMALIES_MAX];
    uint64_t anomaly_sequences[RNL_METER_ANOMALIES_MAX];
    /* Of snapshots. */
    uint64_t sequence;
};

/* ---- one watcher ---- */

static void finish(struct rnl_watcher *watcher, enum rnl_code code,
                   const char *message)
{
    watcher->finished = true;
    rnl_stream_finish(watcher->stream, code, "%s", message);
}

static void send(struct rnl_watcher *watcher, struct rnl_buf *buf)
{
    if (buf == NULL)
        finish(watcher, RNL_RESOURCE_EXHAUSTED, "memory is out");
    else
        rnl_stream_send_buf(watcher->stream, buf);
}

static bool is_single(rnl_window_set windows)
{
    return (windows & (windows - 1)) == 0;
}

/* In one message, or in one for each window when the peer's frames are too
 * small. */
static void send_windows(struct rnl_watcher *watcher,
                         struct rnl_snapshot *snapshot, rnl_window_set windows)
{
    uint64_t *sequence = &watcher->group->hub->sequence;
    struct rnl_buf *buf = rnl_snapshot_message(snapshot, windows, sequence);
    if (buf == NULL || is_single(windows) ||
        buf->len <= rnl_stream_message_max(watcher->stream)) {
        send(watcher, buf);
        return;
    }
    for (rnl_window_set left = windows; left != 0 && !watcher->finished;
         left &= left - 1)
        send(watcher,
             rnl_snapshot_message(snapshot, left & (~left + 1), sequence));
}

static void send_owed(struct rnl_watcher *watcher)
{
    struct group *group = watcher->group;
    struct rnl_snapshot *snapshot =
        watcher->apart ? &group->fresh : &group->current;
    send_windows(watcher, snapshot,
                 watcher->owed == OWED_WHOLE ? rnl_snapshot_all(snapshot)
                                             : snapshot->changed);
    watcher->owed = OWED_NOTHING;
    watcher->version = snapshot->version;
}

static struct rnl_buf *encode_anomaly(const struct rnl_meter_anomaly *anomaly)
{
    struct rnl_anomaly_message message;
    Runnel__V1__WatchStatsResponse response =
        RUNNEL__V1__WATCH_STATS_RESPONSE__INIT;
    rnl_anomaly_message_fill(&message, anomaly);
    response.update_case = RUNNEL__V1__WATCH_STATS_RESPONSE__UPDATE_ANOMALY;
    response.anomaly = &message.anomaly;
    return rnl_buf_pack(&response.base);
}

/* Borrowed. */
static struct rnl_buf *anomaly_buf(struct rnl_watch_hub *hub,
                                   const struct rnl_meter_anomaly *anomaly)
{
    size_t slot = anomaly->sequence % RNL_METER_ANOMALIES_MAX;
    if (hub->anomalies[slot] != NULL &&
        hub->anomaly_sequences[slot] == anomaly->sequence)
        return hub->anomalies[slot];
    rnl_buf_unref(hub->anomalies[slot]);
    hub->anomalies[slot] = encode_anomaly(anomaly);
    hub->anomaly_sequences[slot] = anomaly->sequence;
    return hub->anomalies[slot];
}

/* Sends the next anomaly, if there is one. */
static bool send_anomaly(struct rnl_watcher *watcher)
{
    struct rnl_watch_hub *hub = watcher->group->hub;
    struct rnl_meter_anomalies kept;
    if (watcher->anomaly >= hub->anomaly)
        return false;
    rnl_meter_anomalies(hub->stream->meter, watcher->anomaly, &kept);
    const struct rnl_meter_anomaly *next =
        kept.counts[0] > 0 ? kept.parts[0] : kept.parts[1];
    if (kept.counts[0] + kept.counts[1] == 0)
        return false;
    send(watcher, anomaly_buf(hub, next));
    watcher->anomaly = next->sequence;
    return true;
}

static void pump(struct rnl_watcher *watcher)
{
    while (!watcher->finished && rnl_stream_writable(watcher->stream)) {
        if (send_anomaly(watcher))
            continue;
        if (watcher->owed == OWED_NOTHING)
            return;
        send_owed(watcher);
    }
}

/* ---- groups ---- */

static void account(struct group *group)
{
    struct rnl_streams *streams = group->hub->streams;
    uint64_t now = sizeof(*group) + rnl_snapshot_memory(&group->current) +
                   rnl_snapshot_memory(&group->fresh);
    streams->watch_bytes += now - group->memory_bytes;
    group->memory_bytes = now;
}

static void pump_group(struct group *group)
{
    struct rnl_watcher *watcher;
    TAILQ_FOREACH(watcher, &group->watchers, link)
    {
        pump(watcher);
    }
    account(group);
}

/* A new snapshot of the group has come. */
static void owe(struct rnl_watcher *watcher, const struct rnl_snapshot *current)
{
    if (watcher->apart) {
        watcher->apart = false;
        if (watcher->owed != OWED_NOTHING ||
            watcher->version != current->version)
            watcher->owed = OWED_WHOLE;
    } else if (watcher->owed != OWED_NOTHING) {
        watcher->owed = OWED_WHOLE;
    } else if (current->changed != 0) {
        watcher->owed = OWED_CHANGES;
    }
}

/* Without memory the group keeps what it has until the next time. */
static void renew(struct group *group)
{
    struct rnl_event_stream *stream = group->hub->stream;
    struct rnl_meter_info info;
    struct rnl_snapshot taken;
    rnl_meter_info(stream->meter, rnl_streams_wall_ms(group->hub->streams),
                   &info);
    if (info.version == group->current.version ||
        rnl_snapshot_take(&taken, stream, &group->spec) != RNL_OK)
        return;
    rnl_snapshot_compare(&taken, &group->current);
    rnl_snapshot_fini(&group->current);
    rnl_snapshot_fini(&group->fresh);
    group->current = taken;
    struct rnl_watcher *watcher;
    TAILQ_FOREACH(watcher, &group->watchers, link)
    {
        owe(watcher, &group->current);
    }
}

static void on_tick(struct rnl_timer *timer, void *arg)
{
    struct group *group = arg;
    struct rnl_core *core = group->hub->streams->core;
    /* Its slot has just become free. */
    (void)!rnl_timer_start(&core->timers, timer,
                           core->now_ns + group->interval_ms * RNL_NS_PER_MS);
    renew(group);
    pump_group(group);
}

static bool same(const struct group *group,
                 const struct rnl_snapshot_spec *spec, uint32_t interval_ms)
{
    return group->interval_ms == interval_ms && group->spec.top == spec->top &&
           group->spec.window_count == spec->window_count &&
           memcmp(group->spec.windows, spec->windows,
                  spec->window_count * sizeof(spec->windows[0])) == 0;
}

static struct group *group_find(const struct rnl_watch_hub *hub,
                                const struct rnl_snapshot_spec *spec,
                                uint32_t interval_ms)
{
    struct group *group;
    TAILQ_FOREACH(group, &hub->groups, link)
    {
        if (same(group, spec, interval_ms))
            return group;
    }
    return NULL;
}

static enum rnl_code group_create(struct rnl_watch_hub *hub,
                                  const struct rnl_snapshot_spec *spec,
                                  uint32_t interval_ms,
                                  struct group **ret_group)
{
    struct rnl_core *core = hub->streams->core;
    struct group *group = rnl_calloc(1, sizeof(*group));
    if (group == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    group->hub = hub;
    group->spec = *spec;
    group->interval_ms = interval_ms;
    group->tick.fire = on_tick;
    group->tick.arg = group;
    TAILQ_INIT(&group->watchers);
    if (rnl_snapshot_take(&group->current, hub->stream, spec) != RNL_OK ||
        rnl_timer_start(&core->timers, &group->tick,
                        core->now_ns + interval_ms * RNL_NS_PER_MS) != RNL_OK) {
        rnl_snapshot_fini(&group->current);
        rnl_free(group);
        return RNL_RESOURCE_EXHAUSTED;
    }
    TAILQ_INSERT_TAIL(&hub->groups, group, link);
    hub->group_count++;
    *ret_group = group;
    return RNL_OK;
}

static void group_leave(struct group *group)
{
    struct rnl_watch_hub *hub = group->hub;
    if (!TAILQ_EMPTY(&group->watchers))
        return;
    rnl_timer_stop(&hub->streams->core->timers, &group->tick);
    hub->streams->watch_bytes -= group->memory_bytes;
    TAILQ_REMOVE(&hub->groups, group, link);
    hub->group_count--;
    rnl_snapshot_fini(&group->current);
    rnl_snapshot_fini(&group->fresh);
    rnl_free(group);
}

/* ---- hubs ---- */

static void pump_hub(struct rnl_watch_hub *hub)
{
    struct group *group;
    TAILQ_FOREACH(group, &hub->groups, link)
    {
        pump_group(group);
    }
}

static uint64_t newest_anomaly(const struct rnl_watch_hub *hub)
{
    struct rnl_meter_info info;
    rnl_meter_info(hub->stream->meter, rnl_streams_wall_ms(hub->streams),
                   &info);
    return info.anomaly_sequence;
}

static void on_judge(struct rnl_timer *timer, void *arg)
{
    struct rnl_watch_hub *hub = arg;
    struct rnl_core *core = hub->streams->core;
    (void)!rnl_timer_start(&core->timers, timer,
                           core->now_ns + RNL_STATS_JUDGE_MS * RNL_NS_PER_MS);
    rnl_meter_advance(hub->stream->meter, rnl_streams_wall_ms(hub->streams));
    uint64_t newest = newest_anomaly(hub);
    if (newest == hub->anomaly)
        return;
    hub->anomaly = newest;
    pump_hub(hub);
}

/* Not from here, where a batch of another call is being counted: from the
 * timers' next turn. */
void rnl_watch_hub_notice(struct rnl_watch_hub *hub)
{
    if (hub != NULL &&
        rnl_meter_newest_anomaly(hub->stream->meter) > hub->anomaly)
        /* Cannot fail: the timer is started already. */
        (void)!rnl_timer_start(&hub->streams->core->timers, &hub->judge, 0);
}

static struct rnl_watch_hub *hub_of(struct rnl_event_stream *stream)
{
    if (stream->hub != NULL)
        return stream->hub;
    struct rnl_core *core = stream->streams->core;
    struct rnl_watch_hub *hub = rnl_calloc(1, sizeof(*hub));
    if (hub == NULL)
        return NULL;
    hub->streams = stream->streams;
    hub->stream = stream;
    hub->judge.fire = on_judge;
    hub->judge.arg = hub;
    TAILQ_INIT(&hub->groups);
    if (rnl_timer_start(&core->timers, &hub->judge,
                        core->now_ns + RNL_STATS_JUDGE_MS * RNL_NS_PER_MS) !=
        RNL_OK) {
        rnl_free(hub);
        return NULL;
    }
    hub->sequence = stream->watch_sequence;
    hub->anomaly = newest_anomaly(hub);
    stream->hub = hub;
    return hub;
}

static void hub_leave(struct rnl_watch_hub *hub)
{
    if (!TAILQ_EMPTY(&hub->groups))
        return;
    rnl_timer_stop(&hub->streams->core->timers, &hub->judge);
    if (hub->stream != NULL) {
        /* Numbers go on rising for those who come back. */
        hub->stream->watch_sequence = hub->sequence;
        hub->stream->hub = NULL;
    }
    for (size_t i = 0; i < RNL_METER_ANOMALIES_MAX; i++)
        rnl_buf_unref(hub->anomalies[i]);
    rnl_free(hub);
}

void rnl_watch_hub_end(struct rnl_watch_hub *hub)
{
    if (hub == NULL)
        return;
    struct rnl_core *core = hub->streams->core;
    struct group *group;
    TAILQ_FOREACH(group, &hub->groups, link)
    {
        rnl_timer_stop(&core->timers, &group->tick);
        struct rnl_watcher *watcher;
        TAILQ_FOREACH(watcher, &group->watchers, link)
        {
            if (!watcher->finished)
                finish(watcher, RNL_NOT_FOUND,
                       "the stream was deleted while it was watched");
        }
    }
    rnl_timer_stop(&core->timers, &hub->judge);
    hub->stream->hub = NULL;
    hub->stream = NULL;
}

/* ---- come and go ---- */

/* A snapshot of now for one that joins a group of others. */
static enum rnl_code refresh(struct rnl_watcher *watcher)
{
    struct group *group = watcher->group;
    struct rnl_watch_hub *hub = group->hub;
    int64_t old_ns =
        hub->streams->core->now_ns - RNL_STATS_FRESH_MS * RNL_NS_PER_MS;
    struct rnl_meter_info info;
    rnl_meter_info(hub->stream->meter, rnl_streams_wall_ms(hub->streams),
                   &info);
    if (group->current.version == info.version ||
        group->current.now_ns > old_ns)
        return RNL_OK;
    watcher->apart = true;
    if (group->fresh.window_count > 0 &&
        (group->fresh.version == info.version || group->fresh.now_ns > old_ns))
        return RNL_OK;
    struct rnl_snapshot taken;
    if (rnl_snapshot_take(&taken, hub->stream, &group->spec) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_snapshot_fini(&group->fresh);
    group->fresh = taken;
    return RNL_OK;
}

static void join(struct group *group, struct rnl_watcher *watcher)
{
    watcher->group = group;
    watcher->owed = OWED_WHOLE;
    TAILQ_INSERT_TAIL(&group->watchers, watcher, link);
    rnl_stream_set_state(watcher->stream, watcher);
    if (refresh(watcher) != RNL_OK)
        finish(watcher, RNL_RESOURCE_EXHAUSTED, "memory is out");
    pump(watcher);
    account(group);
}

/* Finds the group that wants the same, or makes it. */
static enum rnl_code group_of(struct rnl_watch_hub *hub,
                              const struct rnl_snapshot_spec *spec,
                              uint32_t interval_ms, struct group **ret_group,
                              struct rnl_field_error *error)
{
    struct group *group = group_find(hub, spec, interval_ms);
    if (group != NULL) {
        *ret_group = group;
        return RNL_OK;
    }
    if (hub->group_count >= RNL_STATS_GROUPS_MAX)
        return rnl_field_error_text(
            error, RNL_RESOURCE_EXHAUSTED,
            "stream %s is watched in %d different ways already (windows, top, "
            "interval)",
            hub->stream->name, RNL_STATS_GROUPS_MAX);
    if (rnl_streams_full(hub->streams))
        return rnl_streams_say_full(hub->streams, error);
    if (group_create(hub, spec, interval_ms, ret_group) != RNL_OK)
        return rnl_field_error_text(error, RNL_RESOURCE_EXHAUSTED,
                                    "memory is out");
    return RNL_OK;
}

enum rnl_code rnl_watch_hub_join(struct rnl_stream *stream,
                                 struct rnl_event_stream *subject,
                                 const struct rnl_watch_wish *wish,
                                 struct rnl_field_error *error)
{
    struct group *group = NULL;
    struct rnl_watcher *watcher = rnl_calloc(1, sizeof(*watcher));
    struct rnl_watch_hub *hub = watcher == NULL ? NULL : hub_of(subject);
    if (hub == NULL) {
        rnl_free(watcher);
        return rnl_field_error_text(error, RNL_RESOURCE_EXHAUSTED,
                                    "memory is out");
    }
    watcher->stream = stream;
    /* A number that was not reached is that of an earlier stream of the
     * name: all are new to who holds it. */
    if (wish->after_anomaly <= hub->anomaly)
        watcher->anomaly = wish->after_anomaly;
    enum rnl_code code =
        group_of(hub, &wish->spec, wish->interval_ms, &group, error);
    if (code == RNL_OK) {
        join(group, watcher);
        return RNL_OK;
    }
    rnl_free(watcher);
    hub_leave(hub);
    return code;
}

void rnl_watcher_resume(struct rnl_watcher *watcher)
{
    if (watcher->finished)
        return;
    pump(watcher);
    account(watcher->group);
}

void rnl_watcher_leave(struct rnl_watcher *watcher)
{
    struct group *group = watcher->group;
    struct rnl_watch_hub *hub = group->hub;
    TAILQ_REMOVE(&group->watchers, watcher, link);
    rnl_free(watcher);
    group_leave(group);
    hub_leave(hub);
}
