/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include <runnel/admin.h>
#include <runnel/v1/admin.pb-c.h>

#include "alloc.h"
#include "call_private.h"
#include "typed.h"

/* --- unary, however long they take --- */

/* The requests are empty. */
static enum rnl_code call(struct rnl_client *client,
                          const struct rnl_method_type *method,
                          struct rnl_arena *arena, void **ret_answer)
{
    const struct rnl_request request = {.data = "", .len = 0, .timeout_ms = -1};
    return rnl_typed_unary(client, method, &request, arena, ret_answer);
}

struct check_box {
    struct rnl_check_result result;
    struct rnl_arena arena;
};

_Static_assert(offsetof(struct check_box, result) == 0, "a result is its box");

void rnl_check_result_destroy(struct rnl_check_result *result)
{
    struct check_box *box = (struct check_box *)result;
    if (box == NULL)
        return;
    rnl_arena_fini(&box->arena);
    rnl_free(box);
}

enum rnl_code rnl_admin_check(struct rnl_client *client,
                              struct rnl_check_result **ret_result)
{
    static const struct rnl_method_type method = {
        "runnel.v1.AdminService/CheckStore",
        &runnel__v1__check_store_response__descriptor,
    };
    struct check_box *box = rnl_calloc(1, sizeof(*box));
    void *answer;
    if (box == NULL)
        return rnl_typed_no_memory(client);
    enum rnl_code code = call(client, &method, &box->arena, &answer);
    if (code != RNL_OK) {
        rnl_check_result_destroy(&box->result);
        return code;
    }
    const Runnel__V1__CheckStoreResponse *response = answer;
    box->result = (struct rnl_check_result){
        .jobs = response->jobs,
        .events = response->events,
        .problem_count = response->problem_count,
        .problems = (const char *const *)response->problems,
        .problems_shown = response->n_problems,
    };
    *ret_result = &box->result;
    return RNL_OK;
}

enum rnl_code rnl_admin_compact(struct rnl_client *client,
                                struct rnl_compact_result *ret_result)
{
    static const struct rnl_method_type method = {
        "runnel.v1.AdminService/CompactStore",
        &runnel__v1__compact_store_response__descriptor,
    };
    struct rnl_arena arena = {0};
    void *answer;
    enum rnl_code code = call(client, &method, &arena, &answer);
    if (code == RNL_OK) {
        const Runnel__V1__CompactStoreResponse *response = answer;
        *ret_result = (struct rnl_compact_result){
            .bytes_before = response->bytes_before,
            .bytes_after = response->bytes_after,
        };
    }
    rnl_arena_fini(&arena);
    return code;
}

/* --- backup --- */

struct backup {
    struct rnl_client *client;
    const struct rnl_backup_options *options;
    uint64_t got_bytes;
    uint64_t total_bytes;
    /* Of a piece that could not be read, or was not wanted. */
    enum rnl_code code;
    struct rnl_status_box end;
    bool ended;
};

static void take_piece(struct backup *backup,
                       const Runnel__V1__BackupResponse *piece)
{
    const struct rnl_backup_options *options = backup->options;
    backup->total_bytes = piece->total_bytes;
    backup->got_bytes += piece->data.len;
    if (!options->on_piece(options->arg, piece->data.data, piece->data.len,
                           piece->total_bytes))
        backup->code = RNL_CANCELLED;
}

static void on_message(struct rnl_call *rpc, const uint8_t *data, size_t len,
                       void *arg)
{
    struct backup *backup = arg;
    struct rnl_arena arena = {0};
    if (backup->code != RNL_OK)
        return;
    Runnel__V1__BackupResponse *piece = rnl_arena_unpack(
        &arena, &runnel__v1__backup_response__descriptor, data, len);
    if (piece != NULL)
        take_piece(backup, piece);
    else
        backup->code = arena.exhausted ? RNL_RESOURCE_EXHAUSTED : RNL_INTERNAL;
    rnl_arena_fini(&arena);
    if (backup->code != RNL_OK)
        rnl_call_cancel(rpc, NULL);
}

static void on_end(struct rnl_call *rpc, const struct rnl_status_info *status,
                   void *arg)
{
    struct backup *backup = arg;
    (void)rpc;
    backup->ended = true;
    rnl_status_copy(&backup->end, status);
}

static bool is_over(void *arg)
{
    const struct backup *backup = arg;
    return backup->ended;
}

static enum rnl_code judge(struct backup *backup)
{
    struct rnl_client *client = backup->client;
    if (backup->code != RNL_OK)
        return rnl_client_fail(client, backup->code, "%s",
                               rnl_code_text((int)backup->code));
    if (backup->end.info.code != RNL_OK)
        return rnl_client_conclude(client, &backup->end.info);
    if (backup->got_bytes != backup->total_bytes || backup->got_bytes == 0)
        return rnl_client_fail(client, RNL_DATA_LOSS,
                               "there are %llu of %llu bytes",
                               (unsigned long long)backup->got_bytes,
                               (unsigned long long)backup->total_bytes);
    return rnl_client_succeed(client);
}

enum rnl_code rnl_admin_backup(struct rnl_client *client,
                               const struct rnl_backup_options *options)
{
    struct rnl_backup_options own;
    if (!rnl_options_copy(&own, sizeof(own), options) || own.on_piece == NULL)
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    struct backup backup = {.client = client, .options = &own};
    rnl_status_box_init(&backup.end);
    struct rnl_call_options rpc_options = {
        .size = sizeof(rpc_options),
        .wait_for_connection = false,
        .on_message = on_message,
        .on_end = on_end,
        .arg = &backup,
    };
    struct rnl_call *rpc;
    enum rnl_code code = rnl_call_start(client, "runnel.v1.AdminService/Backup",
                                        &rpc_options, &rpc);
    if (code != RNL_OK)
        return code;
    code = rnl_call_send(rpc, "", 0);
    if (code == RNL_OK) {
        rnl_call_half_close(rpc);
        code = rnl_client_run_until(client, INT64_MAX, is_over, &backup);
    }
    rnl_call_destroy(rpc);
    if (code == RNL_OK)
        code = judge(&backup);
    rnl_status_box_fini(&backup.end);
    return code;
}
