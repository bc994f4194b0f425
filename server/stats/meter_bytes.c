/* SPDX-License-Identifier: Apache-2.0 */
#include "meter_bytes.h"

#include "alloc.h"
#include "deferred.h"
#include "digest_bytes.h"
#include "meter_head.h"
#include "sketch/bytes.h"

/* Keys: the head, the list of anomalies, all time; then slot s of level l at
 * (l + 1) * SLOTS + s. */
enum { KEY_LIST = 1, KEY_TOTAL = 2 };

#define SLOTS (1U << 16)

_Static_assert((RNL_PANES_LEVELS_MAX + 1) * SLOTS <= RNL_METER_PART_END,
               "keys of slots are below the end");

/* A part with a digest: the number of its pane (zigzag) and the digest, whose
 * own bytes are sealed. */
struct save {
    struct rnl_meter *meter;
    bool all;
    rnl_meter_room_fn *room;
    void *arg;
};

/* ---- writing ---- */

static bool save_digest(const struct save *save, uint32_t key, int64_t pane,
                        const struct rnl_digest *digest)
{
    uint64_t number = rnl_zigzag(pane);
    if (!digest->unsaved && !save->all)
        return true;
    size_t len = rnl_varint_len(number) + rnl_digest_bytes_len(digest);
    uint8_t *out = save->room(save->arg, key, len);
    if (out == NULL)
        return false;
    rnl_digest_bytes_write(digest, rnl_put_varint(out, number));
    return true;
}

/* Number of the pane that is in a slot now. */
static int64_t pane_in(const struct rnl_level *level, size_t slot)
{
    int64_t count = (int64_t)level->pane_count;
    int64_t back = (level->newest - (int64_t)slot) % count;
    return level->newest - (back < 0 ? back + count : back);
}

static bool save_level(const struct save *save, size_t l)
{
    const struct rnl_level *level = &save->meter->panes.levels[l];
    for (size_t s = 0; s < level->pane_count; s++) {
        uint32_t key = (uint32_t)(l + 1) * SLOTS + (uint32_t)s;
        if (level->panes[s] != NULL &&
            !save_digest(save, key, pane_in(level, s), level->panes[s]))
            return false;
    }
    return true;
}

static bool save_head(const struct save *save)
{
    const struct rnl_meter *meter = save->meter;
    uint8_t *out =
        save->room(save->arg, RNL_METER_PART_HEAD, rnl_meter_head_len(meter));
    if (out == NULL)
        return false;
    rnl_meter_head_write(meter, out);
    if (meter->saved_anomalies == meter->anomalies.sequence && !save->all)
        return true;
    out = save->room(save->arg, KEY_LIST, rnl_meter_list_len(meter));
    if (out == NULL)
        return false;
    rnl_meter_list_write(meter, out);
    return true;
}

static void set_saved(struct rnl_meter *meter)
{
    struct rnl_panes *panes = &meter->panes;
    meter->saved_anomalies = meter->anomalies.sequence;
    panes->total.unsaved = false;
    for (size_t l = 0; l < panes->level_count; l++) {
        const struct rnl_level *level = &panes->levels[l];
        for (size_t s = 0; s < level->pane_count; s++) {
            if (level->panes[s] != NULL)
                level->panes[s]->unsaved = false;
        }
    }
}

enum rnl_code rnl_meter_save(struct rnl_meter *meter, bool all,
                             rnl_meter_room_fn *room, void *arg)
{
    const struct save save = {meter, all, room, arg};
    /* What waits in a lane counts as counted: no save without it. */
    if (meter->deferred != NULL && !rnl_deferred_settle(meter->deferred))
        return RNL_RESOURCE_EXHAUSTED;
    if (!save_head(&save) ||
        !save_digest(&save, KEY_TOTAL, 0, &meter->panes.total))
        return RNL_RESOURCE_EXHAUSTED;
    for (size_t l = 0; l < meter->panes.level_count; l++) {
        if (!save_level(&save, l))
            return RNL_RESOURCE_EXHAUSTED;
    }
    set_saved(meter);
    return RNL_OK;
}

/* ---- reading ---- */

enum rnl_code rnl_meter_restore(const struct rnl_meter_config *config,
                                const uint8_t *head, size_t len,
                                struct rnl_meter **ret_meter)
{
    return rnl_meter_head_read(config, head, len, ret_meter);
}

static enum rnl_code restore_total(struct rnl_meter *meter,
                                   const struct rnl_wire *in)
{
    struct rnl_digest_settings settings;
    rnl_panes_total_settings(&meter->panes, &settings);
    /* Of a part that comes twice. */
    rnl_digest_fini(&meter->panes.total);
    rnl_digest_init(&meter->panes.total, &settings);
    return rnl_digest_bytes_read(&meter->panes.total, &settings, in->at,
                                 (size_t)(in->end - in->at));
}

static enum rnl_code restore_pane(struct rnl_meter *meter, uint32_t key,
                                  int64_t pane, const struct rnl_wire *in)
{
    struct rnl_panes *panes = &meter->panes;
    size_t l = key / SLOTS - 1;
    size_t slot = key % SLOTS;
    if (key < SLOTS || l >= panes->level_count ||
        slot >= panes->levels[l].pane_count)
        return RNL_INVALID_ARGUMENT;
    struct rnl_level *level = &panes->levels[l];
    /* It was dropped since. */
    if (pane <= level->newest - (int64_t)level->pane_count)
        return RNL_OK;
    if (pane != pane_in(level, slot) || level->panes[slot] != NULL)
        return RNL_INVALID_ARGUMENT;
    struct rnl_digest_settings settings;
    struct rnl_digest *digest = rnl_panes_make(panes, l, pane, &settings);
    if (digest == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    return rnl_digest_bytes_read(digest, &settings, in->at,
                                 (size_t)(in->end - in->at));
}

enum rnl_code rnl_meter_restore_part(struct rnl_meter *meter, uint32_t key,
                                     const uint8_t *bytes, size_t len)
{
    struct rnl_wire in = rnl_wire_of(bytes, len);
    uint64_t number;
    if (key == KEY_LIST)
        return rnl_meter_list_read(meter, bytes, len);
    if (!rnl_get_varint(&in, &number))
        return RNL_INVALID_ARGUMENT;
    if (key == KEY_TOTAL)
        return restore_total(meter, &in);
    return restore_pane(meter, key, rnl_unzigzag(number), &in);
}

enum rnl_code rnl_meter_restore_end(const struct rnl_meter *meter)
{
    const struct rnl_panes *panes = &meter->panes;
    uint64_t count = panes->total.count;
    for (size_t l = 0; l < panes->level_count; l++) {
        const struct rnl_level *level = &panes->levels[l];
        for (int64_t pane = level->frontier; pane <= level->newest; pane++) {
            const struct rnl_digest *digest = rnl_panes_at(level, pane);
            count += digest != NULL ? digest->count : 0;
        }
    }
    return count == meter->count + meter->merged_events ? RNL_OK
                                                        : RNL_INVALID_ARGUMENT;
}
