/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

#include <stdint.h>
#include <string.h>

/* Length of the character that a lead byte begins; 0 for a byte that begins
 * none. C0, C1 would be overlong, F5 and up above U+10FFFF. */
static size_t char_len(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2)
        return 0;
    if (lead < 0xE0)
        return 2;
    if (lead < 0xF0)
        return 3;
    return lead < 0xF5 ? 4 : 0;
}

static bool is_tail(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The second byte's range is narrower after four lead bytes (RFC 3629, 4). */
static bool second_fits(uint8_t lead, uint8_t second)
{
    switch (lead) {
    case 0xE0:
        return second >= 0xA0;
    case 0xED:
        return second < 0xA0;
    case 0xF0:
        return second >= 0x90;
    case 0xF4:
        return second < 0x90;
    default:
        return true;
    }
}

static size_t skip_ascii(const uint8_t *bytes, size_t pos, size_t len)
{
    while (len - pos >= 8) {
        uint64_t word;
        memcpy(&word, bytes + pos, 8);
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
        pos += 8;
    }
    return pos;
}

bool rnl_utf8_valid(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    size_t pos = 0;
    while (pos < len) {
        pos = skip_ascii(bytes, pos, len);
        if (pos == len)
            break;
        size_t need = char_len(bytes[pos]);
        if (need == 0 || need > len - pos)
            return false;
        for (size_t i = 1; i < need; i++) {
            if (!is_tail(bytes[pos + i]))
                return false;
        }
        if (need > 1 && !second_fits(bytes[pos], bytes[pos + 1]))
            return false;
        pos += need;
    }
    return true;
}

size_t rnl_utf8_cut(const void *data, size_t data_len, size_t len)
{
    const uint8_t *bytes = data;
    if (len >= data_len)
        return data_len;
    size_t start = len;
    while (start > 0 && len - start < 3 && is_tail(bytes[start]))
        start--;
    if (start == len || is_tail(bytes[start]))
        return len;
    size_t need = char_len(bytes[start]);
    if (need <= len - start)
        return len;
    /* A chunk smaller than one character takes the character whole. */
    if (start == 0)
        return need < data_len ? need : data_len;
    return start;
}
