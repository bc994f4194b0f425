/* SPDX-License-Identifier: Apache-2.0 */
#include "base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_group(struct rnl_text *text, const uint8_t *data, size_t len)
{
    uint32_t bits = (uint32_t)data[0] << 16;
    if (len > 1)
        bits |= (uint32_t)data[1] << 8;
    if (len > 2)
        bits |= data[2];
    char out[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                   len > 1 ? alphabet[bits >> 6 & 63] : '=',
                   len > 2 ? alphabet[bits & 63] : '='};
    rnl_text_put(text, out, sizeof(out));
}

void rnl_base64_put(struct rnl_text *text, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i += 3)
        put_group(text, data + i, len - i < 3 ? len - i : 3);
}

static int digit(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    if (byte == '+' || byte == '-')
        return 62;
    return byte == '/' || byte == '_' ? 63 : -1;
}

/* Cuts padding off; false when it does not fill the last group. */
static bool strip_padding(const char *text, size_t *len)
{
    size_t padded = *len;
    while (*len > 0 && padded - *len < 2 && text[*len - 1] == '=')
        (*len)--;
    return *len == padded || padded % 4 == 0;
}

bool rnl_base64_decode(const char *text, size_t len, uint8_t *out,
                       size_t *ret_len)
{
    if (!strip_padding(text, &len) || len % 4 == 1)
        return false;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t out_len = 0;
    for (size_t i = 0; i < len; i++) {
        int value = digit(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out[out_len++] = (uint8_t)(bits >> bit_count);
            bits &= (1u << bit_count) - 1;
        }
    }
    if (bits != 0)
        return false;
    *ret_len = out_len;
    return true;
}
