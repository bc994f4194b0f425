/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every store must do (server/core/store.h), as one group of cases. A
 * store's test gives a factory and runs them.
 */
#ifndef RNL_TESTS_STORE_SUITE_H
#define RNL_TESTS_STORE_SUITE_H

#include "store.h"

struct store_limits {
    uint64_t jobs_max;
    uint64_t log_bytes_max;
    uint64_t bytes_max;
};

struct store_factory {
    const char *name;
    /* Returns an empty store with these limits, or NULL when memory is out. */
    struct rnl_store *(*create)(const struct store_limits *limits);
    /* Lets the store report all that it has to. */
    void (*settle)(struct rnl_store *store);
    /* Destroys the store and what create made around it; accepts NULL. */
    void (*destroy)(struct rnl_store *store);
};

/* Returns the number of failed cases. */
int store_suite_run(const struct store_factory *factory);

#endif
