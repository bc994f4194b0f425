/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <assert.h>
#include <stdio.h>

#include "admin_service.h"
#include "admin_upkeep.h"
#include "alloc.h"
#include "hex.h"
#include "jobs.h"
#include "journal.h"
#include "session_private.h"
#include "store_memory.h"
#include "streams.h"
#include "token_service.h"
#include "tokens.h"

#define EPOCH_BYTES 16

_Static_assert(RNL_EPOCH_SIZE == 2 * EPOCH_BYTES + 1,
               "the epoch is shown in hex");

void rnl_core_make_epoch(const struct rnl_core_options *options,
                         char ret_epoch[RNL_EPOCH_SIZE])
{
    uint8_t bytes[EPOCH_BYTES];
    options->random(options->random_arg, bytes, sizeof(bytes));
    rnl_hex_write(bytes, sizeof(bytes), ret_epoch);
}

static void set_default(uint32_t *value, uint32_t fallback)
{
    if (*value == 0)
        *value = fallback;
}

static enum rnl_code create_parts(struct rnl_core *core)
{
    core->rpc = rnl_calloc(1, sizeof(*core->rpc));
    if (core->rpc == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    TAILQ_INIT(&core->rpc->sessions);
    TAILQ_INIT(&core->rpc->pending);
    rnl_methods_add(&core->rpc->methods, &rnl_admin_service);
    rnl_methods_add(&core->rpc->methods, &rnl_admin_upkeep_service);
    rnl_methods_add(&core->rpc->methods, &rnl_job_service);
    rnl_methods_add(&core->rpc->methods, &rnl_worker_service);
    rnl_methods_add(&core->rpc->methods, &rnl_event_service);
    rnl_methods_add(&core->rpc->methods, &rnl_stats_service);
    rnl_methods_add(&core->rpc->methods, &rnl_token_service);
    enum rnl_code code = rnl_tokens_create(core, &core->tokens);
    if (code == RNL_OK)
        code = rnl_streams_create(core, &core->streams);
    return code == RNL_OK ? rnl_jobs_create(core, &core->jobs) : code;
}

static void destroy_journal(struct rnl_journal *journal)
{
    if (journal != NULL)
        journal->ops->destroy(journal);
}

enum rnl_code rnl_core_create(const struct rnl_core_options *options,
                              int64_t now_ns, int64_t wall_ns,
                              struct rnl_core **ret_core)
{
    struct rnl_core *core = rnl_calloc(1, sizeof(*core));
    if (core == NULL) {
        destroy_journal(options->journal);
        return RNL_RESOURCE_EXHAUSTED;
    }
    core->options = *options;
    set_default(&core->options.max_frame_bytes, RNL_FRAME_BYTES_DEFAULT);
    set_default(&core->options.max_streams, RNL_STREAMS_MAX_DEFAULT);
    set_default(&core->options.max_connections, RNL_CONNECTIONS_MAX_DEFAULT);
    set_default(&core->options.handshake_ms, RNL_HANDSHAKE_MS_DEFAULT);
    set_default(&core->options.keepalive_ms, RNL_KEEPALIVE_MS_DEFAULT);
    core->now_ns = now_ns;
    core->wall_ns = wall_ns;
    core->start_wall_ns = wall_ns;
    if (options->epoch != NULL)
        snprintf(core->epoch, sizeof(core->epoch), "%s", options->epoch);
    else
        rnl_core_make_epoch(options, core->epoch);
    core->options.epoch = NULL;
    rnl_timers_init(&core->timers);
    enum rnl_code code = create_parts(core);
    core->options.start_error = NULL;
    core->options.token = NULL;
    core->options.fixed_tokens = NULL;
    if (code != RNL_OK) {
        rnl_core_destroy(core);
        return code;
    }
    *ret_core = core;
    return RNL_OK;
}

void rnl_core_destroy(struct rnl_core *core)
{
    if (core == NULL)
        return;
    assert(core->rpc == NULL || TAILQ_EMPTY(&core->rpc->sessions));
    /* The journal goes with the jobs. */
    rnl_streams_close(core->streams);
    rnl_jobs_destroy(core->jobs);
    rnl_streams_destroy(core->streams);
    rnl_tokens_destroy(core->tokens);
    destroy_journal(core->options.journal);
    while (core->rpc != NULL && core->rpc->spare_count > 0)
        rnl_free(core->rpc->spares[--core->rpc->spare_count].data);
    rnl_free(core->rpc);
    rnl_timers_fini(&core->timers);
    rnl_free(core);
}

void rnl_core_set_time(struct rnl_core *core, int64_t now_ns, int64_t wall_ns)
{
    core->now_ns = now_ns;
    core->wall_ns = wall_ns;
}

int64_t rnl_core_clock(const struct rnl_core *core)
{
    const struct rnl_core_options *options = &core->options;
    return options->clock == NULL ? core->now_ns
                                  : options->clock(options->clock_arg);
}

int64_t rnl_core_next_timer(const struct rnl_core *core)
{
    return rnl_timers_next(&core->timers);
}

void rnl_core_run_timers(struct rnl_core *core)
{
    rnl_timers_run(&core->timers, core->now_ns);
    rnl_sessions_run_pending(core);
}

void rnl_core_run_urgent(struct rnl_core *core)
{
    if (rnl_timers_next(&core->timers) <= RNL_STORE_DUE_AT_ONCE)
        rnl_timers_run(&core->timers, RNL_STORE_DUE_AT_ONCE);
}

void rnl_core_drain(struct rnl_core *core)
{
    core->draining = true;
    /* Calls that end now get the answers that they wait for. */
    rnl_streams_flush(core->streams);
    struct rnl_session *session;
    TAILQ_FOREACH(session, &core->rpc->sessions, link)
    rnl_session_drain(session);
    rnl_sessions_run_pending(core);
}

void rnl_core_count(const struct rnl_core *core,
                    struct rnl_core_counts *ret_counts)
{
    *ret_counts = (struct rnl_core_counts){
        .connections = core->rpc->session_count,
        .streams = core->rpc->stream_count,
        .calls = core->rpc->calls,
    };
}
