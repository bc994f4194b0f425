/* SPDX-License-Identifier: Apache-2.0 */
#include "cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fnv.h"

/* Whatever their digits are, so many fit into 64 bits. */
#define DIGITS_MAX 19

/* Takes 1 to DIGITS_MAX digits, or returns NULL. */
static const char *take_number(const char *at, const char *end,
                               uint64_t *ret_number)
{
    const char *start = at;
    uint64_t number = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    *ret_number = number;
    return at > start && at - start <= DIGITS_MAX ? at : NULL;
}

static const char *take_epoch(const char *id, size_t len,
                              struct rnl_cursor *cursor)
{
    if (len <= RNL_CURSOR_EPOCH_LEN || id[RNL_CURSOR_EPOCH_LEN] != '/')
        return id;
    for (size_t i = 0; i < RNL_CURSOR_EPOCH_LEN; i++)
        if (strchr("0123456789abcdef", id[i]) == NULL || id[i] == '\0')
            return id;
    memcpy(cursor->epoch, id, RNL_CURSOR_EPOCH_LEN);
    return id + RNL_CURSOR_EPOCH_LEN + 1;
}

bool rnl_cursor_parse(const char *id, size_t len, struct rnl_cursor *ret_cursor)
{
    struct rnl_cursor cursor = {.given = true};
    const char *end = id + len;
    const char *at = take_epoch(id, len, &cursor);
    for (;;) {
        if (cursor.count == RNL_CURSOR_MAX)
            return false;
        at = take_number(at, end, &cursor.after[cursor.count]);
        if (at == NULL)
            return false;
        cursor.over[cursor.count] = at < end && *at == 'e';
        at += cursor.over[cursor.count];
        cursor.count++;
        if (at == end)
            break;
        if (*at++ != ',')
            return false;
    }
    *ret_cursor = cursor;
    return true;
}

void rnl_cursor_put(struct rnl_text *text, const struct rnl_cursor *cursor)
{
    if (cursor->epoch[0] != '\0')
        rnl_text_printf(text, "%s/", cursor->epoch);
    for (size_t i = 0; i < cursor->count; i++)
        rnl_text_printf(text, "%s%" PRIu64 "%s", i > 0 ? "," : "",
                        cursor->after[i], cursor->over[i] ? "e" : "");
}

/* A hash: the epoch may begin with a time, which says little. */
void rnl_cursor_epoch(const char *epoch, char out[RNL_CURSOR_EPOCH_LEN + 1])
{
    out[0] = '\0';
    if (epoch != NULL)
        snprintf(out, RNL_CURSOR_EPOCH_LEN + 1, "%08" PRIx32,
                 rnl_fnv1a(epoch, strlen(epoch)));
}
