/* SPDX-License-Identifier: Apache-2.0 */
#include "tokens.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "alloc.h"
#include "core.h"
#include "hex.h"
#include "session_private.h"
#include "sorted.h"

/* By the first byte of the hash: four tokens each when the table is full. */
#define BUCKETS 256

/* A wall clock that was set is noticed by then. */
#define CHECK_NS_MAX INT64_C(60000000000)

#define NEVER INT64_MAX

_Static_assert(SHA256_DIGEST_LENGTH == RNL_TOKEN_HASH_SIZE, "one hash");

struct rnl_tokens {
    struct rnl_core *core;
    struct rnl_sorted by_id;
    struct rnl_token *buckets[BUCKETS];
    /* Always running: the next look at what has expired or was revoked. */
    struct rnl_timer sweep;
};

bool rnl_token_hash(const void *secret, size_t len,
                    uint8_t ret_hash[RNL_TOKEN_HASH_SIZE])
{
    return SHA256(secret, len, ret_hash) != NULL;
}

struct rnl_token *rnl_token_ref(struct rnl_token *token)
{
    if (token != NULL)
        token->refs++;
    return token;
}

void rnl_token_unref(struct rnl_token *token)
{
    if (token != NULL && --token->refs == 0)
        rnl_free(token);
}

bool rnl_token_is_live(const struct rnl_tokens *tokens,
                       const struct rnl_token *token)
{
    int64_t expire_ns = token->record.expire_ns;
    return !token->revoked &&
           (expire_ns == 0 || expire_ns > tokens->core->wall_ns);
}

/* --- looking up --- */

static struct rnl_token *find_hash(const struct rnl_tokens *tokens,
                                   const uint8_t *hash)
{
    struct rnl_token *token = tokens->buckets[hash[0]];
    while (token != NULL &&
           CRYPTO_memcmp(token->record.hash, hash, RNL_TOKEN_HASH_SIZE) != 0)
        token = token->hash_next;
    return token;
}

/* The hash is compared in constant time; that its first byte chooses the
 * bucket tells a bystander nothing, since a hash cannot be aimed at a token. */
struct rnl_token *rnl_tokens_find(const struct rnl_tokens *tokens,
                                  const void *secret, size_t len)
{
    uint8_t hash[RNL_TOKEN_HASH_SIZE];
    if (!rnl_token_hash(secret, len, hash))
        return NULL;
    struct rnl_token *token = find_hash(tokens, hash);
    return token != NULL && rnl_token_is_live(tokens, token) ? token : NULL;
}

bool rnl_tokens_required(const struct rnl_tokens *tokens)
{
    return tokens->by_id.count > 0;
}

size_t rnl_tokens_count(const struct rnl_tokens *tokens)
{
    return tokens->by_id.count;
}

struct rnl_token *rnl_tokens_at(const struct rnl_tokens *tokens, size_t index)
{
    return tokens->by_id.items[index];
}

struct rnl_token *rnl_tokens_by_id(const struct rnl_tokens *tokens,
                                   const char *id)
{
    return rnl_sorted_find(&tokens->by_id, id);
}

bool rnl_tokens_has_admin(const struct rnl_tokens *tokens,
                          const struct rnl_token *besides)
{
    for (size_t i = 0; i < tokens->by_id.count; i++) {
        const struct rnl_token *token = tokens->by_id.items[i];
        if (token != besides && rnl_token_is_live(tokens, token) &&
            (token->record.scopes & RNL_SCOPES_ADMIN) != 0)
            return true;
    }
    return false;
}

/* --- the sweep --- */

/* The timer runs, or its place in the heap has just become free. */
static void plan_sweep(struct rnl_tokens *tokens, int64_t delay_ns)
{
    struct rnl_core *core = tokens->core;
    int64_t due_ns = delay_ns == NEVER ? NEVER : core->now_ns + delay_ns;
    if (rnl_timer_start(&core->timers, &tokens->sweep, due_ns) != RNL_OK)
        abort();
}

static int64_t next_expiry_ns(const struct rnl_tokens *tokens)
{
    int64_t delay_ns = rnl_tokens_required(tokens) ? CHECK_NS_MAX : NEVER;
    for (size_t i = 0; i < tokens->by_id.count; i++) {
        const struct rnl_token *token = tokens->by_id.items[i];
        int64_t left_ns = token->record.expire_ns - tokens->core->wall_ns;
        if (token->record.expire_ns != 0 && left_ns > 0 && left_ns < delay_ns)
            delay_ns = left_ns;
    }
    return delay_ns;
}

static void on_sweep(struct rnl_timer *timer, void *arg)
{
    struct rnl_tokens *tokens = arg;
    (void)timer;
    plan_sweep(tokens, next_expiry_ns(tokens));
    rnl_sessions_check_tokens(tokens->core);
}

/* --- adding and removing --- */

static void link_hash(struct rnl_tokens *tokens, struct rnl_token *token)
{
    struct rnl_token **bucket = &tokens->buckets[token->record.hash[0]];
    token->hash_next = *bucket;
    *bucket = token;
}

static void unlink_hash(struct rnl_tokens *tokens,
                        const struct rnl_token *token)
{
    struct rnl_token **at = &tokens->buckets[token->record.hash[0]];
    while (*at != token)
        at = &(*at)->hash_next;
    *at = token->hash_next;
}

