/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to frames, in turn; frames to the socket. */
#include <errno.h>
#include <string.h>

#include "call_private.h"

bool rnl_output_frame(struct rnl_client *client, uint32_t id,
                      enum rnl_frame_kind kind, const void *body, size_t len)
{
    uint8_t *out = rnl_fifo_reserve(&client->out, RNL_FRAME_HEAD_MAX + len);
    if (out == NULL)
        return false;
    size_t head_len = rnl_frame_head(out, id, kind, len);
    if (len > 0)
        memcpy(out + head_len, body, len);
    rnl_fifo_added(&client->out, head_len + len);
    return true;
}

static void open_waiting(struct rnl_client *client)
{
    struct rnl_call *call;
    while (rnl_link_accepts(client) &&
           (call = TAILQ_FIRST(&client->waiting)) != NULL)
        rnl_call_open(call);
}

/* Each ready call makes one frame and goes to the end of the line. */
static void produce(struct rnl_client *client)
{
    struct rnl_call *call;
    while (client->out.len < RNL_OUT_HIGH &&
           (call = TAILQ_FIRST(&client->ready)) != NULL)
        rnl_call_produce(call);
}

/* True when the socket has taken all. */
static bool write_some(struct rnl_client *client)
{
    while (client->out.len > 0) {
        ssize_t sent =
            rnl_link_send(client, rnl_fifo_peek(&client->out), client->out.len);
        if (sent >= 0) {
            rnl_fifo_taken(&client->out, (size_t)sent);
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            rnl_link_lost(client, RNL_UNAVAILABLE,
                          "the connection to %s was lost: %s",
                          client->address.text, rnl_link_failure(client));
        return false;
    }
    return true;
}

/* Rounds of filling and writing in one process: a fast socket gets some MiB,
 * and other work of the event loop its turn. */
#define ROUND_COUNT_MAX 8

void rnl_output_run(struct rnl_client *client)
{
    if (client->phase != RNL_PHASE_UP && client->phase != RNL_PHASE_HELLO)
        return;
    for (int i = 0; i < ROUND_COUNT_MAX; i++) {
        if (client->phase == RNL_PHASE_UP) {
            open_waiting(client);
            produce(client);
        }
        if (client->out.len == 0 || !write_some(client))
            return;
    }
}

void rnl_output_last(struct rnl_client *client)
{
    ssize_t sent = 1;
    if (client->phase != RNL_PHASE_UP)
        return;
    while (client->out.len > 0 && sent > 0) {
        sent =
            rnl_link_send(client, rnl_fifo_peek(&client->out), client->out.len);
        if (sent > 0)
            rnl_fifo_taken(&client->out, (size_t)sent);
    }
}

bool rnl_output_pending(const struct rnl_client *client)
{
    if (client->phase != RNL_PHASE_UP)
        return client->phase == RNL_PHASE_HELLO && client->out.len > 0;
    return client->out.len > 0 || !TAILQ_EMPTY(&client->ready) ||
           (!TAILQ_EMPTY(&client->waiting) && rnl_link_accepts(client));
}
