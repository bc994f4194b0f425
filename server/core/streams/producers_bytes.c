/* SPDX-License-Identifier: Apache-2.0 */
#include "producers_bytes.h"

#include <string.h>

#include "sketch/bytes.h"

#define VERSION 2
/* Without what the last batch said. */
#define VERSION_NUMBERS 1

static const char letters[4] = {'R', 'P', 'R', 'D'};

size_t rnl_producers_bytes_len(const struct rnl_producers *producers)
{
    const struct rnl_producer *producer;
    size_t len = RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN +
                 rnl_varint_len(producers->count);
    TAILQ_FOREACH(producer, &producers->list, link)
    len += rnl_varint_len(producer->id_len) + producer->id_len +
           rnl_varint_len(producer->sequence) + sizeof(producer->content);
    return len;
}

void rnl_producers_bytes_write(const struct rnl_producers *producers,
                               uint8_t *out)
{
    const struct rnl_producer *producer;
    uint8_t *at = rnl_sketch_head(out, letters, VERSION);
    at = rnl_put_varint(at, producers->count);
    /* The one to forget first comes first, so that reading is hearing them
     * again in order. */
    TAILQ_FOREACH_REVERSE(producer, &producers->list, rnl_producer_list, link)
    {
        at = rnl_put_varint(at, producer->id_len);
        memcpy(at, producer->id, producer->id_len);
        at = rnl_put_varint(at + producer->id_len, producer->sequence);
        at = rnl_put_word(at, producer->content);
    }
    rnl_sketch_seal(out, at);
}

static enum rnl_code read_producer(struct rnl_producers *producers,
                                   struct rnl_wire *in, bool has_content)
{
    uint64_t id_len;
    struct rnl_producer *producer;
    if (!rnl_get_varint(in, &id_len) || id_len == 0 ||
        id_len > RNL_PRODUCER_ID_LEN_MAX || id_len > (size_t)(in->end - in->at))
        return RNL_INVALID_ARGUMENT;
    if (rnl_producers_touch(producers, in->at, (size_t)id_len, &producer) !=
        RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    in->at += id_len;
    bool whole = rnl_get_varint(in, &producer->sequence) &&
                 (!has_content || rnl_get_word(in, &producer->content));
    return whole ? RNL_OK : RNL_INVALID_ARGUMENT;
}

/* Of this version, or of the one before. */
static enum rnl_code open_bytes(const uint8_t *bytes, size_t len,
                                struct rnl_wire *ret_content,
                                bool *ret_has_content)
{
    enum rnl_code code =
        rnl_sketch_open(bytes, len, letters, VERSION, ret_content);
    *ret_has_content = true;
    if (code == RNL_INVALID_ARGUMENT &&
        rnl_sketch_open(bytes, len, letters, VERSION_NUMBERS, ret_content) ==
            RNL_OK) {
        *ret_has_content = false;
        code = RNL_OK;
    }
    return code;
}

enum rnl_code rnl_producers_bytes_read(struct rnl_producers *producers,
                                       const uint8_t *bytes, size_t len)
{
    struct rnl_wire content;
    uint64_t count;
    bool has_content;
    enum rnl_code code = open_bytes(bytes, len, &content, &has_content);
    if (code != RNL_OK)
        return code;
    if (!rnl_get_varint(&content, &count) || count > RNL_PRODUCERS_MAX)
        return RNL_INVALID_ARGUMENT;
    for (uint64_t i = 0; i < count && code == RNL_OK; i++)
        code = read_producer(producers, &content, has_content);
    if (code == RNL_OK &&
        (content.at != content.end || producers->count != count))
        return RNL_INVALID_ARGUMENT;
    return code;
}
