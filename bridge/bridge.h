/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bridge as a whole: what it was told at start, read-only afterwards and
 * shared by all workers.
 */
#ifndef RNL_BRIDGE_BRIDGE_H
#define RNL_BRIDGE_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ticket.h"

/* --- limits: each with its reason --- */

/* Largest request body. 65,536 events of JSON are some 5 MiB; a job's input in
 * base64 fits into 1.4 MiB. What parsed JSON takes has a limit of its own
 * (json_memory.h). */
#define RNL_BODY_BYTES_DEFAULT ((uint64_t)8 << 20)
#define RNL_BODY_BYTES_MAX     ((uint64_t)64 << 20)

/* libh2o refuses a body in words of its own: only one that is above ours by
 * this. */
#define RNL_BODY_SLACK_BYTES ((size_t)1 << 20)

/* Largest JSON answer that is not streamed: a page of 1,000 jobs with their
 * labels is below 3 MiB. */
#define RNL_ANSWER_BYTES_MAX ((size_t)64 << 20)

/* Open connections of a worker: each costs some 10 KiB while it is idle. */
#define RNL_BRIDGE_CONNECTIONS_DEFAULT 10000

/* Of one address: a tenth of all. Browsers open six each. */
#define RNL_ADDRESS_CONNECTIONS_DEFAULT 1000

/* Requests a second of one token, or of one address that shows none: far above
 * what a person or a dashboard makes, and some 2 % of what a worker answers. */
#define RNL_REQUEST_RATE_DEFAULT 2000

/* A request must be complete within this time, and an idle connection is
 * closed after it: slow senders must not hold connections. */
#define RNL_REQUEST_MS 30000

/* An answer to a unary call. The core answers in microseconds; what takes
 * longer hangs. */
#define RNL_CALL_MS_DEFAULT 30000

/* A comment on an idle event stream, below the minute after which proxies
 * close. */
#define RNL_KEEPALIVE_MS 15000

/* A browser that takes nothing for this long, with data waiting, is gone:
 * nothing else ends it (libh2o has no write time-out). */
#define RNL_STUCK_MS 60000

/* What EventSource waits before it connects again. */
#define RNL_RETRY_MS 1000

/* Bytes that the kernel buffers for a browser that does not read: 2.8 MB a
 * connection without this. */
#define RNL_SEND_BUFFER_BYTES (256 * 1024)

struct rnl_bridge {
    const char *listen;
    const char *port_file;
    const char *core;
    /* NULL: no token is shown to the core. */
    const char *token;
    /* How the core is reached: librunnel's options of the same names. */
    bool core_tls;
    const char *core_tls_ca;
    const char *core_tls_name;
    /* PEM files of the bridge's own certificate; NULL: it serves HTTP. */
    const char *tls_cert;
    const char *tls_key;
    /* Of the tickets that this process gives out (ticket.h). */
    uint8_t ticket_key[RNL_TICKET_KEY_SIZE];
    /* NULL: no console is served. */
    const char *web_root;
    /* Origins that may call from elsewhere: separated by commas, or "*". */
    const char *cors_origins;
    /* Names that the bridge answers to besides those of this machine, separated
     * by commas; NULL: with a token any, without none. */
    const char *allowed_hosts;
    /* Requests a second of one token or address, of each worker; 0: any. */
    uint64_t max_request_rate;
    uint32_t threads;
    uint64_t max_body_bytes;
    uint64_t max_connections;
    /* Of one address, of each worker; 0: any. */
    uint64_t max_address_connections;
    uint64_t drain_grace_ms;
    /* For the handshake of TLS; who is not done by then is closed. */
    uint64_t handshake_ms;
    uint64_t call_timeout_ms;
};

/* Runs until SIGTERM or SIGINT has drained it. Returns the exit status. */
int rnl_bridge_run(const struct rnl_bridge *bridge);

#endif
