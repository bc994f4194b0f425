/* SPDX-License-Identifier: Apache-2.0 */
#include "stats_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "cursor.h"
#include "pbjson.h"
#include "sse.h"

/* A window with 1,000 top keys of 256 bytes, fully escaped, is below 2 MiB. */
#define DATA_BYTES_MAX ((size_t)32 << 20)

struct window {
    uint32_t seconds;
    /* As JSON; owned. */
    char *json;
    size_t len;
};

struct anomaly {
    uint64_t sequence;
    /* As JSON; owned. */
    char *json;
    size_t len;
};

struct rnl_stats_state {
    /* The first part of ids. */
    char epoch[RNL_CURSOR_EPOCH_LEN + 1];
    struct window windows[RNL_STATS_WINDOWS_MAX];
    size_t window_count;
    /* Of the newest snapshot, as JSON; owned. */
    char *time;
    size_t time_len;
    /* A ring: the newest is at (anomaly_count - 1) % MAX. */
    struct anomaly anomalies[RNL_STATS_ANOMALIES_MAX];
    uint64_t anomaly_count;
};

struct rnl_stats_state *rnl_stats_state_create(const char *epoch)
{
    struct rnl_stats_state *state = rnl_calloc(1, sizeof(*state));
    if (state != NULL)
        rnl_cursor_epoch(epoch, state->epoch);
    return state;
}

void rnl_stats_state_destroy(struct rnl_stats_state *state)
{
    if (state == NULL)
        return;
    for (size_t i = 0; i < RNL_STATS_WINDOWS_MAX; i++)
        rnl_free(state->windows[i].json);
    for (size_t i = 0; i < RNL_STATS_ANOMALIES_MAX; i++)
        rnl_free(state->anomalies[i].json);
    rnl_free(state->time);
    rnl_free(state);
}

/* A message as JSON in memory of its own. */
static enum rnl_code to_json(const ProtobufCMessage *message, char **ret_json,
                             size_t *ret_len)
{
    struct rnl_text text;
    struct rnl_pbjson_error error;
    rnl_text_init(&text, DATA_BYTES_MAX);
    enum rnl_code code = rnl_pbjson_write(message, &text, &error);
    size_t len = text.len;
    char *json = code == RNL_OK ? rnl_text_take(&text) : NULL;
    rnl_text_fini(&text);
    if (code != RNL_OK)
        return code;
    rnl_free(*ret_json);
    *ret_json = json;
    *ret_len = len;
    return RNL_OK;
}

