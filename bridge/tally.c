/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <sys/queue.h>

#include <xxhash.h>

#include "alloc.h"

/* Some ten clients each when all connections of a worker are others'. */
#define BUCKETS 1024

struct client {
    uint64_t key;
    uint64_t count;
    LIST_ENTRY(client) link;
};

struct rnl_tally {
    uint64_t max;
    uint64_t seed;
    LIST_HEAD(, client) buckets[BUCKETS];
};

enum rnl_code rnl_tally_create(uint64_t max, uint64_t seed,
                               struct rnl_tally **ret_tally)
{
    struct rnl_tally *tally = rnl_calloc(1, sizeof(*tally));
    if (tally == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    tally->max = max;
    tally->seed = seed;
    *ret_tally = tally;
    return RNL_OK;
}

void rnl_tally_destroy(struct rnl_tally *tally)
{
    struct client *client;
    if (tally == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while ((client = LIST_FIRST(&tally->buckets[i])) != NULL) {
            LIST_REMOVE(client, link);
            rnl_free(client);
        }
    }
    rnl_free(tally);
}

uint64_t rnl_tally_key(const struct rnl_tally *tally, const void *data,
                       size_t len)
{
    uint64_t key = XXH3_64bits_withSeed(data, len, tally->seed);
    return key != 0 ? key : 1;
}

static struct client *find(struct rnl_tally *tally, uint64_t key)
{
    struct client *client;
    LIST_FOREACH(client, &tally->buckets[key % BUCKETS], link)
    if (client->key == key)
        return client;
    return NULL;
}

bool rnl_tally_take(struct rnl_tally *tally, uint64_t key)
{
    struct client *client = find(tally, key);
    if (client == NULL) {
        client = rnl_calloc(1, sizeof(*client));
        if (client == NULL)
            return false;
        client->key = key;
        LIST_INSERT_HEAD(&tally->buckets[key % BUCKETS], client, link);
    }
    if (client->count >= tally->max)
        return false;
    client->count++;
    return true;
}

void rnl_tally_give(struct rnl_tally *tally, uint64_t key)
{
    struct client *client = find(tally, key);
    if (--client->count > 0)
        return;
    LIST_REMOVE(client, link);
    rnl_free(client);
}
