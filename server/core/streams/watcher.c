/* SPDX-License-Identifier: Apache-2.0 */
/* What one watcher is owed, and the sending of it. */
#include "watch_hub_private.h"

void rnl_watcher_finish(struct rnl_watcher *watcher, enum rnl_code code,
                        const char *message)
{
    watcher->finished = true;
    rnl_stream_finish(watcher->stream, code, "%s", message);
}

static void send(struct rnl_watcher *watcher, struct rnl_buf *buf)
{
    if (buf == NULL)
        rnl_watcher_finish(watcher, RNL_RESOURCE_EXHAUSTED, "memory is out");
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
    struct rnl_watch_group *group = watcher->group;
    struct rnl_snapshot *snapshot =
        watcher->apart ? &group->fresh : &group->current;
    send_windows(watcher, snapshot,
                 watcher->owed == RNL_OWED_WHOLE ? rnl_snapshot_all(snapshot)
                                                 : snapshot->changed);
    watcher->owed = RNL_OWED_NOTHING;
    watcher->version = snapshot->version;
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
    send(watcher, rnl_watch_hub_anomaly(hub, next));
    watcher->anomaly = next->sequence;
    return true;
}

void rnl_watcher_pump(struct rnl_watcher *watcher)
{
    while (!watcher->finished && rnl_stream_writable(watcher->stream)) {
        if (send_anomaly(watcher))
            continue;
        if (watcher->owed == RNL_OWED_NOTHING)
            return;
        send_owed(watcher);
    }
}

void rnl_watcher_owe(struct rnl_watcher *watcher,
                     const struct rnl_snapshot *current)
{
    if (watcher->apart) {
        watcher->apart = false;
        if (watcher->owed != RNL_OWED_NOTHING ||
            watcher->version != current->version)
            watcher->owed = RNL_OWED_WHOLE;
    } else if (watcher->owed != RNL_OWED_NOTHING) {
        watcher->owed = RNL_OWED_WHOLE;
    } else if (current->changed != 0) {
        watcher->owed = RNL_OWED_CHANGES;
    }
}

void rnl_watcher_resume(struct rnl_watcher *watcher)
{
    if (watcher->finished)
        return;
    rnl_watcher_pump(watcher);
    rnl_watch_group_account(watcher->group);
}
