/* SPDX-License-Identifier: Apache-2.0 */
#include "gunzip.h"

#include <limits.h>
#include <zlib.h>

#include "alloc.h"

/* The largest window, and a header of gzip's. */
#define WINDOW_BITS (15 + 16)

#define CHUNK_BYTES 16384

static voidpf alloc_block(voidpf opaque, uInt items, uInt size)
{
    (void)opaque;
    return rnl_calloc(items, size);
}

static void free_block(voidpf opaque, voidpf block)
{
    (void)opaque;
    rnl_free(block);
}

static int inflate_all(z_stream *stream, struct rnl_text *text)
{
    unsigned char chunk[CHUNK_BYTES];
    int result = Z_OK;
    while (result == Z_OK && !text->failed) {
        stream->next_out = chunk;
        stream->avail_out = sizeof(chunk);
        result = inflate(stream, Z_NO_FLUSH);
        rnl_text_put(text, chunk, sizeof(chunk) - stream->avail_out);
    }
    return result;
}

enum rnl_code rnl_gunzip(const void *data, size_t len, struct rnl_text *text)
{
    z_stream stream = {.zalloc = alloc_block, .zfree = free_block};
    if (len > UINT_MAX)
        return RNL_RESOURCE_EXHAUSTED;
    /* zlib does not write there. */
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = (uInt)len;
    if (inflateInit2(&stream, WINDOW_BITS) != Z_OK)
        return RNL_RESOURCE_EXHAUSTED;
    int result = inflate_all(&stream, text);
    bool whole = result == Z_STREAM_END && stream.avail_in == 0;
    inflateEnd(&stream);
    if (text->failed || result == Z_MEM_ERROR)
        return RNL_RESOURCE_EXHAUSTED;
    return whole ? RNL_OK : RNL_INVALID_ARGUMENT;
}
