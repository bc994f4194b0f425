/* SPDX-License-Identifier: Apache-2.0 */
/* runneld: the core daemon. Settings in, then server/io runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <uv.h>

#include "bounds.h"
#include "heap.h"
#include "job_bounds.h"
#include "kind_limits.h"
#include "log.h"
#include "server.h"
#include "settings.h"
#include "shards.h"
#include "stream_bounds.h"

#define TOKEN_FILE_BYTES (RNL_TOKEN_BYTES_MAX + 1)

/* Random bytes that are asked for at once, and the longest request that gets
 * of them: a job's id takes 10, a token 32. */
#define RANDOM_BLOCK 1024
#define RANDOM_SHORT ((size_t)16)

/* Targets of the settings. */
static const char *listen_address = "127.0.0.1:7400";
static const char *unix_socket = "";
static const char *port_file;
static const char *token;
static const char *token_file;
static const char *tokens_file;
static const char *tls_cert;
static const char *tls_key;
static const char *log_level = "info";
static uint64_t threads = 1;
static const char *data = "./data";
static const char *durability = "normal";
static uint64_t drain_grace_ms = 10000;
static uint64_t handshake_ms = RNL_HANDSHAKE_MS_DEFAULT;
static uint64_t keepalive_ms = RNL_KEEPALIVE_MS_DEFAULT;
static uint64_t max_frame_bytes = RNL_FRAME_BYTES_DEFAULT;
static uint64_t max_streams = RNL_STREAMS_MAX_DEFAULT;
static uint64_t max_connections = RNL_CONNECTIONS_MAX_DEFAULT;
static uint64_t lease_ms = RNL_LEASE_MS_DEFAULT;
static uint64_t max_jobs = RNL_JOBS_MAX_DEFAULT;
static uint64_t max_job_output_bytes = RNL_JOB_OUTPUT_BYTES_DEFAULT;
static const char *kind_concurrency = "";
static const char *fair_label = "";
static struct rnl_kind_limits kind_limits;
static uint64_t max_store_bytes;
static uint64_t job_cache_bytes = RNL_JOB_CACHE_BYTES_DEFAULT;
static uint64_t max_event_streams = RNL_EVENT_STREAMS_MAX_DEFAULT;
static uint64_t max_stats_bytes = RNL_STATS_BYTES_MAX_DEFAULT;

