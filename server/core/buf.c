/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc.h"

#include "alloc.h"

struct rnl_buf *rnl_buf_create(size_t len)
{
    if (len > UINT32_MAX)
        return NULL;
    struct rnl_buf *buf = rnl_malloc(sizeof(*buf) + len);
    if (buf == NULL)
        return NULL;
    buf->refs = 1;
    buf->len = (uint32_t)len;
    return buf;
}

struct rnl_buf *rnl_buf_pack(const ProtobufCMessage *message)
{
    struct rnl_buf *buf =
        rnl_buf_create(protobuf_c_message_get_packed_size(message));
    if (buf != NULL)
        protobuf_c_message_pack(message, buf->data);
    return buf;
}

struct rnl_buf *rnl_buf_ref(struct rnl_buf *buf)
{
    buf->refs++;
    return buf;
}

void rnl_buf_unref(struct rnl_buf *buf)
{
    if (buf != NULL && --buf->refs == 0)
        rnl_free(buf);
}
