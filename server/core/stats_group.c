/* SPDX-License-Identifier: Apache-2.0 */
#include "stats_group.h"

#include <string.h>

#include "alloc.h"

#define CAP_FIRST 4096

/* What is kept for the next group: the save of a busy stream fits. */
#define KEEP_BYTES ((size_t)2 << 20)

void rnl_stats_group_fini(struct rnl_stats_group *group)
{
    rnl_free(group->bytes);
    *group = (struct rnl_stats_group){0};
}

void rnl_stats_group_reset(struct rnl_stats_group *group)
{
    group->len = 0;
    if (group->cap > KEEP_BYTES)
        rnl_stats_group_fini(group);
}

static bool reserve(struct rnl_stats_group *group, size_t len)
{
    size_t need = group->len + len;
    size_t cap = group->cap == 0 ? CAP_FIRST : group->cap;
    if (need <= group->cap)
        return true;
    while (cap < need)
        cap *= 2;
    uint8_t *bytes = rnl_realloc(group->bytes, cap);
    if (bytes == NULL)
        return false;
    group->bytes = bytes;
    group->cap = cap;
    return true;
}

uint8_t *rnl_stats_group_add(struct rnl_stats_group *group,
                             const struct rnl_stats_record *record)
{
    struct rnl_stats_record head = *record;
    if (!reserve(group, sizeof(head) + record->len))
        return NULL;
    head.data = NULL;
    memcpy(group->bytes + group->len, &head, sizeof(head));
    group->len += sizeof(head);
    uint8_t *data = group->bytes + group->len;
    group->len += record->len;
    return data;
}

bool rnl_stats_group_next(const struct rnl_stats_group *group, size_t *at,
                          struct rnl_stats_record *ret_record)
{
    if (*at == group->len)
        return false;
    memcpy(ret_record, group->bytes + *at, sizeof(*ret_record));
    *at += sizeof(*ret_record);
    ret_record->data = group->bytes + *at;
    *at += ret_record->len;
    return true;
}
