/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "alloc.h"

struct rnl_tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *socket;
};

struct rnl_tls {
    SSL *ssl;
    bool wants_write;
    char failure[RNL_TLS_REASON_MAX];
};

/* --- the socket --- */

/* OpenSSL's own writes raise SIGPIPE, which a library must not. */
static int socket_write(BIO *bio, const char *data, int len)
{
    int fd = (int)(intptr_t)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t sent = send(fd, data, (size_t)len, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static int socket_read(BIO *bio, char *out, int len)
{
    int fd = (int)(intptr_t)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(fd, out, (size_t)len, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)got;
}

static long socket_ctrl(BIO *bio, int command, long number, void *arg)
{
    (void)bio;
    (void)number;
    (void)arg;
    return command == BIO_CTRL_FLUSH;
}

static int socket_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *make_method(void)
{
    int type = BIO_get_new_index();
    BIO_METHOD *method =
        type < 0 ? NULL
                 : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "runnel socket");
    if (method != NULL && BIO_meth_set_write(method, socket_write) == 1 &&
        BIO_meth_set_read(method, socket_read) == 1 &&
        BIO_meth_set_ctrl(method, socket_ctrl) == 1 &&
        BIO_meth_set_create(method, socket_create) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* --- the context --- */

static SSL_CTX *make_ssl_context(const struct rnl_client_options *options)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    if (ssl == NULL)
        return NULL;
    SSL_CTX_set_options(ssl,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(
        ssl, options->tls_insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1)
        return ssl;
    SSL_CTX_free(ssl);
    return NULL;
}

static enum rnl_code trust(SSL_CTX *ssl,
                           const struct rnl_client_options *options)
{
    int done = options->tls_ca_file != NULL
                   ? SSL_CTX_load_verify_file(ssl, options->tls_ca_file)
                   : SSL_CTX_set_default_verify_paths(ssl);
    ERR_clear_error();
    return done == 1 ? RNL_OK : RNL_INVALID_ARGUMENT;
}

enum rnl_code rnl_tls_context_create(const struct rnl_client_options *options,
                                     struct rnl_tls_context **ret_context)
{
    struct rnl_tls_context *context = rnl_calloc(1, sizeof(*context));
    if (context == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    context->ssl = make_ssl_context(options);
    context->socket = make_method();
    enum rnl_code code = context->ssl != NULL && context->socket != NULL
                             ? trust(context->ssl, options)
                             : RNL_RESOURCE_EXHAUSTED;
    if (code == RNL_OK)
        *ret_context = context;
    else
        rnl_tls_context_destroy(context);
    return code;
}

const char *rnl_tls_roots_fault(const struct rnl_client_options *options)
{
    char byte;
    if (options->tls_ca_file == NULL)
        return "tls: the certificates of the system cannot be read";
    errno = 0;
    FILE *file = fopen(options->tls_ca_file, "re");
    if (file != NULL && fread(&byte, 1, 1, file) == 1)
        errno = 0;
    int error = errno;
    if (file != NULL)
        fclose(file);
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return "tls_ca_file: there is no such file";
    case EACCES:
        return "tls_ca_file: there is no permission to read it";
    case EISDIR:
        return "tls_ca_file: is a directory";
    default:
        return "tls_ca_file must be a file of certificates in PEM";
    }
}

void rnl_tls_context_destroy(struct rnl_tls_context *context)
{
    if (context == NULL)
        return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->socket);
    rnl_free(context);
}

/* --- a connection --- */

/* A numeric address is compared with those of the certificate, and is not sent
 * as the name that the server is asked for (RFC 6066, 3). */
static bool expect_name(SSL *ssl, const char *name)
{
    uint8_t address[sizeof(struct in6_addr)];
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (inet_pton(AF_INET, name, address) == 1 ||
        inet_pton(AF_INET6, name, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 &&
           SSL_set_tlsext_host_name(ssl, name) == 1;
}

static bool set_up(struct rnl_tls *tls, struct rnl_tls_context *context, int fd,
                   const char *name)
{
    tls->ssl = SSL_new(context->ssl);
    BIO *bio = BIO_new(context->socket);
    if (tls->ssl == NULL || bio == NULL || !expect_name(tls->ssl, name)) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, (void *)(intptr_t)fd);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_connect_state(tls->ssl);
    return true;
}

struct rnl_tls *rnl_tls_create(struct rnl_tls_context *context, int fd,
                               const char *name)
{
    struct rnl_tls *tls = rnl_calloc(1, sizeof(*tls));
    if (tls == NULL)
        return NULL;
    if (set_up(tls, context, fd, name))
        return tls;
    SSL_free(tls->ssl);
    rnl_free(tls);
    ERR_clear_error();
    return NULL;
}

void rnl_tls_destroy(struct rnl_tls *tls)
{
    if (tls == NULL)
        return;
    if (tls->failure[0] == '\0' && SSL_is_init_finished(tls->ssl))
        SSL_shutdown(tls->ssl);
    SSL_free(tls->ssl);
    ERR_clear_error();
    rnl_free(tls);
}

static void keep_failure(struct rnl_tls *tls, int system_error)
{
    unsigned long code = ERR_peek_last_error();
    long verdict = SSL_get_verify_result(tls->ssl);
    const char *reason = ERR_reason_error_string(code);
    if (code == 0)
        snprintf(tls->failure, sizeof(tls->failure), "%s",
                 system_error != 0 ? strerror(system_error)
                                   : "closed by the server");
    else if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        snprintf(tls->failure, sizeof(tls->failure), "%s: %s", reason,
                 X509_verify_cert_error_string(verdict));
    else
        snprintf(tls->failure, sizeof(tls->failure), "%s",
                 reason != NULL ? reason : "an error without a name");
    ERR_clear_error();
}

/* 0: the socket must be awaited; -1: it failed; 1: the end. */
static int judge(struct rnl_tls *tls, int result)
{
    int system_error = errno;
    int error = SSL_get_error(tls->ssl, result);
    tls->wants_write = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return 0;
    if (error == SSL_ERROR_ZERO_RETURN)
        return 1;
    keep_failure(tls, system_error);
    return -1;
}

static void prepare(struct rnl_tls *tls)
{
    ERR_clear_error();
    errno = 0;
    tls->wants_write = false;
}

int rnl_tls_handshake(struct rnl_tls *tls)
{
    prepare(tls);
    int result = SSL_do_handshake(tls->ssl);
    if (result == 1)
        return 1;
    switch (judge(tls, result)) {
    case 0:
        return 0;
    case 1:
        snprintf(tls->failure, sizeof(tls->failure), "closed by the server");
        return -1;
    default:
        return -1;
    }
}

static ssize_t end_with(int verdict)
{
    if (verdict == 1)
        return 0;
    errno = verdict == 0 ? EAGAIN : EPROTO;
    return -1;
}

/* A record is 16 KiB at most: as many as fit. */
ssize_t rnl_tls_recv(struct rnl_tls *tls, void *out, size_t len)
{
    size_t total = 0, got;
    prepare(tls);
    while (total < len) {
        int result =
            SSL_read_ex(tls->ssl, (char *)out + total, len - total, &got);
        if (result == 1) {
            total += got;
            continue;
        }
        /* What ends it is met again by the next call. */
        if (total > 0)
            break;
        return end_with(judge(tls, result));
    }
    ERR_clear_error();
    return (ssize_t)total;
}

ssize_t rnl_tls_send(struct rnl_tls *tls, const void *data, size_t len)
{
    size_t written;
    prepare(tls);
    int result = SSL_write_ex(tls->ssl, data, len, &written);
    if (result == 1)
        return (ssize_t)written;
    int verdict = judge(tls, result);
    return end_with(verdict == 1 ? -1 : verdict);
}

bool rnl_tls_wants_write(const struct rnl_tls *tls)
{
    return tls->wants_write;
}

bool rnl_tls_has_pending(const struct rnl_tls *tls)
{
    /* Whole bytes only: waiting for the rest of a record is the socket's. */
    return SSL_pending(tls->ssl) > 0;
}

const char *rnl_tls_failure(const struct rnl_tls *tls)
{
    return tls->failure;
}
