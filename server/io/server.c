/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "field_error.h"
#include "journal_sqlite.h"
#include "log.h"
#include "server_private.h"
#include "shards.h"
#include "systemd.h"
#include "tls_server.h"
#include "token_file.h"
#include "token_keeper.h"
#include "tokens.h"
#include "upkeep_sqlite.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define PATH_MAX_ 4096

static int64_t wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

void rnl_server_enter(struct rnl_server *server)
{
    rnl_core_set_time(server->core, (int64_t)uv_hrtime(), wall_clock());
}

static void on_timer(uv_timer_t *timer)
{
    struct rnl_server *server = timer->data;
    server->timer_due_ns = INT64_MAX;
    rnl_server_enter(server);
    rnl_core_run_timers(server->core);
    rnl_server_leave(server);
}

static void set_timer(struct rnl_server *server)
{
    int64_t due = rnl_core_next_timer(server->core);
    if (due == server->timer_due_ns)
        return;
    server->timer_due_ns = due;
    if (due == INT64_MAX) {
        uv_timer_stop(&server->timer);
        return;
    }
    int64_t now = (int64_t)uv_hrtime();
    uint64_t delay_ms =
        due <= now ? 0 : (uint64_t)((due - now + NS_PER_MS - 1) / NS_PER_MS);
    uv_update_time(&server->loop);
    uv_timer_start(&server->timer, on_timer, delay_ms, 0);
}

void rnl_server_leave(struct rnl_server *server)
{
    struct rnl_conn *conn;
    while ((conn = TAILQ_FIRST(&server->dirty)) != NULL) {
        TAILQ_REMOVE(&server->dirty, conn, dirty_link);
        conn->is_dirty = false;
        rnl_conn_flush(conn);
    }
    set_timer(server);
}

/* --- the end --- */

static void close_handle(uv_handle_t *handle, void *arg)
{
    const struct rnl_server *server = arg;
    if (!uv_is_closing(handle) &&
        handle != (const uv_handle_t *)&server->committed &&
        handle != (const uv_handle_t *)&server->counted)
        uv_close(handle, NULL);
}

void rnl_server_conn_closed(struct rnl_server *server)
{
    if (server->draining && TAILQ_EMPTY(&server->conns))
        uv_stop(&server->loop);
}

static void on_grace_over(uv_timer_t *timer)
{
    struct rnl_server *server = timer->data;
    rnl_log(RNL_LOG_WARN, "drain_cut",
            RNL_LOG_INT("grace_ms", server->options->drain_grace_ms));
    uv_stop(&server->loop);
}

static void drain(struct rnl_server *server, const char *cause)
{
    server->draining = true;
    rnl_log(RNL_LOG_INFO, "draining", RNL_LOG_TEXT("cause", cause));
    rnl_systemd_notify("STOPPING=1");
    uv_close((uv_handle_t *)&server->listener, NULL);
    uv_close((uv_handle_t *)&server->local, NULL);
    uv_timer_start(&server->grace, on_grace_over,
                   server->options->drain_grace_ms, 0);
    rnl_core_drain(server->core);
    rnl_server_conn_closed(server);
}

/* The first signal drains, the second does not wait. */
static void on_signal(uv_signal_t *signal, int number)
{
    struct rnl_server *server = signal->data;
    rnl_server_enter(server);
    if (server->draining)
        uv_stop(&server->loop);
    else
        drain(server, number == SIGTERM ? "SIGTERM" : "SIGINT");
    rnl_server_leave(server);
}

/* --- files that are read again --- */

static bool read_tokens(const struct rnl_server *server,
                        struct rnl_token_list *ret_list)
{
    const char *path = server->options->tokens_file;
    if (path == NULL)
        return true;
    const char *wrong = rnl_token_file_read(path, ret_list);
    if (wrong == NULL)
        return true;
    rnl_log(RNL_LOG_ERROR, "tokens_file_unusable", RNL_LOG_TEXT("path", path),
            RNL_LOG_TEXT("reason", wrong));
    return false;
}

/* Loads the certificate; true when there is none to load. */
static bool read_certificate(struct rnl_server *server)
{
    const struct rnl_tls_server settings = {
        .cert_file = server->options->tls_cert,
        .key_file = server->options->tls_key};
    char error[RNL_TLS_ERROR_MAX];
    if (settings.cert_file == NULL)
        return true;
    SSL_CTX *context = rnl_tls_server_load(&settings, error);
    if (context == NULL) {
        rnl_log(RNL_LOG_ERROR, "certificate_unusable",
                RNL_LOG_TEXT("reason", error));
        return false;
    }
    /* Open connections keep the old one. */
    SSL_CTX_free(server->tls);
    server->tls = context;
    rnl_log(RNL_LOG_INFO, "certificate_read",
            RNL_LOG_TEXT("path", settings.cert_file));
    if (error[0] != '\0')
        rnl_log(RNL_LOG_WARN, "certificate_not_valid",
                RNL_LOG_TEXT("reason", error));
    return true;
}

