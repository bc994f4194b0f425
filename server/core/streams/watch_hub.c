/* SPDX-License-Identifier: Apache-2.0 */
/* The hub of a stream: its groups, its anomalies, and who comes and goes. */
#include <runnel/v1/stats.pb-c.h>

#include "alloc.h"
#include "stats_message.h"
#include "watch_hub_private.h"

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

struct rnl_buf *rnl_watch_hub_anomaly(struct rnl_watch_hub *hub,
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

static void pump_hub(struct rnl_watch_hub *hub)
{
    struct rnl_watch_group *group;
    TAILQ_FOREACH(group, &hub->groups, link)
    {
        rnl_watch_group_pump(group);
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
    struct rnl_watch_group *group;
    TAILQ_FOREACH(group, &hub->groups, link)
    {
        rnl_timer_stop(&core->timers, &group->tick);
        struct rnl_watcher *watcher;
        TAILQ_FOREACH(watcher, &group->watchers, link)
        {
            if (!watcher->finished)
                rnl_watcher_finish(
                    watcher, RNL_NOT_FOUND,
                    "the stream was deleted while it was watched");
        }
    }
    rnl_timer_stop(&core->timers, &hub->judge);
    hub->stream->hub = NULL;
    hub->stream = NULL;
}

/* Finds the group that wants the same, or makes it. */
static enum rnl_code group_of(struct rnl_watch_hub *hub,
                              const struct rnl_snapshot_spec *spec,
                              uint32_t interval_ms,
                              struct rnl_watch_group **ret_group,
                              struct rnl_field_error *error)
{
    struct rnl_watch_group *group =
        rnl_watch_group_find(hub, spec, interval_ms);
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
    if (rnl_watch_group_create(hub, spec, interval_ms, ret_group) != RNL_OK)
        return rnl_field_error_text(error, RNL_RESOURCE_EXHAUSTED,
                                    "memory is out");
    return RNL_OK;
}

enum rnl_code rnl_watch_hub_join(struct rnl_stream *stream,
                                 struct rnl_event_stream *subject,
                                 const struct rnl_watch_wish *wish,
                                 struct rnl_field_error *error)
{
    struct rnl_watch_group *group = NULL;
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
        rnl_watch_group_join(group, watcher);
        return RNL_OK;
    }
    rnl_free(watcher);
    hub_leave(hub);
    return code;
}

void rnl_watcher_leave(struct rnl_watcher *watcher)
{
    struct rnl_watch_group *group = watcher->group;
    struct rnl_watch_hub *hub = group->hub;
    TAILQ_REMOVE(&group->watchers, watcher, link);
    rnl_free(watcher);
    rnl_watch_group_leave(group);
    hub_leave(hub);
}
