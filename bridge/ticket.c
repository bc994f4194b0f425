/* SPDX-License-Identifier: Apache-2.0 */
#include "ticket.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#define NONCE_SIZE  12
#define EXPIRY_SIZE 8
#define TAG_SIZE    16
#define PLAIN_MAX   (EXPIRY_SIZE + RNL_BEARER_BYTES_MAX)
#define SEALED_MAX  (NONCE_SIZE + PLAIN_MAX + TAG_SIZE)

/* --- the path --- */

static bool is_volatile(const char *param, size_t len)
{
    static const char *const names[] = {"ticket", "after"};
    for (size_t i = 0; i < 2; i++) {
        size_t name = strlen(names[i]);
        if (len >= name && memcmp(param, names[i], name) == 0 &&
            (len == name || param[name] == '='))
            return true;
    }
    return false;
}

bool rnl_ticket_path(const char *path, size_t len,
                     char ret_path[RNL_TICKET_PATH_MAX])
{
    const char *end = path + len;
    const char *query = memchr(path, '?', len);
    size_t out = query != NULL ? (size_t)(query - path) : len;
    if (len >= RNL_TICKET_PATH_MAX || memchr(path, '\0', len) != NULL)
        return false;
    memcpy(ret_path, path, out);
    char mark = '?';
    for (const char *at = query; at != NULL && at < end;) {
        const char *param = at + 1;
        const char *next = memchr(param, '&', (size_t)(end - param));
        size_t param_len = (size_t)((next != NULL ? next : end) - param);
        if (param_len > 0 && !is_volatile(param, param_len)) {
            ret_path[out++] = mark;
            memcpy(ret_path + out, param, param_len);
            out += param_len;
            mark = '&';
        }
        at = next;
    }
    ret_path[out] = '\0';
    return true;
}

/* --- sealing --- */

bool rnl_ticket_key(const char *secret, uint8_t ret_key[RNL_TICKET_KEY_SIZE])
{
    size_t len = strlen(secret);
    return len >= RNL_TICKET_SECRET_MIN &&
           EVP_Digest(secret, len, ret_key, NULL, EVP_sha256(), NULL) == 1;
}

/* AES-256-GCM over data of len bytes, in place; tag is written, or checked. */
static bool crypt(bool seal, const uint8_t *key, const uint8_t *nonce,
                  const char *path, uint8_t *data, size_t len, uint8_t *tag)
{
    int out = 0;
    int path_len = (int)strlen(path);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool ok =
        context != NULL &&
        EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce, seal) &&
        EVP_CipherUpdate(context, NULL, &out, (const uint8_t *)path,
                         path_len) &&
        EVP_CipherUpdate(context, data, &out, data, (int)len) &&
        (seal ||
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag)) &&
        EVP_CipherFinal_ex(context, data + out, &out) &&
        (!seal ||
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag));
    EVP_CIPHER_CTX_free(context);
    return ok;
}

/* base64 to base64url (RFC 4648, 5) and back. */
static void translate(char *text, const char *from, const char *to)
{
    for (; *text != '\0'; text++) {
        if (*text == from[0])
            *text = to[0];
        else if (*text == from[1])
            *text = to[1];
    }
}

bool rnl_ticket_seal(const uint8_t key[RNL_TICKET_KEY_SIZE],
                     const struct rnl_ticket *ticket,
                     char ret_text[RNL_TICKET_TEXT_MAX])
{
    uint8_t bytes[SEALED_MAX];
    uint8_t *plain = bytes + NONCE_SIZE;
    size_t token_len = strlen(ticket->token);
    size_t len = EXPIRY_SIZE + token_len;
    if (token_len > RNL_BEARER_BYTES_MAX || RAND_bytes(bytes, NONCE_SIZE) != 1)
        return false;
    for (int i = 0; i < EXPIRY_SIZE; i++)
        plain[i] = (uint8_t)((uint64_t)ticket->expire_s >> (56 - 8 * i));
    memcpy(plain + EXPIRY_SIZE, ticket->token, token_len);
    if (!crypt(true, key, bytes, ticket->path, plain, len, plain + len))
        return false;
    EVP_EncodeBlock((uint8_t *)ret_text, bytes,
                    (int)(NONCE_SIZE + len + TAG_SIZE));
    ret_text[strcspn(ret_text, "=")] = '\0';
    translate(ret_text, "+/", "-_");
    return true;
}

/* Returns the length, or 0 for what is no base64url. */
static size_t decode(const char *text, uint8_t bytes[RNL_TICKET_TEXT_MAX])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char padded[RNL_TICKET_TEXT_MAX + 4];
    size_t len = strlen(text);
    if (len >= RNL_TICKET_TEXT_MAX || strspn(text, alphabet) != len)
        return 0;
    memcpy(padded, text, len + 1);
    translate(padded, "-_", "+/");
    size_t pad = (4 - len % 4) % 4;
    memcpy(padded + len, "===", pad);
    int decoded =
        EVP_DecodeBlock(bytes, (const uint8_t *)padded, (int)(len + pad));
    return decoded < 0 || (size_t)decoded < pad ? 0 : (size_t)decoded - pad;
}

bool rnl_ticket_open(const uint8_t key[RNL_TICKET_KEY_SIZE], const char *text,
                     const char *path, int64_t now_s,
                     char ret_token[RNL_BEARER_BYTES_MAX + 1])
{
    uint8_t bytes[RNL_TICKET_TEXT_MAX];
    size_t len = decode(text, bytes);
    if (len < NONCE_SIZE + EXPIRY_SIZE + TAG_SIZE || len > SEALED_MAX)
        return false;
    uint8_t *plain = bytes + NONCE_SIZE;
    size_t plain_len = len - NONCE_SIZE - TAG_SIZE;
    if (!crypt(false, key, bytes, path, plain, plain_len, plain + plain_len))
        return false;
    uint64_t expire_s = 0;
    for (int i = 0; i < EXPIRY_SIZE; i++)
        expire_s = expire_s << 8 | plain[i];
    if ((int64_t)expire_s <= now_s)
        return false;
    size_t token_len = plain_len - EXPIRY_SIZE;
    memcpy(ret_token, plain + EXPIRY_SIZE, token_len);
    ret_token[token_len] = '\0';
    return true;
}
