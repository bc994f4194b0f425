/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of TLS on a socket that is connected and does not block.
 * The server's certificate must lead to a trusted root and be of the name (or
 * the numeric address) that was dialled, unless the options say otherwise.
 */
#ifndef RNL_CLIENT_TLS_H
#define RNL_CLIENT_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <runnel/client.h>

struct rnl_tls_context;
struct rnl_tls;

#define RNL_TLS_REASON_MAX 200

/* What all connections of a client share. Reads options->tls_ca_file. Errors:
 * RNL_INVALID_ARGUMENT: it is no file of certificates;
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_tls_context_create(
    const struct rnl_client_options *options,
    struct rnl_tls_context **ret_context);

/* Why they are none: a sentence about an option, static. */
const char *rnl_tls_roots_fault(const struct rnl_client_options *options);

/* Accepts NULL. */
void rnl_tls_context_destroy(struct rnl_tls_context *context);

/* TLS on fd, which stays the caller's, to a server of that name. NULL when
 * memory is out. */
struct rnl_tls *rnl_tls_create(struct rnl_tls_context *context, int fd,
                               const char *name);

/* Says goodbye, best effort, and frees. Accepts NULL. */
void rnl_tls_destroy(struct rnl_tls *tls);

/* Goes on with the handshake: 1 when it is done, 0 when the socket must be
 * awaited (rnl_tls_wants_write), -1 when it failed. */
int rnl_tls_handshake(struct rnl_tls *tls);

/* As recv and send: the number of bytes, 0 (recv) at the end, or -1 with EAGAIN
 * when the socket must be awaited, another errno when it failed. */
ssize_t rnl_tls_recv(struct rnl_tls *tls, void *out, size_t len);
ssize_t rnl_tls_send(struct rnl_tls *tls, const void *data, size_t len);

/* The last of these was stopped by a socket that takes nothing. */
bool rnl_tls_wants_write(const struct rnl_tls *tls);

/* Bytes were received that the socket no longer has: do not wait for it. */
bool rnl_tls_has_pending(const struct rnl_tls *tls);

/* Why the last one failed: "certificate verify failed: unable to get local
 * issuer certificate". */
const char *rnl_tls_failure(const struct rnl_tls *tls);

#endif