/* What cannot be read leaves all as it was. */
static void on_hangup(uv_signal_t *signal, int number)
{
    struct rnl_server *server = signal->data;
    struct rnl_token_list list = {0};
    (void)number;
    rnl_server_enter(server);
    (void)read_certificate(server);
    if (server->options->tokens_file != NULL && read_tokens(server, &list)) {
        enum rnl_code code = rnl_tokens_set_fixed(server->core->tokens,
                                                  list.records, list.count);
        rnl_log(code == RNL_OK ? RNL_LOG_INFO : RNL_LOG_ERROR, "tokens_read",
                RNL_LOG_INT("tokens", list.count),
                RNL_LOG_TEXT("code", rnl_code_name((int)code)));
        rnl_token_list_fini(&list);
    }
    rnl_server_leave(server);
}

/* --- the store --- */

/* On the writer's thread. */
static void on_wake(void *arg)
{
    struct rnl_server *server = arg;
    uv_async_send(&server->committed);
}

static void on_committed(uv_async_t *async)
{
    struct rnl_server *server = async->data;
    rnl_server_enter(server);
    rnl_journal_sqlite_poll(server->journal);
    rnl_upkeep_sqlite_poll(server->upkeep);
    const char *error = rnl_journal_sqlite_error(server->journal);
    if (error[0] != '\0')
        rnl_log(RNL_LOG_ERROR, "store_failed", RNL_LOG_TEXT("reason", error));
    else if (server->store_failed)
        rnl_log(RNL_LOG_INFO, "store_writable");
    server->store_failed = error[0] != '\0';
    rnl_server_leave(server);
}

static bool open_upkeep(struct rnl_server *server)
{
    const struct rnl_upkeep_options upkeep = {
        .folder = server->options->data,
        .wake = on_wake,
        .arg = server,
    };
    return rnl_upkeep_sqlite_create(&upkeep, &server->upkeep) == RNL_OK;
}

static bool open_store(struct rnl_server *server)
{
    const struct rnl_server_options *options = server->options;
    char epoch[RNL_EPOCH_SIZE];
    char error[RNL_JOURNAL_ERROR_MAX] = "out of memory";
    if (options->data == NULL)
        return true;
    rnl_core_make_epoch(&options->core, epoch);
    struct rnl_journal_sqlite_options journal = {
        .folder = options->data,
        .durability = options->durability_full ? RNL_DURABILITY_FULL
                                               : RNL_DURABILITY_NORMAL,
        .epoch = epoch,
        .wake = on_wake,
        .arg = server,
    };
    struct rnl_token_table *table;
    if (rnl_journal_sqlite_create(&journal, &server->journal, error) ==
            RNL_OK &&
        rnl_token_table_open(options->data, &table, error) == RNL_OK)
        server->token_store = rnl_token_keeper_create(server, table);
    if (server->token_store != NULL && open_upkeep(server))
        return true;
    if (server->journal != NULL)
        server->journal->ops->destroy(server->journal);
    server->journal = NULL;
    rnl_log(RNL_LOG_ERROR, "store_unusable", RNL_LOG_TEXT("reason", error));
    return false;
}

/* --- threads that count --- */

/* On the thread of a shard. */
static void on_wake_counted(void *arg)
{
    struct rnl_server *server = arg;
    uv_async_send(&server->counted);
}

static void on_counted(uv_async_t *async)
{
    struct rnl_server *server = async->data;
    rnl_server_enter(server);
    rnl_shards_poll(server->shards);
    rnl_server_leave(server);
}

static bool start_shards(struct rnl_server *server,
                         struct rnl_core_options *options)
{
    unsigned threads = server->options->threads;
    if (threads <= 1)
        return true;
    server->shards = rnl_shards_create(threads - 1, on_wake_counted, server);
    if (server->shards == NULL) {
        rnl_log(RNL_LOG_ERROR, "start_failed",
                RNL_LOG_TEXT("reason", "no threads (--threads)"));
        return false;
    }
    options->lanes = rnl_shards_lanes(server->shards);
    return true;
}

static int64_t read_clock(void *arg)
{
    (void)arg;
    return (int64_t)uv_hrtime();
}