static const struct rnl_setting table[] = {
    {.name = "listen",
     .type = RNL_SETTING_TEXT,
     .target = &listen_address,
     .placeholder = "HOST:PORT",
     .help = "Where to accept connections; port 0 takes a free one."},
    {.name = "unix-socket",
     .type = RNL_SETTING_TEXT,
     .target = &unix_socket,
     .placeholder = "PATH",
     .help = "Accept connections at this Unix socket, too; its owner and\n"
             "      group may connect. Clients say --core unix:PATH."},
    {.name = "port-file",
     .type = RNL_SETTING_TEXT,
     .target = &port_file,
     .placeholder = "FILE",
     .help = "Write the address to this file once it accepts connections."},
    {.name = "token",
     .type = RNL_SETTING_TEXT,
     .target = &token,
     .placeholder = "TOKEN",
     .help = "A token that may do everything. On the command line others\n"
             "      can see it: prefer the variable or --token-file.",
     .secret = true},
    {.name = "token-file",
     .type = RNL_SETTING_TEXT,
     .target = &token_file,
     .placeholder = "FILE",
     .help = "Read the token from the first line of this file."},
    {.name = "tokens-file",
     .type = RNL_SETTING_TEXT,
     .target = &tokens_file,
     .placeholder = "FILE",
     .help = "More tokens, hashed, with their scopes: docs/security.md.\n"
             "      SIGHUP reads it again."},
    {.name = "tls-cert",
     .type = RNL_SETTING_TEXT,
     .target = &tls_cert,
     .placeholder = "FILE",
     .help = "Certificate and its chain (PEM): connections then must speak\n"
             "      TLS. SIGHUP reads it again."},
    {.name = "tls-key",
     .type = RNL_SETTING_TEXT,
     .target = &tls_key,
     .placeholder = "FILE",
     .help = "Its private key (PEM)."},
    {.name = "data",
     .type = RNL_SETTING_TEXT,
     .target = &data,
     .placeholder = "FOLDER",
     .help = "Where jobs, event streams and tokens are kept, as runnel.db;\n"
             "      made if it is not there."},
    {.name = "durability",
     .type = RNL_SETTING_TEXT,
     .target = &durability,
     .placeholder = "LEVEL",
     .help = "What an acknowledged change survives: full, a loss of power;\n"
             "      normal, the end of the process; memory, neither."},
    {.name = "threads",
     .type = RNL_SETTING_COUNT,
     .target = &threads,
     .min = 1,
     .max = RNL_SHARDS_MAX + 1,
     .placeholder = "COUNT",
     .help = "Threads. Beyond the first, which serves connections, they count\n"
             "      events; with 1 that thread counts them."},
    {.name = "max-frame-bytes",
     .type = RNL_SETTING_BYTES,
     .target = &max_frame_bytes,
     .min = RNL_FRAME_BYTES_MIN,
     .max = RNL_FRAME_BYTES_MAX,
     .placeholder = "SIZE",
     .help = "Largest frame that is accepted."},
    {.name = "max-streams",
     .type = RNL_SETTING_COUNT,
     .target = &max_streams,
     .min = 1,
     .max = 1000000,
     .placeholder = "COUNT",
     .help = "Open calls of a connection."},
    {.name = "max-connections",
     .type = RNL_SETTING_COUNT,
     .target = &max_connections,
     .min = 1,
     .max = 1000000,
     .placeholder = "COUNT",
     .help = "Open connections."},
    {.name = "max-jobs",
     .type = RNL_SETTING_COUNT,
     .target = &max_jobs,
     .min = 1,
     .max = 100000000,
     .placeholder = "COUNT",
     .help = "Jobs that are stored, ended ones too."},
    {.name = "max-job-output-bytes",
     .type = RNL_SETTING_BYTES,
     .target = &max_job_output_bytes,
     .min = 1024,
     .max = UINT64_C(1) << 40,
     .placeholder = "SIZE",
     .help = "Output of a job."},
    {.name = "max-store-bytes",
     .type = RNL_SETTING_BYTES,
     .target = &max_store_bytes,
     .min = 0,
     .max = UINT64_C(1) << 50,
     .placeholder = "SIZE",
     .help = "All jobs together; ended ones go first. 0: 1G of memory with\n"
             "      --durability memory, else 64G of disk."},
    {.name = "job-cache-bytes",
     .type = RNL_SETTING_BYTES,
     .target = &job_cache_bytes,
     .min = 4096,
     .max = UINT64_C(1) << 40,
     .placeholder = "SIZE",
     .help = "Memory for the records of jobs that have ended, so that they\n"
             "      are not read from the file. Inputs and outputs are not in\n"
             "      it."},
    {.name = "kind-concurrency",
     .type = RNL_SETTING_TEXT,
     .target = &kind_concurrency,
     .placeholder = "KIND=COUNT,...",
     .help =
         "Jobs of a kind that run at once, over all workers: llm=4,echo=1.\n"
         "      A kind that is not named has no limit of its own."},
    {.name = "fair-label",
     .type = RNL_SETTING_TEXT,
     .target = &fair_label,
     .placeholder = "LABEL",
     .help =
         "Jobs of one kind and priority begin in turns, one of each value\n"
         "      of this label, so that nobody waits for another's backlog."},
    {.name = "max-event-streams",
     .type = RNL_SETTING_COUNT,
     .target = &max_event_streams,
     .min = 1,
     .max = 1000000,
     .placeholder = "COUNT",
     .help = "Event streams."},
    {.name = "max-stats-bytes",
     .type = RNL_SETTING_BYTES,
     .target = &max_stats_bytes,
     .min = 1024 * 1024,
     .max = UINT64_C(1) << 50,
     .placeholder = "SIZE",
     .help = "Memory that statistics may take; events are refused above it."},
    {.name = "handshake-timeout",
     .type = RNL_SETTING_DURATION,
     .target = &handshake_ms,
     .min = 100,
     .max = 600000,
     .placeholder = "TIME",
     .help = "Time that a client has to say Hello."},
    {.name = "keepalive",
     .type = RNL_SETTING_DURATION,
     .target = &keepalive_ms,
     .min = 100,
     .max = 3600000,
     .placeholder = "TIME",
     .help = "Silence after which a client is pinged; after as much more it\n"
             "      is taken for gone."},
    {.name = "lease",
     .type = RNL_SETTING_DURATION,
     .target = &lease_ms,
     .min = 300,
     .max = 3600000,
     .placeholder = "TIME",
     .help = "Silence of a worker after which its jobs go to others; it says\n"
             "      something three times as often."},
    {.name = "drain-grace",
     .type = RNL_SETTING_DURATION,
     .target = &drain_grace_ms,
     .min = 1,
     .max = 3600000,
     .placeholder = "TIME",
     .help = "After SIGTERM, time that open calls have to end."},
    {.name = "log-level",
     .type = RNL_SETTING_TEXT,
     .target = &log_level,
     .placeholder = "LEVEL",
     .help = "debug, info, warn or error."},
};

/* The kernel's generator; an identifier that can be guessed is worse than no
 * server. */
static void fill_from_kernel(uint8_t *out, size_t len)
{
    if (uv_random(NULL, NULL, out, len, 0, NULL) != 0)
        abort();
}

/* Ids are short and many: a system call serves RANDOM_BLOCK bytes of them.
 * What was given out is wiped, so that no byte of it is found again; secrets
 * are longer and come from the kernel. */
