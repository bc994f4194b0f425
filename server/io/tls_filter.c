/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_filter.h"

#include <openssl/err.h>

#include "alloc.h"

struct rnl_tls_filter {
    SSL *ssl;
    /* Of ssl: what the socket gave, and what it is to get. */
    BIO *in;
    BIO *out;
    /* Of out, already written. */
    size_t out_done;
};

struct rnl_tls_filter *rnl_tls_filter_create(SSL_CTX *context)
{
    struct rnl_tls_filter *filter = rnl_calloc(1, sizeof(*filter));
    if (filter == NULL)
        return NULL;
    filter->ssl = SSL_new(context);
    filter->in = BIO_new(BIO_s_mem());
    filter->out = BIO_new(BIO_s_mem());
    if (filter->ssl == NULL || filter->in == NULL || filter->out == NULL) {
        BIO_free(filter->in);
        BIO_free(filter->out);
        SSL_free(filter->ssl);
        rnl_free(filter);
        ERR_clear_error();
        return NULL;
    }
    /* An empty one says "later", not "the end". */
    BIO_set_mem_eof_return(filter->in, -1);
    SSL_set_bio(filter->ssl, filter->in, filter->out);
    SSL_set_accept_state(filter->ssl);
    return filter;
}

void rnl_tls_filter_destroy(struct rnl_tls_filter *filter)
{
    if (filter == NULL)
        return;
    SSL_free(filter->ssl);
    rnl_free(filter);
}

bool rnl_tls_filter_feed(struct rnl_tls_filter *filter, const void *data,
                         size_t len)
{
    size_t written = 0;
    ERR_clear_error();
    return BIO_write_ex(filter->in, data, len, &written) == 1 && written == len;
}

static enum rnl_tls_result result_of(const struct rnl_tls_filter *filter,
                                     int result)
{
    switch (SSL_get_error(filter->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return RNL_TLS_WANTS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return RNL_TLS_CLOSED;
    default:
        return RNL_TLS_FAILED;
    }
}

enum rnl_tls_result rnl_tls_filter_read(struct rnl_tls_filter *filter,
                                        void *out, size_t cap, size_t *ret_len)
{
    ERR_clear_error();
    int result = SSL_read_ex(filter->ssl, out, cap, ret_len);
    return result == 1 ? RNL_TLS_BYTES : result_of(filter, result);
}

bool rnl_tls_filter_is_open(const struct rnl_tls_filter *filter)
{
    return SSL_is_init_finished(filter->ssl) == 1;
}

bool rnl_tls_filter_seal(struct rnl_tls_filter *filter,
                         const struct iovec *pieces, size_t count,
                         size_t *ret_len)
{
    size_t total = 0;
    ERR_clear_error();
    for (size_t i = 0; i < count && total < RNL_TLS_SEAL_BYTES; i++) {
        const char *data = pieces[i].iov_base;
        size_t len = pieces[i].iov_len;
        if (len > RNL_TLS_SEAL_BYTES - total)
            len = RNL_TLS_SEAL_BYTES - total;
        for (size_t done = 0, written; done < len; done += written)
            if (SSL_write_ex(filter->ssl, data + done, len - done, &written) !=
                1)
                return false;
        total += len;
    }
    *ret_len = total;
    return true;
}

void rnl_tls_filter_close(struct rnl_tls_filter *filter)
{
    ERR_clear_error();
    if (rnl_tls_filter_is_open(filter))
        SSL_shutdown(filter->ssl);
    ERR_clear_error();
}

size_t rnl_tls_filter_output(struct rnl_tls_filter *filter, char **ret_data)
{
    char *data = NULL;
    long len = BIO_get_mem_data(filter->out, &data);
    *ret_data = data + filter->out_done;
    return len > 0 ? (size_t)len - filter->out_done : 0;
}

void rnl_tls_filter_wrote(struct rnl_tls_filter *filter, size_t len)
{
    char *data;
    filter->out_done += len;
    if (rnl_tls_filter_output(filter, &data) > 0)
        return;
    filter->out_done = 0;
    (void)BIO_reset(filter->out);
}
