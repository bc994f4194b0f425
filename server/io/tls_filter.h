/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS between a socket and a session, without either: what the socket gave is
 * fed in and comes out as plain bytes; plain bytes are sealed and come out for
 * the socket. OpenSSL works on memory of its own here, which is bounded by what
 * is fed and sealed at a time: RNL_TLS_SEAL_BYTES out, one read of the socket
 * in.
 */
#ifndef RNL_IO_TLS_FILTER_H
#define RNL_IO_TLS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <openssl/ssl.h>

/* Sealed before the socket has taken it: four records. */
#define RNL_TLS_SEAL_BYTES ((size_t)64 * 1024)

struct rnl_tls_filter;

/* Begins the server's side. NULL when memory is out. */
struct rnl_tls_filter *rnl_tls_filter_create(SSL_CTX *context);

/* Accepts NULL. */
void rnl_tls_filter_destroy(struct rnl_tls_filter *filter);

/* Takes bytes of the socket. False when memory is out. */
bool rnl_tls_filter_feed(struct rnl_tls_filter *filter, const void *data,
                         size_t len);

enum rnl_tls_result {
    /* There are plain bytes. */
    RNL_TLS_BYTES,
    /* More is needed of the socket. */
    RNL_TLS_WANTS_MORE,
    /* The peer has said that it sends no more. */
    RNL_TLS_CLOSED,
    /* It cannot go on; rnl_tls_reason tells why. There may be an alert to
     * write. */
    RNL_TLS_FAILED,
};

/* Gives plain bytes of what was fed, after the handshake, which goes on in
 * here. */
enum rnl_tls_result rnl_tls_filter_read(struct rnl_tls_filter *filter,
                                        void *out, size_t cap, size_t *ret_len);

/* The handshake is done, so that there can be plain bytes. */
bool rnl_tls_filter_is_open(const struct rnl_tls_filter *filter);

/* Seals at most RNL_TLS_SEAL_BYTES of the pieces; false when it cannot go
 * on. */
bool rnl_tls_filter_seal(struct rnl_tls_filter *filter,
                         const struct iovec *pieces, size_t count,
                         size_t *ret_len);

/* Says that no more plain bytes follow. */
void rnl_tls_filter_close(struct rnl_tls_filter *filter);

/* Lends what is to be written to the socket next; returns its length. Valid
 * until the next call of any other function here. */
size_t rnl_tls_filter_output(struct rnl_tls_filter *filter, char **ret_data);

/* The first len bytes of it were written. */
void rnl_tls_filter_wrote(struct rnl_tls_filter *filter, size_t len);

#endif
