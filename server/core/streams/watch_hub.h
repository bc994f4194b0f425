/* SPDX-License-Identifier: Apache-2.0 */
/* The watchers of an event stream: those who wish for the same share a
 * snapshot an interval (watch_hub.c). A watcher is the state of its call. */
#ifndef RNL_STREAMS_WATCH_HUB_H
#define RNL_STREAMS_WATCH_HUB_H

#include "registry.h"
#include "stats_snapshot.h"

struct rnl_watcher;

struct rnl_watch_wish {
    struct rnl_snapshot_spec spec;
    uint32_t interval_ms;
    /* Anomalies with a higher sequence come first. */
    uint64_t after_anomaly;
};

/* Makes the call a watcher of the stream, sets its state, and sends the first
 * of what was wished for. Errors: RNL_RESOURCE_EXHAUSTED, with error filled;
 * the call goes on without a state. */
RNL_MUST_USE enum rnl_code rnl_watch_hub_join(struct rnl_stream *stream,
                                              struct rnl_event_stream *subject,
                                              const struct rnl_watch_wish *wish,
                                              struct rnl_field_error *error);

/* Its call can be written to again. */
void rnl_watcher_resume(struct rnl_watcher *watcher);

/* Its call was closed; frees it. */
void rnl_watcher_leave(struct rnl_watcher *watcher);

#endif
