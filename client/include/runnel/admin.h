/* SPDX-License-Identifier: Apache-2.0 */
/* Upkeep of the core's store, for administrators (docs/operations.md). All
 * functions block, for as long as it takes: rnl_client_interrupt ends them. Of
 * the three one runs at a time on a core: RNL_FAILED_PRECONDITION else, and
 * when the core keeps its jobs in memory. */
#ifndef RNL_ADMIN_H
#define RNL_ADMIN_H

#include <runnel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rnl_backup_options {
    size_t size;
    /* Gets the copy piece by piece, and its whole size each time. False ends it
     * with RNL_CANCELLED. Must be set. */
    bool (*on_piece)(void *arg, const void *data, size_t len,
                     uint64_t total_bytes);
    void *arg;
};

/*
 * Copies the store as it is at one moment, while it is in use. All pieces, one
 * after the other, are a file that as runnel.db in a folder of its own is a
 * store. It holds what jobs and tokens hold: keep it as you keep those.
 *
 * Errors: those above; RNL_RESOURCE_EXHAUSTED: the core's disk has no room for
 * the copy; RNL_DATA_LOSS: pieces are missing at the end.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_admin_backup(
    struct rnl_client *client, const struct rnl_backup_options *options);

struct rnl_check_result {
    /* What was read. */
    uint64_t jobs;
    uint64_t events;
    /* What is wrong: how many findings, and the first of them. */
    uint64_t problem_count;
    const char *const *problems;
    size_t problems_shown;
};

/* Accepts NULL. */
RNL_API void rnl_check_result_destroy(struct rnl_check_result *result);

/* Reads all of the store. Finding something wrong is no error. */
RNL_API RNL_MUST_USE enum rnl_code rnl_admin_check(
    struct rnl_client *client, struct rnl_check_result **ret_result);

/* Sizes of the file. */
struct rnl_compact_result {
    uint64_t bytes_before;
    uint64_t bytes_after;
};

/* Gives room that is not used any more back to the file system. Errors: those
 * above; RNL_FAILED_PRECONDITION for the file of an early version. */
RNL_API RNL_MUST_USE enum rnl_code rnl_admin_compact(
    struct rnl_client *client, struct rnl_compact_result *ret_result);

#ifdef __cplusplus
}
#endif

#endif
