/* SPDX-License-Identifier: Apache-2.0 */
/* Stream tickets, and the header that they stand in for. */
#include "test.h"

#include <string.h>

#include "ticket.h"

#define PATH  "/v1/jobs/01m89k61qt7m75jht76kyv50e4/events"
#define TOKEN "rnl_0123456789abcdef"

static const uint8_t key[RNL_TICKET_KEY_SIZE] = {1, 2, 3};

static void check_path(const char *given, const char *wanted)
{
    char path[RNL_TICKET_PATH_MAX];
    assert_true(rnl_ticket_path(given, strlen(given), path));
    assert_string_equal(path, wanted);
}

static void a_path_is_taken_without_what_may_change(void **state)
{
    (void)state;
    check_path("/a", "/a");
    check_path("/a?", "/a");
    check_path("/a?ticket=x", "/a");
    check_path("/a?b=1&ticket=x&after=7&c", "/a?b=1&c");
    check_path("/a?after=7&&b=1&", "/a?b=1");
    check_path("/a?tickets=1&afters&after", "/a?tickets=1&afters");
    char path[RNL_TICKET_PATH_MAX], given[RNL_TICKET_PATH_MAX + 1];
    memset(given, 'a', sizeof(given));
    assert_false(rnl_ticket_path(given, RNL_TICKET_PATH_MAX, path));
    assert_true(rnl_ticket_path(given, RNL_TICKET_PATH_MAX - 1, path));
    assert_false(rnl_ticket_path("/a\0b", 4, path));
}

static void a_ticket_opens_for_its_path_until_it_expires(void **state)
{
    (void)state;
    const struct rnl_ticket ticket = {PATH, TOKEN, 1000};
    char text[RNL_TICKET_TEXT_MAX], other[RNL_TICKET_TEXT_MAX];
    char token[RNL_BEARER_BYTES_MAX + 1];
    assert_true(rnl_ticket_seal(key, &ticket, text));
    assert_true(rnl_ticket_open(key, text, PATH, 999, token));
    assert_string_equal(token, TOKEN);
    assert_false(rnl_ticket_open(key, text, PATH, 1000, token));
    assert_false(rnl_ticket_open(key, text, PATH "?x", 0, token));
    uint8_t wrong_key[RNL_TICKET_KEY_SIZE] = {1, 2, 4};
    assert_false(rnl_ticket_open(wrong_key, text, PATH, 0, token));
    /* Two of the same are not alike, and none shows the token. */
    assert_true(rnl_ticket_seal(key, &ticket, other));
    assert_string_not_equal(text, other);
    assert_null(strstr(text, "0123456789abcdef"));
}

static void a_shared_secret_makes_one_key(void **state)
{
    (void)state;
    uint8_t first[RNL_TICKET_KEY_SIZE], second[RNL_TICKET_KEY_SIZE];
    assert_true(rnl_ticket_key("0123456789abcdef0123456789abcdef", first));
    assert_true(rnl_ticket_key("0123456789abcdef0123456789abcdef", second));
    assert_memory_equal(first, second, sizeof(first));
    assert_true(rnl_ticket_key("0123456789abcdef0123456789abcdeg", second));
    assert_memory_not_equal(first, second, sizeof(first));
    assert_false(rnl_ticket_key("0123456789abcdef0123456789abcde", second));
}