static enum rnl_code make_piece(struct rnl_text *text,
                                struct rnl_piece **ret_piece)
{
    struct rnl_piece *piece = rnl_piece_of_text(text);
    if (piece == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    *ret_piece = piece;
    return RNL_OK;
}

/* --- snapshots --- */

static struct window *find_window(struct rnl_stats_state *state,
                                  uint32_t seconds)
{
    for (size_t i = 0; i < state->window_count; i++)
        if (state->windows[i].seconds == seconds)
            return &state->windows[i];
    if (state->window_count == RNL_STATS_WINDOWS_MAX)
        return NULL;
    struct window *window = &state->windows[state->window_count++];
    window->seconds = seconds;
    return window;
}

/* One `stats` event of the windows in an array. */
static void put_snapshot(const struct rnl_stats_state *state,
                         const struct window *const *windows, size_t count,
                         struct rnl_text *text)
{
    struct rnl_text data;
    rnl_text_init(&data, DATA_BYTES_MAX);
    rnl_text_puts(&data, "{\"time\":");
    if (state->time != NULL)
        rnl_text_put(&data, state->time, state->time_len);
    else
        rnl_text_puts(&data, "null");
    rnl_text_puts(&data, ",\"windows\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            rnl_text_put_byte(&data, ',');
        rnl_text_put(&data, windows[i]->json, windows[i]->len);
    }
    rnl_text_puts(&data, "]}");
    rnl_sse_put(text, "", "stats", &data);
    rnl_text_fini(&data);
}

static enum rnl_code take_snapshot(struct rnl_stats_state *state,
                                   const Runnel__V1__StatsSnapshot *snapshot,
                                   struct rnl_piece **ret_piece)
{
    const struct window *changed[RNL_STATS_WINDOWS_MAX] = {NULL};
    size_t count = 0;
    enum rnl_code code = RNL_OK;
    if (snapshot->time != NULL)
        code = to_json(&snapshot->time->base, &state->time, &state->time_len);
    for (size_t i = 0; i < snapshot->n_windows && code == RNL_OK; i++) {
        const Runnel__V1__StreamStats *stats = snapshot->windows[i];
        struct window *window = find_window(state, stats->window_seconds);
        if (window == NULL || count == RNL_STATS_WINDOWS_MAX)
            continue; /* More windows than a stream can have. */
        code = to_json(&stats->base, &window->json, &window->len);
        changed[count++] = window;
    }
    if (code != RNL_OK)
        return code;
    struct rnl_text text;
    rnl_text_init(&text, DATA_BYTES_MAX);
    put_snapshot(state, changed, count, &text);
    return make_piece(&text, ret_piece);
}

/* --- anomalies --- */

static void put_anomaly(const struct rnl_stats_state *state,
                        const struct anomaly *anomaly, struct rnl_text *text)
{
    const struct rnl_text data = {.data = anomaly->json, .len = anomaly->len};
    char id[RNL_CURSOR_EPOCH_LEN + 24];
    snprintf(id, sizeof(id), "%s%s%" PRIu64, state->epoch,
             state->epoch[0] != '\0' ? "/" : "", anomaly->sequence);
    rnl_sse_put(text, id, "anomaly", &data);
}

static enum rnl_code take_anomaly(struct rnl_stats_state *state,
                                  const Runnel__V1__Anomaly *message,
                                  struct rnl_piece **ret_piece)
{
    struct anomaly *anomaly =
        &state->anomalies[state->anomaly_count % RNL_STATS_ANOMALIES_MAX];
    enum rnl_code code = to_json(&message->base, &anomaly->json, &anomaly->len);
    if (code != RNL_OK)
        return code;
    anomaly->sequence = message->sequence;
    state->anomaly_count++;
    struct rnl_text text;
    rnl_text_init(&text, DATA_BYTES_MAX);
    put_anomaly(state, anomaly, &text);
    code = make_piece(&text, ret_piece);
    if (code == RNL_OK) {
        (*ret_piece)->first_sequence = message->sequence;
        (*ret_piece)->last_sequence = message->sequence;
    }
    return code;
}

enum rnl_code rnl_stats_state_take(
    struct rnl_stats_state *state,
    const Runnel__V1__WatchStatsResponse *response,
    struct rnl_piece **ret_piece)
{
    switch (response->update_case) {
    case RUNNEL__V1__WATCH_STATS_RESPONSE__UPDATE_SNAPSHOT:
        return take_snapshot(state, response->snapshot, ret_piece);
    case RUNNEL__V1__WATCH_STATS_RESPONSE__UPDATE_ANOMALY:
        return take_anomaly(state, response->anomaly, ret_piece);
    default:
        return RNL_OK;
    }
}

/* --- the greeting --- */

/* Returns the newest sequence put, or after. */
static uint64_t put_anomalies(const struct rnl_stats_state *state,
                              uint64_t after, struct rnl_text *text)
{
    uint64_t number = state->anomaly_count > RNL_STATS_ANOMALIES_MAX
                          ? state->anomaly_count - RNL_STATS_ANOMALIES_MAX
                          : 0;
    for (; number < state->anomaly_count; number++) {
        const struct anomaly *anomaly =
            &state->anomalies[number % RNL_STATS_ANOMALIES_MAX];
        if (anomaly->sequence <= after)
            continue;
        put_anomaly(state, anomaly, text);
        after = anomaly->sequence;
    }
    return after;
}

enum rnl_code rnl_stats_state_greet(const struct rnl_stats_state *state,
                                    uint64_t after,
                                    struct rnl_piece **ret_piece)
{
    const struct window *windows[RNL_STATS_WINDOWS_MAX] = {NULL};
    struct rnl_text text;
    size_t count = 0;
    for (; count < state->window_count; count++)
        windows[count] = &state->windows[count];
    rnl_text_init(&text, DATA_BYTES_MAX);
    uint64_t last = put_anomalies(state, after, &text);
    if (count > 0)
        put_snapshot(state, windows, count, &text);
    if (text.len == 0 && !text.failed)
        return RNL_OK;
    enum rnl_code code = make_piece(&text, ret_piece);
    if (code == RNL_OK && last > after) {
        (*ret_piece)->first_sequence = after + 1;
        (*ret_piece)->last_sequence = last;
    }
    return code;
}
