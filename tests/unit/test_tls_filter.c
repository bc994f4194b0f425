/* SPDX-License-Identifier: Apache-2.0 */
/* The server's filter against OpenSSL's client, in memory. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fault.h"
#include "tls_filter.h"
#include "tls_server.h"

static SSL_CTX *server_context;
static SSL_CTX *client_context;
static struct rnl_tls_filter *filter;
static SSL *client;
/* Of the client. */
static BIO *to_client;
static BIO *to_server;

/* --- a certificate --- */

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static int make_contexts(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *cert = make_certificate(key);
    server_context = SSL_CTX_new(TLS_server_method());
    client_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_use_certificate(server_context, cert);
    SSL_CTX_use_PrivateKey(server_context, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    return 0;
}

static int free_contexts(void **state)
{
    (void)state;
    SSL_CTX_free(server_context);
    SSL_CTX_free(client_context);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    filter = rnl_tls_filter_create(server_context);
    assert_non_null(filter);
    client = SSL_new(client_context);
    to_client = BIO_new(BIO_s_mem());
    to_server = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(to_client, -1);
    SSL_set_bio(client, to_client, to_server);
    SSL_set_connect_state(client);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rnl_tls_filter_destroy(filter);
    SSL_free(client);
    ERR_clear_error();
    return 0;
}

/* --- bytes between the two --- */

/* What the filter has to say, step bytes at a time. */
static void carry_out(size_t step)
{
    char *data;
    size_t len;
    while ((len = rnl_tls_filter_output(filter, &data)) > 0) {
        len = len < step ? len : step;
        assert_int_equal(BIO_write(to_client, data, (int)len), (int)len);
        rnl_tls_filter_wrote(filter, len);
    }
}

/* What the client has to say; returns the last result of reading it. */
static enum rnl_tls_result carry_in(size_t step, char *out, size_t *ret_len)
{
    enum rnl_tls_result result = RNL_TLS_WANTS_MORE;
    char bytes[4096];
    int got;
    *ret_len = 0;
    assert_true(step <= sizeof(bytes));
    while (result == RNL_TLS_WANTS_MORE &&
           (got = BIO_read(to_server, bytes, (int)step)) > 0) {
        size_t len = 0;
        assert_true(rnl_tls_filter_feed(filter, bytes, (size_t)got));
        while ((result = rnl_tls_filter_read(filter, out + *ret_len, 4096,
                                             &len)) == RNL_TLS_BYTES)
            *ret_len += len;
    }
    return result;
}

static void shake_hands(size_t step)
{
    char none[4096];
    size_t len;
    for (int i = 0; i < 4 && SSL_do_handshake(client) != 1; i++) {
        assert_int_equal(carry_in(step, none, &len), RNL_TLS_WANTS_MORE);
        assert_int_equal(len, 0);
        carry_out(step);
    }
    carry_in(step, none, &len);
    carry_out(step);
    assert_true(SSL_is_init_finished(client));
    assert_true(rnl_tls_filter_is_open(filter));
}

/* --- cases --- */

static void bytes_pass_both_ways_however_they_are_cut(void **state)
{
    teardown(state);
    static const size_t steps[] = {1, 2, 5, 100, 4096};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char got[8192];
        size_t len;
        setup(state);
        assert_false(rnl_tls_filter_is_open(filter));
        shake_hands(steps[i]);
        assert_int_equal(SSL_write(client, "hello", 5), 5);
        assert_int_equal(carry_in(steps[i], got, &len), RNL_TLS_WANTS_MORE);
        assert_int_equal(len, 5);
        assert_memory_equal(got, "hello", 5);
        const struct iovec pieces[] = {{(char *)"wor", 3}, {(char *)"ld", 2}};
        assert_true(rnl_tls_filter_seal(filter, pieces, 2, &len));
        assert_int_equal(len, 5);
        carry_out(steps[i]);
        for (len = 0; len < 5;) {
            int more = SSL_read(client, got + len, 5);
            assert_true(more > 0);
            len += (size_t)more;
        }
        assert_memory_equal(got, "world", 5);
        teardown(state);
    }
    setup(state);
}

static void what_is_sealed_at_a_time_is_bounded(void **state)
{
    (void)state;
    size_t total = 4 * RNL_TLS_SEAL_BYTES, len;
    char *big = calloc(1, total);
    assert_non_null(big);
    shake_hands(4096);
    const struct iovec pieces[] = {{big, 10}, {big, total - 10}};
    assert_true(rnl_tls_filter_seal(filter, pieces, 2, &len));
    assert_int_equal(len, RNL_TLS_SEAL_BYTES);
    char *data;
    assert_true(rnl_tls_filter_output(filter, &data) <
                RNL_TLS_SEAL_BYTES + 1024);
    free(big);
}

static void garbage_fails(void **state)
{
    (void)state;
    char out[64];
    size_t len;
    assert_true(rnl_tls_filter_feed(filter, "GET / HTTP/1.1\r\n\r\n", 18));
    assert_int_equal(rnl_tls_filter_read(filter, out, sizeof(out), &len),
                     RNL_TLS_FAILED);
    assert_string_equal(rnl_tls_reason(), "http request");
    assert_string_equal(rnl_tls_reason(), "");
    assert_false(rnl_tls_filter_is_open(filter));
}

static void a_changed_record_fails(void **state)
{
    (void)state;
    char bytes[256], out[64], *data;
    size_t len;
    shake_hands(4096);
    assert_int_equal(SSL_write(client, "hello", 5), 5);
    int got = BIO_read(to_server, bytes, sizeof(bytes));
    assert_true(got > 10);
    bytes[got - 1] ^= 1;
    assert_true(rnl_tls_filter_feed(filter, bytes, (size_t)got));
    assert_int_equal(rnl_tls_filter_read(filter, out, sizeof(out), &len),
                     RNL_TLS_FAILED);
    /* An alert. */
    assert_true(rnl_tls_filter_output(filter, &data) > 0);
}

static void the_end_is_told_both_ways(void **state)
{
    (void)state;
    char got[64];
    size_t len;
    shake_hands(4096);
    rnl_tls_filter_close(filter);
    carry_out(4096);
    assert_int_equal(SSL_read(client, got, sizeof(got)), 0);
    assert_int_equal(SSL_get_error(client, 0), SSL_ERROR_ZERO_RETURN);
    SSL_shutdown(client);
    assert_int_equal(carry_in(4096, got, &len), RNL_TLS_CLOSED);
}

static void want_of_memory_makes_none(void **state)
{
    (void)state;
    fault_at(1, true);
    struct rnl_tls_filter *none = rnl_tls_filter_create(server_context);
    fault_stop();
    assert_null(none);
    rnl_tls_filter_destroy(none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_pass_both_ways_however_they_are_cut),
        TEST(what_is_sealed_at_a_time_is_bounded),
        TEST(garbage_fails),
        TEST(a_changed_record_fails),
        TEST(the_end_is_told_both_ways),
        TEST(want_of_memory_makes_none),
    };
    return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}
