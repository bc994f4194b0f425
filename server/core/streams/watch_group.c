/* SPDX-License-Identifier: Apache-2.0 */
/* Watchers that want the same, and their snapshot. */
#include <string.h>

#include "alloc.h"
#include "watch_hub_private.h"

void rnl_watch_group_account(struct rnl_watch_group *group)
{
    struct rnl_streams *streams = group->hub->streams;
    uint64_t now = sizeof(*group) + rnl_snapshot_memory(&group->current) +
                   rnl_snapshot_memory(&group->fresh);
    streams->watch_bytes += now - group->memory_bytes;
    group->memory_bytes = now;
}

void rnl_watch_group_pump(struct rnl_watch_group *group)
{
    struct rnl_watcher *watcher;
    TAILQ_FOREACH(watcher, &group->watchers, link)
    {
        rnl_watcher_pump(watcher);
    }
    rnl_watch_group_account(group);
}

/* Without memory the group keeps what it has until the next time. */
static void renew(struct rnl_watch_group *group)
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
        rnl_watcher_owe(watcher, &group->current);
    }
}

static void on_tick(struct rnl_timer *timer, void *arg)
{
    struct rnl_watch_group *group = arg;
    struct rnl_core *core = group->hub->streams->core;
    /* Its slot has just become free. */
    (void)!rnl_timer_start(&core->timers, timer,
                           core->now_ns + group->interval_ms * RNL_NS_PER_MS);
    renew(group);
    rnl_watch_group_pump(group);
}

static bool same(const struct rnl_watch_group *group,
                 const struct rnl_snapshot_spec *spec, uint32_t interval_ms)
{
    return group->interval_ms == interval_ms && group->spec.top == spec->top &&
           group->spec.window_count == spec->window_count &&
           memcmp(group->spec.windows, spec->windows,
                  spec->window_count * sizeof(spec->windows[0])) == 0;
}

struct rnl_watch_group *rnl_watch_group_find(
    const struct rnl_watch_hub *hub, const struct rnl_snapshot_spec *spec,
    uint32_t interval_ms)
{
    struct rnl_watch_group *group;
    TAILQ_FOREACH(group, &hub->groups, link)
    {
        if (same(group, spec, interval_ms))
            return group;
    }
    return NULL;
}

enum rnl_code rnl_watch_group_create(struct rnl_watch_hub *hub,
                                     const struct rnl_snapshot_spec *spec,
                                     uint32_t interval_ms,
                                     struct rnl_watch_group **ret_group)
{
    struct rnl_core *core = hub->streams->core;
    struct rnl_watch_group *group = rnl_calloc(1, sizeof(*group));
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

void rnl_watch_group_leave(struct rnl_watch_group *group)
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

/* A snapshot of now for one that joins a group of others. */
static enum rnl_code refresh(struct rnl_watcher *watcher)
{
    struct rnl_watch_group *group = watcher->group;
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

void rnl_watch_group_join(struct rnl_watch_group *group,
                          struct rnl_watcher *watcher)
{
    watcher->group = group;
    watcher->owed = RNL_OWED_WHOLE;
    TAILQ_INSERT_TAIL(&group->watchers, watcher, link);
    rnl_stream_set_state(watcher->stream, watcher);
    if (refresh(watcher) != RNL_OK)
        rnl_watcher_finish(watcher, RNL_RESOURCE_EXHAUSTED, "memory is out");
    rnl_watcher_pump(watcher);
    rnl_watch_group_account(group);
}
