/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "identity.h"

const char *rnl_bearer_of(const char *value, size_t len, size_t *ret_len)
{
    static const char scheme[] = "Bearer ";
    size_t scheme_len = sizeof(scheme) - 1;
    if (len <= scheme_len || strncasecmp(value, scheme, scheme_len) != 0)
        return NULL;
    const char *token = value + scheme_len;
    len -= scheme_len;
    if (len > RNL_BEARER_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < len; i++)
        if (token[i] <= ' ' || token[i] >= 0x7f)
            return NULL;
    *ret_len = len;
    return token;
}

bool rnl_authorization_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    size_t len = strlen(a);
    return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}
