/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_server.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

/* RFC 9325 (BCP 195), 4.2. */
#define TLS12_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

const char *rnl_tls_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : "";
    ERR_clear_error();
    return reason != NULL ? reason : "an error without a name";
}

/* RFC 7301, 3.2: a client that speaks nothing of ours is told so. */
static int select_alpn(SSL *ssl, const unsigned char **out,
                       unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *arg)
{
    const char *wanted = arg;
    size_t len = strlen(wanted);
    (void)ssl;
    for (unsigned at = 0; at < in_len; at += 1u + in[at]) {
        if (in[at] != len || memcmp(in + at + 1, wanted, len) != 0)
            continue;
        *out = in + at + 1;
        *out_len = in[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *fail(SSL_CTX *context, const char *what, const char *path,
                     char error[RNL_TLS_ERROR_MAX])
{
    snprintf(error, RNL_TLS_ERROR_MAX, "%s %.120s: %.80s", what, path,
             rnl_tls_reason());
    SSL_CTX_free(context);
    return NULL;
}

static SSL_CTX *create(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL)
        return NULL;
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION |
                                     SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    /* Nothing remembered for clients that may never return. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_cipher_list(context, TLS12_CIPHERS) == 1)
        return context;
    SSL_CTX_free(context);
    return NULL;
}

SSL_CTX *rnl_tls_server_load(const struct rnl_tls_server *settings,
                             char ret_error[RNL_TLS_ERROR_MAX])
{
    ERR_clear_error();
    SSL_CTX *context = create();
    if (context == NULL)
        return fail(NULL, "no TLS", "", ret_error);
    if (SSL_CTX_use_certificate_chain_file(context, settings->cert_file) != 1)
        return fail(context, "the certificate", settings->cert_file, ret_error);
    if (SSL_CTX_use_PrivateKey_file(context, settings->key_file,
                                    SSL_FILETYPE_PEM) != 1)
        return fail(context, "the key", settings->key_file, ret_error);
    if (SSL_CTX_check_private_key(context) != 1)
        return fail(context,
                    "the key is not the certificate's:", settings->key_file,
                    ret_error);
    if (settings->alpn != NULL)
        SSL_CTX_set_alpn_select_cb(context, select_alpn,
                                   (void *)(uintptr_t)settings->alpn);
    return context;
}
