/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of TLS, for runneld and runnel-bridge: a context from two
 * PEM files. TLS 1.2 and 1.3; of 1.2 only ciphers with forward secrecy and
 * authenticated encryption. No compression, no renegotiation.
 */
#ifndef RNL_COMMON_TLS_SERVER_H
#define RNL_COMMON_TLS_SERVER_H

#include <stdbool.h>

#include <openssl/ssl.h>

#define RNL_TLS_ERROR_MAX 256

struct rnl_tls_server {
    /* The server's certificate and those that lead to a root; the key of the
     * first. */
    const char *cert_file;
    const char *key_file;
    /* Of protocols that a client offers (ALPN), the one that is spoken:
     * "http/1.1"; a client that offers only others is refused. NULL: none is
     * looked at. */
    const char *alpn;
};

/* Returns a context, or NULL and why not: a sentence that names the file. With
 * a context the sentence is empty, or says that the certificate has expired or
 * is not valid yet. Owned by the caller (SSL_CTX_free); settings->alpn is
 * borrowed for its life. */
SSL_CTX *rnl_tls_server_load(const struct rnl_tls_server *settings,
                             char ret_error[RNL_TLS_ERROR_MAX]);

/* The newest error of OpenSSL on this thread as a phrase, and forgets all:
 * "no shared cipher". "" when there is none. */
const char *rnl_tls_reason(void);

#endif
