/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "key_log.h"
#include "sketch/hash.h"

static void write_key(struct rnl_writer *writer, const uint8_t *key, size_t len)
{
    if (writer->out != NULL)
        memcpy(writer->out + writer->len, key, len);
    writer->len += len;
}

void rnl_key_log_write(struct rnl_writer *writer, const struct rnl_key_log *log)
{
    rnl_write_varint(writer, log->offset);
    rnl_write_varint(writer, log->count);
    rnl_write_varint(writer, rnl_key_log_bytes(log));
    for (size_t i = 0; i < log->count; i++) {
        const struct rnl_frequent_item item = rnl_key_log_item(log, i);
        rnl_write_varint(writer, item.count);
        rnl_write_varint(writer, item.saved);
        rnl_write_varint(writer, item.key_len);
        write_key(writer, item.key, item.key_len);
    }
}

/* The hash is not written: it is the dearest of a row and follows from the
 * key. */
static bool get_item(struct rnl_wire *in, const struct rnl_key_log *log,
                     uint64_t seed, struct rnl_frequent_item *item)
{
    uint64_t len;
    if (!rnl_get_varint(in, &item->count) ||
        !rnl_get_varint(in, &item->saved) || !rnl_get_varint(in, &len) ||
        item->count == 0 || item->count > UINT32_MAX ||
        item->saved > item->count || item->saved > log->offset || len == 0 ||
        len > RNL_FREQUENT_KEY_MAX || len > (size_t)(in->end - in->at))
        return false;
    item->key = in->at;
    item->key_len = (uint32_t)len;
    item->hash = rnl_hash(item->key, len, seed);
    item->hash += item->hash == 0;
    in->at += len;
    return true;
}

enum rnl_code rnl_key_log_read(struct rnl_key_log *log, uint64_t seed,
                               struct rnl_wire *in)
{
    uint64_t count;
    uint64_t key_bytes;
    if (!rnl_get_varint(in, &log->offset) || !rnl_get_varint(in, &count) ||
        !rnl_get_varint(in, &key_bytes) || count == 0 ||
        !rnl_key_log_fits(log, count, key_bytes))
        return RNL_INVALID_ARGUMENT;
    if (rnl_key_log_reserve(log, count, key_bytes, false) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    for (uint64_t i = 0; i < count; i++) {
        struct rnl_frequent_item item;
        if (!get_item(in, log, seed, &item) || item.key_len > key_bytes)
            return RNL_INVALID_ARGUMENT;
        key_bytes -= item.key_len;
        rnl_key_log_add_item(log, &item);
    }
    return key_bytes == 0 && in->at == in->end ? RNL_OK : RNL_INVALID_ARGUMENT;
}