static void a_ticket_that_was_changed_does_not_open(void **state)
{
    (void)state;
    const struct rnl_ticket ticket = {PATH, TOKEN, 1000};
    char text[RNL_TICKET_TEXT_MAX], token[RNL_BEARER_BYTES_MAX + 1];
    assert_true(rnl_ticket_seal(key, &ticket, text));
    size_t len = strlen(text);
    /* Of the last character some bits are none of the ticket's. */
    for (size_t i = 0; i + 1 < len; i++) {
        char was = text[i];
        text[i] = was == 'A' ? 'B' : 'A';
        assert_false(rnl_ticket_open(key, text, PATH, 0, token));
        text[i] = was;
    }
    for (size_t cut = 0; cut < len; cut++) {
        char was = text[cut];
        text[cut] = '\0';
        assert_false(rnl_ticket_open(key, text, PATH, 0, token));
        text[cut] = was;
    }
    assert_true(rnl_ticket_open(key, text, PATH, 0, token));
    static const char *const wrong[] = {"", "=", "====", "a+b/", "\xff", "A"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(rnl_ticket_open(key, wrong[i], PATH, 0, token));
}

static void tokens_of_every_length_fit(void **state)
{
    (void)state;
    char long_token[RNL_BEARER_BYTES_MAX + 2];
    char text[RNL_TICKET_TEXT_MAX], token[RNL_BEARER_BYTES_MAX + 1];
    for (size_t len = 0; len <= RNL_BEARER_BYTES_MAX; len++) {
        memset(long_token, 'x', len);
        long_token[len] = '\0';
        const struct rnl_ticket ticket = {"/", long_token, 1};
        assert_true(rnl_ticket_seal(key, &ticket, text));
        assert_true(rnl_ticket_open(key, text, "/", 0, token));
        assert_string_equal(token, long_token);
    }
    memset(long_token, 'x', sizeof(long_token) - 1);
    long_token[sizeof(long_token) - 1] = '\0';
    const struct rnl_ticket ticket = {"/", long_token, 1};
    assert_false(rnl_ticket_seal(key, &ticket, text));
    char longer[RNL_TICKET_TEXT_MAX + 8];
    memset(longer, 'A', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_false(rnl_ticket_open(key, longer, "/", 0, token));
}

static bool is_bearer(const char *value)
{
    size_t len;
    return rnl_bearer_of(value, strlen(value), &len) != NULL;
}

static void a_bearer_is_one_word_of_visible_ascii(void **state)
{
    (void)state;
    size_t len = 0;
    const char *token = rnl_bearer_of("bearer abc", 10, &len);
    assert_memory_equal(token, "abc", 3);
    assert_int_equal(len, 3);
    assert_true(is_bearer("Bearer !~"));
    static const char *const wrong[] = {
        "",           "Bearer",     "Bearer ",       "Basic abc",
        "Bearer a b", "Bearer  a",  "Bearer a\r\nb", "Bearer \xc3\xa9",
        "Bearera",    "Bearer \x7f"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(is_bearer(wrong[i]));
    char value[7 + RNL_BEARER_BYTES_MAX + 2] = "Bearer ";
    memset(value + 7, 'x', RNL_BEARER_BYTES_MAX + 1);
    assert_false(is_bearer(value));
    value[7 + RNL_BEARER_BYTES_MAX] = '\0';
    assert_true(is_bearer(value));
}

static void rights_are_equal_when_their_texts_are(void **state)
{
    (void)state;
    assert_true(rnl_authorization_equal(NULL, NULL));
    assert_false(rnl_authorization_equal(NULL, ""));
    assert_false(rnl_authorization_equal("", NULL));
    assert_true(rnl_authorization_equal("", ""));
    assert_true(rnl_authorization_equal("Bearer a", "Bearer a"));
    assert_false(rnl_authorization_equal("Bearer a", "Bearer b"));
    assert_false(rnl_authorization_equal("Bearer a", "Bearer aa"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_taken_without_what_may_change),
        cmocka_unit_test(a_ticket_opens_for_its_path_until_it_expires),
        cmocka_unit_test(a_shared_secret_makes_one_key),
        cmocka_unit_test(a_ticket_that_was_changed_does_not_open),
        cmocka_unit_test(tokens_of_every_length_fit),
        cmocka_unit_test(a_bearer_is_one_word_of_visible_ascii),
        cmocka_unit_test(rights_are_equal_when_their_texts_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
