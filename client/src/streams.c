/* SPDX-License-Identifier: Apache-2.0 */
/* The streams that the server knows, an array sorted by id: ids only rise, so
 * adding is at the end, and the server's limit bounds the moves of removing. */
#include <string.h>

#include "alloc.h"
#include "call_private.h"

#define STREAMS_CAP_FIRST ((size_t)16)

struct rnl_open_stream *rnl_streams_find(struct rnl_client *client, uint32_t id)
{
    size_t low = 0;
    size_t high = client->open_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (client->open[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == client->open_count || client->open[low].id != id)
        return NULL;
    return &client->open[low];
}

static bool reserve_one(struct rnl_client *client)
{
    if (client->open_count < client->open_cap)
        return true;
    size_t cap =
        client->open_cap == 0 ? STREAMS_CAP_FIRST : 2 * client->open_cap;
    struct rnl_open_stream *open =
        rnl_realloc(client->open, cap * sizeof(*open));
    if (open == NULL)
        return false;
    client->open = open;
    client->open_cap = cap;
    return true;
}

bool rnl_streams_add(struct rnl_client *client, struct rnl_call *call)
{
    if (!reserve_one(client))
        return false;
    client->open[client->open_count++] =
        (struct rnl_open_stream){.id = call->id, .call = call};
    return true;
}

void rnl_streams_remove(struct rnl_client *client,
                        struct rnl_open_stream *stream)
{
    size_t index = (size_t)(stream - client->open);
    client->open_count--;
    memmove(stream, stream + 1, (client->open_count - index) * sizeof(*stream));
}
