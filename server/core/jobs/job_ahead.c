/* SPDX-License-Identifier: Apache-2.0 */
#include "job_ahead.h"

#include <assert.h>
#include <string.h>

#include "bounds.h"
#include "core.h"
#include "engine.h"
#include "wire.h"

_Static_assert(RNL_AHEAD_MAX <= RNL_STORE_AHEAD_MAX,
               "the store takes all calls that are looked at together");

/* Numbers of the fields in proto/runnel/v1/jobs.proto. */
enum {
    GET_JOB_ID = 1,
    LIST_PAGE_TOKEN = 2,
};

struct ids {
    char ids[RNL_STORE_AHEAD_MAX][RNL_JOB_ID_LEN + 1];
    size_t count;
};

/* Takes the field that has an id out of each message that has one. */
static void take_ids(struct ids *ids, const struct rnl_bytes *messages,
                     size_t count, uint32_t number)
{
    assert(count <= RNL_STORE_AHEAD_MAX);
    for (size_t i = 0; i < count; i++) {
        struct rnl_wire wire = {messages[i].data,
                                messages[i].data + messages[i].len};
        struct rnl_wire_field field;
        while (rnl_wire_next(&wire, &field) == RNL_WIRE_FIELD) {
            if (field.number != number || field.type != RNL_WIRE_BYTES ||
                field.len != RNL_JOB_ID_LEN)
                continue;
            char *id = ids->ids[ids->count++];
            memcpy(id, field.data, RNL_JOB_ID_LEN);
            id[RNL_JOB_ID_LEN] = '\0';
            break;
        }
    }
}

static void expect(struct rnl_store *store, const struct rnl_bytes *messages,
                   size_t count, uint32_t number,
                   void (*tell)(struct rnl_store *store,
                                const char (*ids)[RNL_JOB_ID_LEN + 1],
                                size_t count))
{
    struct ids ids = {.count = 0};
    take_ids(&ids, messages, count, number);
    tell(store, (const char(*)[RNL_JOB_ID_LEN + 1]) ids.ids, ids.count);
}

void rnl_job_ahead_get(struct rnl_core *core, const struct rnl_bytes *messages,
                       size_t count)
{
    struct rnl_store *store = core->jobs->store;
    expect(store, messages, count, GET_JOB_ID, store->ops->expect);
}

void rnl_job_ahead_list(struct rnl_core *core, const struct rnl_bytes *messages,
                        size_t count)
{
    struct rnl_store *store = core->jobs->store;
    expect(store, messages, count, LIST_PAGE_TOKEN, store->ops->expect_pages);
}
