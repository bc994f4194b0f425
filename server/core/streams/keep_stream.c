/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a stream, and what of that is to be kept. */
#include "keeper_private.h"

static void changed(struct rnl_keeper *keeper, struct rnl_kept *kept)
{
    keeper->changes++;
    rnl_kept_later(kept, RNL_KEEP_SOON);
}

void rnl_keep_new(struct rnl_event_stream *stream)
{
    struct rnl_keeper *keeper = stream->streams->keeper;
    struct rnl_kept *kept = &stream->kept;
    *kept = (struct rnl_kept){.stream = stream};
    rnl_keep_queue_init(&kept->waiting);
    if (keeper == NULL)
        return;
    kept->number = keeper->next_number++;
    kept->is_new = true;
    kept->must_save = true;
    rnl_meter_on_advance(stream->meter, rnl_kept_advanced, kept);
}

/* Time is reported once its log has been replayed. */
void rnl_keep_found(struct rnl_event_stream *stream, uint64_t number)
{
    stream->kept.number = number;
    stream->kept.is_new = false;
    stream->kept.must_save = false;
    rnl_meter_on_advance(stream->meter, NULL, NULL);
}

enum rnl_code rnl_keep_remove(struct rnl_event_stream *stream,
                              struct rnl_keep_request *request)
{
    struct rnl_keeper *keeper = rnl_keeper_of(stream);
    struct rnl_kept *kept = &stream->kept;
    const struct rnl_stats_record gone = {.kind = RNL_STATS_GONE,
                                          .stream = kept->number};
    if (keeper == NULL)
        return RNL_OK;
    if (!kept->is_new && !keeper->closed &&
        rnl_stats_group_add(&keeper->filling, &gone) == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_kept_leave_list(keeper, kept);
    rnl_keep_queue_move(&keeper->filling_waiting, &kept->waiting);
    rnl_kept_drop_log(kept);
    rnl_meter_on_advance(stream->meter, NULL, NULL);
    keeper->logged_bytes -= kept->logged_bytes;
    kept->number = 0;
    if (request != NULL) {
        keeper->waiting_count++;
        rnl_keep_queue_add(&keeper->filling_waiting, request);
    }
    rnl_keeper_schedule(keeper);
    return RNL_OK;
}

void rnl_keep_batch(struct rnl_event_stream *stream,
                    const struct rnl_event_batch *batch, int64_t wall_ms)
{
    struct rnl_keeper *keeper = rnl_keeper_of(stream);
    const struct rnl_keep_record record = {
        .kind = RNL_KEEP_BATCH,
        .wall_ms = wall_ms,
        .data = batch->request,
        .len = batch->request_len,
    };
    if (keeper == NULL)
        return;
    rnl_kept_log(&stream->kept, &record);
    stream->kept.producers_changed |= batch->producer_id_len > 0;
    changed(keeper, &stream->kept);
}

void rnl_keep_duplicate(struct rnl_event_stream *stream,
                        const uint8_t *producer_id, size_t len)
{
    struct rnl_keeper *keeper = rnl_keeper_of(stream);
    const struct rnl_keep_record record = {
        .kind = RNL_KEEP_DUPLICATE,
        .data = producer_id,
        .len = len,
    };
    if (keeper == NULL)
        return;
    rnl_kept_log(&stream->kept, &record);
    stream->kept.producers_changed = true;
    changed(keeper, &stream->kept);
}

void rnl_keep_changed(struct rnl_event_stream *stream)
{
    struct rnl_keeper *keeper = rnl_keeper_of(stream);
    if (keeper == NULL)
        return;
    stream->kept.must_save = true;
    /* A sketch may have come from one. */
    stream->kept.producers_changed = true;
    rnl_kept_drop_log(&stream->kept);
    changed(keeper, &stream->kept);
}

void rnl_keep_wait(struct rnl_event_stream *stream,
                   struct rnl_keep_request *request)
{
    struct rnl_keeper *keeper = rnl_keeper_of(stream);
    if (keeper == NULL)
        return;
    keeper->waiting_count++;
    keeper->changes++;
    rnl_keep_queue_add(&stream->kept.waiting, request);
    rnl_kept_open(keeper, &stream->kept);
    if (rnl_keeper_busy(keeper))
        keeper->was_busy = true;
    rnl_keeper_schedule(keeper);
}
