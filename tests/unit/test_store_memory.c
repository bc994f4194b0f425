/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "store_memory.h"
#include "store_suite.h"

static struct rnl_timers timers;

static struct rnl_store *create(const struct store_limits *limits)
{
    rnl_timers_init(&timers);
    struct rnl_store_memory_options options = {
        .timers = &timers,
        .jobs_max = limits->jobs_max,
        .log_bytes_max = limits->log_bytes_max,
        .bytes_max = limits->bytes_max,
    };
    struct rnl_store *store;
    return rnl_store_memory_create(&options, &store) == RNL_OK ? store : NULL;
}

static void settle(struct rnl_store *store)
{
    (void)store;
    while (rnl_timers_next(&timers) <= 0)
        rnl_timers_run(&timers, 0);
}

static void destroy(struct rnl_store *store)
{
    if (store != NULL)
        store->ops->destroy(store);
    rnl_timers_fini(&timers);
}

int main(void)
{
    static const struct store_factory factory = {
        .name = "memory store",
        .create = create,
        .settle = settle,
        .destroy = destroy,
    };
    return store_suite_run(&factory);
}