static bool create_core(struct rnl_server *server)
{
    struct rnl_core_options options = server->options->core;
    struct rnl_token_list list = {0};
    if (!read_tokens(server, &list) || !start_shards(server, &options) ||
        !open_store(server)) {
        rnl_token_list_fini(&list);
        return false;
    }
    options.clock = read_clock;
    options.journal = server->journal;
    options.upkeep = server->upkeep;
    if (server->journal != NULL) {
        options.epoch = rnl_journal_sqlite_epoch(server->journal);
        options.stats_journal = rnl_journal_sqlite_stats(server->journal);
        options.lease_key = rnl_journal_sqlite_lease_key(server->journal);
    }
    options.fixed_tokens = list.records;
    options.fixed_token_count = list.count;
    options.token_store = server->token_store;
    struct rnl_field_error error = {0};
    options.start_error = &error;
    enum rnl_code code = rnl_core_create(&options, (int64_t)uv_hrtime(),
                                         wall_clock(), &server->core);
    rnl_token_list_fini(&list);
    if (code == RNL_OK)
        return true;
    rnl_log(RNL_LOG_ERROR, "start_failed",
            RNL_LOG_TEXT("reason", error.message[0] != '\0'
                                       ? error.message
                                       : rnl_code_text((int)code)));
    return false;
}

/* --- the begin --- */

static bool write_port_file(const struct rnl_server *server)
{
    const char *path = server->options->port_file;
    if (path == NULL)
        return true;
    char draft[PATH_MAX_];
    int len = snprintf(draft, sizeof(draft), "%s.new", path);
    FILE *file = len < (int)sizeof(draft) ? fopen(draft, "we") : NULL;
    bool written = file != NULL && fprintf(file, "%s\n", server->address) > 0;
    if (file != NULL && fclose(file) != 0)
        written = false;
    if (written && rename(draft, path) == 0)
        return true;
    rnl_log(RNL_LOG_ERROR, "port_file_failed", RNL_LOG_TEXT("path", path),
            RNL_LOG_TEXT("reason", strerror(errno)));
    return false;
}

static void init_handles(struct rnl_server *server)
{
    uv_loop_init(&server->loop);
    uv_tcp_init(&server->loop, &server->listener);
    uv_pipe_init(&server->loop, &server->local, 0);
    uv_timer_init(&server->loop, &server->timer);
    uv_timer_init(&server->loop, &server->grace);
    uv_signal_init(&server->loop, &server->sigterm);
    uv_signal_init(&server->loop, &server->sigint);
    uv_signal_init(&server->loop, &server->sighup);
    uv_async_init(&server->loop, &server->committed, on_committed);
    /* It is closed last, when nobody can send any more. */
    uv_unref((uv_handle_t *)&server->committed);
    server->committed.data = server;
    uv_async_init(&server->loop, &server->counted, on_counted);
    uv_unref((uv_handle_t *)&server->counted);
    server->counted.data = server;
    server->listener.data = server;
    server->local.data = server;
    server->timer.data = server;
    server->grace.data = server;
    server->sigterm.data = server;
    server->sigint.data = server;
    server->sighup.data = server;
}

static bool start(struct rnl_server *server)
{
    if (!read_certificate(server) || !create_core(server))
        return false;
    /* A peer that goes while we write is an error of that write. */
    signal(SIGPIPE, SIG_IGN);
    uv_signal_start(&server->sigterm, on_signal, SIGTERM);
    uv_signal_start(&server->sigint, on_signal, SIGINT);
    uv_signal_start(&server->sighup, on_hangup, SIGHUP);
    if (!rnl_listener_open(server) || !rnl_listener_open_local(server) ||
        !write_port_file(server))
        return false;
    set_timer(server);
    rnl_log(RNL_LOG_INFO, "listening", RNL_LOG_TEXT("address", server->address),
            RNL_LOG_TEXT("version", RNL_VERSION),
            RNL_LOG_INT("threads", server->options->threads),
            RNL_LOG_TEXT("epoch", server->core->epoch));
    rnl_systemd_notify("READY=1");
    return true;
}

static void stop(struct rnl_server *server)
{
    struct rnl_conn *conn;
    TAILQ_FOREACH(conn, &server->conns, link)
    rnl_conn_close(conn);
    uv_walk(&server->loop, close_handle, server);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    rnl_core_destroy(server->core);
    rnl_upkeep_sqlite_destroy(server->upkeep);
    rnl_token_keeper_destroy(server->token_store);
    SSL_CTX_free(server->tls);
    rnl_shards_destroy(server->shards);
    uv_close((uv_handle_t *)&server->committed, NULL);
    uv_close((uv_handle_t *)&server->counted, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    uv_loop_close(&server->loop);
}

int rnl_server_run(const struct rnl_server_options *options)
{
    struct rnl_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return EXIT_FAILURE;
    server->options = options;
    server->timer_due_ns = INT64_MAX;
    TAILQ_INIT(&server->conns);
    TAILQ_INIT(&server->dirty);
    init_handles(server);
    bool started = start(server);
    if (started)
        uv_run(&server->loop, UV_RUN_DEFAULT);
    stop(server);
    free(server);
    if (started)
        rnl_log(RNL_LOG_INFO, "stopped");
    return started ? EXIT_SUCCESS : EXIT_FAILURE;
}