static void fill_random(void *arg, uint8_t *out, size_t len)
{
    static _Thread_local uint8_t block[RANDOM_BLOCK];
    static _Thread_local size_t left;
    (void)arg;
    if (len > RANDOM_SHORT) {
        fill_from_kernel(out, len);
        return;
    }
    if (left < len) {
        fill_from_kernel(block, sizeof(block));
        left = sizeof(block);
    }
    left -= len;
    memcpy(out, block + left, len);
    memset(block + left, 0, len);
}

static void fill_options(struct rnl_server_options *ret_options)
{
    *ret_options = (struct rnl_server_options){
        .listen = listen_address,
        .unix_socket = unix_socket[0] == '\0' ? NULL : unix_socket,
        .port_file = port_file,
        .drain_grace_ms = drain_grace_ms,
        .data = strcmp(durability, "memory") == 0 ? NULL : data,
        .durability_full = strcmp(durability, "full") == 0,
        .threads = (unsigned)threads,
        .tokens_file = tokens_file,
        .tls_cert = tls_cert,
        .tls_key = tls_key,
        .core = {.random = fill_random,
                 .max_frame_bytes = (uint32_t)max_frame_bytes,
                 .max_streams = (uint32_t)max_streams,
                 .max_connections = (uint32_t)max_connections,
                 .lease_ms = (uint32_t)lease_ms,
                 .max_jobs = max_jobs,
                 .max_job_output_bytes = max_job_output_bytes,
                 .max_store_bytes = max_store_bytes,
                 .job_cache_bytes = job_cache_bytes,
                 .kind_limits = &kind_limits,
                 .fair_label = fair_label[0] == '\0' ? NULL : fair_label,
                 .max_event_streams = (uint32_t)max_event_streams,
                 .max_stats_bytes = max_stats_bytes,
                 .handshake_ms = (uint32_t)handshake_ms,
                 .keepalive_ms = (uint32_t)keepalive_ms,
                 .token = token},
    };
}

static const char *check_kind_concurrency(void)
{
    static char wrong[256];
    const char *error;
    if (rnl_kind_limits_parse(kind_concurrency, &kind_limits, &error) == RNL_OK)
        return NULL;
    snprintf(wrong, sizeof(wrong), "kind-concurrency: %s", error);
    return wrong;
}

/* What the table cannot say. Returns NULL or what is wrong. */
static const char *check(char token_text[TOKEN_FILE_BYTES])
{
    char host[256];
    uint16_t port;
    enum rnl_log_level level;
    if (!rnl_settings_split_address(listen_address, host, sizeof(host), &port))
        return "listen: must be HOST:PORT or [HOST]:PORT";
    if (strlen(unix_socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return "unix-socket: must have at most 107 bytes";
    if (!rnl_log_level_parse(log_level, &level))
        return "log-level: must be debug, info, warn or error";
    if (strcmp(durability, "full") != 0 && strcmp(durability, "normal") != 0 &&
        strcmp(durability, "memory") != 0)
        return "durability: must be full, normal or memory";
    if (max_store_bytes != 0 && max_store_bytes / 2 < max_job_output_bytes)
        return "max-store-bytes: must be at least twice max-job-output-bytes";
    if (strlen(fair_label) > RNL_JOB_KEY_LEN_MAX)
        return "fair-label: must have at most 64 bytes, as a label's key";
    const char *wrong = check_kind_concurrency();
    if (wrong != NULL)
        return wrong;
    if ((tls_cert == NULL) != (tls_key == NULL))
        return "tls-cert and tls-key: give both, or none";
    rnl_log_set_level(level);
    if (token_file != NULL) {
        if (rnl_settings_read_secret(token_file, token_text,
                                     TOKEN_FILE_BYTES) != NULL)
            return "token-file: cannot be read, or its first line is not a "
                   "token of 1 to 4096 bytes";
        token = token_text;
    }
    return NULL;
}

static int refuse(const char *reason)
{
    fprintf(stderr, "runneld: %s\n", reason);
    return 2;
}

static int run(enum rnl_settings_result loaded)
{
    static char token_text[TOKEN_FILE_BYTES];
    const char *wrong = check(token_text);
    if (wrong != NULL)
        return refuse(wrong);
    if (loaded == RNL_SETTINGS_CHECK) {
        puts("the settings are valid");
        return EXIT_SUCCESS;
    }
    struct rnl_server_options options;
    fill_options(&options);
    return rnl_server_run(&options);
}

int main(int argc, char **argv)
{
    rnl_heap_keep();
    struct rnl_settings settings = {
        .program = "runneld",
        .version = RNL_VERSION,
        .summary = "The Runnel core: streaming jobs and live statistics.",
        .env_prefix = "RUNNEL",
        .table = table,
        .count = sizeof(table) / sizeof(table[0]),
    };
    enum rnl_settings_result loaded =
        rnl_settings_load(&settings, argc, argv, environ);
    int status = EXIT_SUCCESS;
    if (loaded == RNL_SETTINGS_ERROR)
        status = refuse(settings.error);
    else if (loaded != RNL_SETTINGS_DONE)
        status = run(loaded);
    rnl_settings_fini(&settings);
    return status;
}
