/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "alloc.h"
#include "keeper_private.h"
#include "sketch/bytes.h"

#define VERSION 1

/* A log may always be this long: the rows of a stream that changes little. */
#define LOG_BYTES_MIN 32768

#define CAP_FIRST 256

#define NO_ADVANCE SIZE_MAX

/* Some 280,000 years; sums of times do not overflow. */
#define WALL_MAX_MS (INT64_C(1) << 53)

static const char letters[4] = {'R', 'L', 'O', 'G'};

uint64_t rnl_kept_log_max(const struct rnl_kept *kept)
{
    return kept->saved_bytes > LOG_BYTES_MIN ? kept->saved_bytes
                                             : LOG_BYTES_MIN;
}

uint64_t rnl_kept_bytes(const struct rnl_event_stream *stream)
{
    return stream->kept.log_cap;
}

void rnl_kept_drop_log(struct rnl_kept *kept)
{
    rnl_free(kept->log);
    kept->log = NULL;
    kept->log_len = 0;
    kept->log_cap = 0;
    kept->advance_at = NO_ADVANCE;
}

/* ---- writing ---- */

static bool reserve(struct rnl_kept *kept, size_t len)
{
    size_t need = kept->log_len + len;
    size_t cap = kept->log_cap == 0 ? CAP_FIRST : kept->log_cap;
    if (need <= kept->log_cap)
        return true;
    while (cap < need)
        cap *= 2;
    uint8_t *log = rnl_realloc(kept->log, cap);
    if (log == NULL)
        return false;
    kept->log = log;
    kept->log_cap = cap;
    return true;
}

/* Head and seal make a log of any length what the journal gets: see
 * keep_save.c, which fills them in. */
static size_t begin(struct rnl_kept *kept)
{
    if (kept->log_len == 0) {
        kept->log_len = RNL_SKETCH_HEAD_LEN;
        rnl_sketch_head(kept->log, letters, VERSION);
        kept->advance_at = NO_ADVANCE;
    }
    return kept->log_len;
}

void rnl_kept_log(struct rnl_kept *kept, const struct rnl_keep_record *record)
{
    size_t need = RNL_SKETCH_HEAD_LEN + 1 + 2 * RNL_VARINT_MAX + record->len +
                  RNL_SKETCH_CHECK_LEN;
    if (kept->must_save)
        return;
    if (kept->logged_bytes + kept->log_len + need > rnl_kept_log_max(kept) ||
        !reserve(kept, need)) {
        kept->must_save = true;
        rnl_kept_drop_log(kept);
        return;
    }
    uint8_t *at = kept->log + begin(kept);
    *at++ = (uint8_t)record->kind;
    at = rnl_put_varint(at, rnl_zigzag(record->wall_ms));
    at = rnl_put_varint(at, record->len);
    if (record->len > 0)
        memcpy(at, record->data, record->len);
    kept->log_len = (size_t)(at - kept->log) + record->len;
    kept->advance_at = NO_ADVANCE;
}

/* Advances within one second come to the last of them. */
void rnl_kept_advanced(void *arg, int64_t wall_ms)
{
    struct rnl_kept *kept = arg;
    const struct rnl_keep_record record = {.kind = RNL_KEEP_ADVANCE,
                                           .wall_ms = wall_ms};
    if (kept->log_len > 0 && kept->advance_at != NO_ADVANCE &&
        kept->advance_second == wall_ms / 1000)
        kept->log_len = kept->advance_at;
    size_t at = kept->log_len == 0 ? RNL_SKETCH_HEAD_LEN : kept->log_len;
    rnl_kept_log(kept, &record);
    rnl_kept_later(kept, RNL_KEEP_LATER);
    if (kept->log_len == 0)
        return;
    kept->advance_at = at;
    kept->advance_second = wall_ms / 1000;
}

/* ---- doing it again ---- */

static bool get_record(struct rnl_wire *in, struct rnl_keep_record *record)
{
    uint64_t wall;
    uint64_t len;
    record->kind = (enum rnl_keep_kind) * in->at++;
    if (!rnl_get_varint(in, &wall) || !rnl_get_varint(in, &len) ||
        len > (size_t)(in->end - in->at))
        return false;
    record->wall_ms = rnl_unzigzag(wall);
    if (record->wall_ms < 0 || record->wall_ms > WALL_MAX_MS)
        return false;
    record->data = in->at;
    record->len = (size_t)len;
    in->at += len;
    return true;
}

static enum rnl_code replay_batch(struct rnl_event_stream *stream,
                                  const struct rnl_keep_record *record)
{
    struct rnl_event_batch batch;
    struct rnl_meter_fault fault;
    enum rnl_code code = rnl_event_batch_decode(
        &stream->streams->decoder, record->data, record->len, &batch, &fault);
    if (code == RNL_OK)
        code = rnl_intake_replay(stream, &batch, record->wall_ms);
    return code == RNL_INVALID_ARGUMENT ? RNL_DATA_LOSS : code;
}

static enum rnl_code replay_duplicate(struct rnl_event_stream *stream,
                                      const struct rnl_keep_record *record)
{
    struct rnl_producer *producer;
    if (record->len == 0 || record->len > RNL_PRODUCER_ID_LEN_MAX)
        return RNL_DATA_LOSS;
    rnl_meter_duplicate(stream->meter);
    return rnl_producers_touch(&stream->producers, record->data, record->len,
                               &producer);
}

static enum rnl_code replay(struct rnl_event_stream *stream,
                            const struct rnl_keep_record *record)
{
    switch (record->kind) {
    case RNL_KEEP_BATCH:
        return replay_batch(stream, record);
    case RNL_KEEP_ADVANCE:
        rnl_meter_advance(stream->meter, record->wall_ms);
        return RNL_OK;
    case RNL_KEEP_DUPLICATE:
        return replay_duplicate(stream, record);
    }
    return RNL_DATA_LOSS;
}

enum rnl_code rnl_kept_replay(struct rnl_event_stream *stream,
                              const uint8_t *log, size_t len)
{
    struct rnl_wire content;
    enum rnl_code code = rnl_sketch_open(log, len, letters, VERSION, &content);
    while (code == RNL_OK && content.at < content.end) {
        struct rnl_keep_record record;
        code = get_record(&content, &record) ? replay(stream, &record)
                                             : RNL_DATA_LOSS;
    }
    return code == RNL_INVALID_ARGUMENT ? RNL_DATA_LOSS : code;
}