enum rnl_code rnl_tokens_add(struct rnl_tokens *tokens,
                             const struct rnl_token_record *record, bool fixed)
{
    if (find_hash(tokens, record->hash) != NULL ||
        rnl_tokens_by_id(tokens, record->id) != NULL)
        return RNL_ALREADY_EXISTS;
    if (tokens->by_id.count >= RNL_TOKENS_MAX ||
        rnl_sorted_reserve(&tokens->by_id) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    struct rnl_token *token = rnl_calloc(1, sizeof(*token));
    if (token == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    token->refs = 1;
    token->fixed = fixed;
    token->record = *record;
    rnl_sorted_insert(&tokens->by_id, token);
    link_hash(tokens, token);
    plan_sweep(tokens, 0);
    return RNL_OK;
}

void rnl_tokens_revoke(struct rnl_tokens *tokens, struct rnl_token *token)
{
    token->revoked = true;
    plan_sweep(tokens, 0);
}

void rnl_tokens_forget(struct rnl_tokens *tokens, struct rnl_token *token)
{
    token->revoked = true;
    unlink_hash(tokens, token);
    rnl_sorted_remove(&tokens->by_id, token);
    rnl_token_unref(token);
    plan_sweep(tokens, 0);
}

bool rnl_tokens_make_secret(const struct rnl_tokens *tokens,
                            struct rnl_token_record *record,
                            char ret_secret[RNL_TOKEN_SECRET_LEN + 1])
{
    const struct rnl_core_options *options = &tokens->core->options;
    uint8_t bytes[(RNL_TOKEN_SECRET_LEN - 4) / 2], id[RNL_TOKEN_ID_LEN / 2];
    options->random(options->random_arg, bytes, sizeof(bytes));
    options->random(options->random_arg, id, sizeof(id));
    memcpy(ret_secret, "rnl_", 4);
    rnl_hex_write(bytes, sizeof(bytes), ret_secret + 4);
    rnl_hex_write(id, sizeof(id), record->id);
    return rnl_token_hash(ret_secret, RNL_TOKEN_SECRET_LEN, record->hash);
}

/* --- those of the settings --- */

static bool is_listed(const struct rnl_token *token,
                      const struct rnl_token_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(token->record.hash, records[i].hash, RNL_TOKEN_HASH_SIZE) ==
                0 &&
            token->record.scopes == records[i].scopes &&
            strcmp(token->record.name, records[i].name) == 0)
            return true;
    return false;
}

static bool is_of_file(const struct rnl_token *token)
{
    return token->fixed && strcmp(token->record.id, "settings") != 0;
}

enum rnl_code rnl_tokens_set_fixed(struct rnl_tokens *tokens,
                                   const struct rnl_token_record *records,
                                   size_t count)
{
    enum rnl_code result = RNL_OK;
    for (size_t i = tokens->by_id.count; i-- > 0;) {
        struct rnl_token *token = tokens->by_id.items[i];
        if (is_of_file(token) && !is_listed(token, records, count))
            rnl_tokens_forget(tokens, token);
    }
    for (size_t i = 0; i < count; i++) {
        enum rnl_code code = rnl_tokens_add(tokens, &records[i], true);
        if (code != RNL_OK && code != RNL_ALREADY_EXISTS)
            result = code;
    }
    return result;
}

/* --- life --- */

static enum rnl_code add_setting(struct rnl_tokens *tokens, const char *secret)
{
    if (secret == NULL || *secret == '\0')
        return RNL_OK;
    struct rnl_token_record record = {.id = "settings",
                                      .name = "token of the settings",
                                      .scopes = RNL_SCOPES_ADMIN};
    record.create_ns = tokens->core->wall_ns;
    if (!rnl_token_hash(secret, strlen(secret), record.hash))
        return RNL_RESOURCE_EXHAUSTED;
    return rnl_tokens_add(tokens, &record, true);
}

static bool take_stored(void *arg, const struct rnl_token_record *record)
{
    enum rnl_code code = rnl_tokens_add(arg, record, false);
    return code == RNL_OK || code == RNL_ALREADY_EXISTS;
}

static enum rnl_code load(struct rnl_tokens *tokens)
{
    const struct rnl_core_options *options = &tokens->core->options;
    enum rnl_code code = add_setting(tokens, options->token);
    if (code == RNL_OK)
        code = rnl_tokens_set_fixed(tokens, options->fixed_tokens,
                                    options->fixed_token_count);
    if (code == RNL_OK && options->token_store != NULL)
        code = options->token_store->ops->load(options->token_store,
                                               take_stored, tokens);
    return code;
}

static const char *name_of(const void *item)
{
    return ((const struct rnl_token *)item)->record.id;
}

enum rnl_code rnl_tokens_create(struct rnl_core *core,
                                struct rnl_tokens **ret_tokens)
{
    struct rnl_tokens *tokens = rnl_calloc(1, sizeof(*tokens));
    if (tokens == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    tokens->core = core;
    tokens->sweep.fire = on_sweep;
    tokens->sweep.arg = tokens;
    rnl_sorted_init(&tokens->by_id, name_of);
    enum rnl_code code = rnl_timer_start(&core->timers, &tokens->sweep, NEVER);
    if (code == RNL_OK)
        code = load(tokens);
    if (code != RNL_OK) {
        rnl_tokens_destroy(tokens);
        return code;
    }
    *ret_tokens = tokens;
    return RNL_OK;
}

void rnl_tokens_destroy(struct rnl_tokens *tokens)
{
    if (tokens == NULL)
        return;
    rnl_timer_stop(&tokens->core->timers, &tokens->sweep);
    for (size_t i = 0; i < tokens->by_id.count; i++)
        rnl_token_unref(tokens->by_id.items[i]);
    rnl_sorted_fini(&tokens->by_id);
    rnl_free(tokens);
}
