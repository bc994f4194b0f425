/* SPDX-License-Identifier: Apache-2.0 */
/* What a browser says about itself: tickets, bearer tokens, hosts, and the head
 * of its request. Nothing opens but what was sealed, and only unchanged. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "head.h"
#include "host.h"
#include "ticket.h"

static const uint8_t key[RNL_TICKET_KEY_SIZE] = {7};

static void check_ticket(const char *text)
{
    char token[RNL_BEARER_BYTES_MAX + 1];
    FUZZ_CHECK(!rnl_ticket_open(key, text, "/", 0, token));
}

/* A sealed one opens, and with one character changed it does not. */
static void check_change(const char *text, size_t size)
{
    char sealed[RNL_TICKET_TEXT_MAX], token[RNL_BEARER_BYTES_MAX + 1];
    const struct rnl_ticket ticket = {"/", text, 1};
    if (size > RNL_BEARER_BYTES_MAX || strlen(text) != size)
        return;
    FUZZ_CHECK(rnl_ticket_seal(key, &ticket, sealed));
    FUZZ_CHECK(rnl_ticket_open(key, sealed, "/", 0, token));
    FUZZ_CHECK(strcmp(token, text) == 0);
    size_t at = size % (strlen(sealed) - 1);
    sealed[at] = sealed[at] == 'A' ? 'B' : 'A';
    FUZZ_CHECK(!rnl_ticket_open(key, sealed, "/", 0, token));
}

static void check_path(const char *text, size_t size)
{
    char path[RNL_TICKET_PATH_MAX], again[RNL_TICKET_PATH_MAX];
    if (!rnl_ticket_path(text, size, path))
        return;
    FUZZ_CHECK(strlen(path) <= size);
    FUZZ_CHECK(rnl_ticket_path(path, strlen(path), again));
    FUZZ_CHECK(strcmp(path, again) == 0);
}

static void check_words(const char *text, size_t size)
{
    size_t len;
    const char *token = rnl_bearer_of(text, size, &len);
    FUZZ_CHECK(token == NULL || (token > text && token + len == text + size));
    if (rnl_host_is_loopback(text, size))
        FUZZ_CHECK(size >= 5);
    (void)rnl_host_is_listed("a.example, [::1],", text, size);
    (void)rnl_head_is_ambiguous(text, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    FUZZ_CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_ticket(text);
    check_change(text, size);
    check_path(text, size);
    check_words(text, size);
    free(text);
    return 0;
}
