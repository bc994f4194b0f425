/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_server.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "tls_file.h"

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

/* A daemon has nobody to ask. */
static int no_passphrase(char *out, int cap, int is_write, void *arg)
{
    (void)out;
    (void)cap;
    (void)is_write;
    (void)arg;
    return -1;
}

static SSL_CTX *fail(SSL_CTX *context, char error[RNL_TLS_ERROR_MAX],
                     const char *what, const char *path, const char *why)
{
    snprintf(error, RNL_TLS_ERROR_MAX, "%s %.120s: %.80s", what, path, why);
    ERR_clear_error();
    SSL_CTX_free(context);
    return NULL;
}

static SSL_CTX *fail_file(SSL_CTX *context, char error[RNL_TLS_ERROR_MAX],
                          enum rnl_tls_file kind, const char *path)
{
    char inside[RNL_TLS_ERROR_MAX];
    /* The first error is where it began. */
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    snprintf(inside, sizeof(inside), "is damaged: %s",
             reason != NULL ? reason : "an error without a name");
    const char *fault = rnl_tls_file_fault(path, kind);
    return fail(context, error,
                kind == RNL_TLS_FILE_KEY ? "the key" : "the certificate", path,
                fault != NULL ? fault : inside);
}

static bool is_of_another(unsigned long code)
{
    return ERR_GET_LIB(code) == ERR_LIB_X509 &&
           (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH ||
            ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH);
}

/* No reason not to start: the clock may be wrong, and clients that do not look
 * are served. */
static void warn(SSL_CTX *context, const char *path,
                 char warning[RNL_TLS_ERROR_MAX])
{
    const X509 *cert = SSL_CTX_get0_certificate(context);
    const char *what = NULL;
    warning[0] = '\0';
    if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
        what = "has expired";
    else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
        what = "is not valid yet";
    if (what != NULL)
        snprintf(warning, RNL_TLS_ERROR_MAX, "the certificate %.160s %s", path,
                 what);
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
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
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
        return fail(NULL, ret_error, "no TLS", "", rnl_tls_reason());
    if (SSL_CTX_use_certificate_chain_file(context, settings->cert_file) != 1)
        return fail_file(context, ret_error, RNL_TLS_FILE_CERTIFICATE,
                         settings->cert_file);
    bool fits = SSL_CTX_use_PrivateKey_file(context, settings->key_file,
                                            SSL_FILETYPE_PEM) == 1 &&
                SSL_CTX_check_private_key(context) == 1;
    if (!fits && is_of_another(ERR_peek_last_error()))
        return fail(context, ret_error, "the key", settings->key_file,
                    "is not that of the certificate");
    if (!fits)
        return fail_file(context, ret_error, RNL_TLS_FILE_KEY,
                         settings->key_file);
    if (settings->alpn != NULL)
        SSL_CTX_set_alpn_select_cb(context, select_alpn,
                                   (void *)(uintptr_t)settings->alpn);
    warn(context, settings->cert_file, ret_error);
    return context;
}
