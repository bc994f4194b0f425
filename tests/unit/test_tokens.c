/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: tokens of the settings and of TokenService, scopes, calls
 * on behalf of others, revocation and expiry. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include <runnel/v1/frame.pb-c.h>
#include <runnel/v1/tokens.pb-c.h>

#include "bounds.h"
#include "fault.h"
#include "peer.h"
#include "session_private.h"
#include "session_service.h"
#include "token_service.h"
#include "tokens.h"

#define TOKENS "runnel.v1.TokenService/"
#define ROOT   "the-token-of-the-settings"

static struct rnl_core *core;
static struct peer peer;
static uint32_t next_id;

/* --- a store that answers when told to --- */

static struct {
    struct rnl_token_store store;
    struct rnl_token_record kept[8];
    size_t kept_count;
    struct rnl_token_record put_record;
    char removed[RNL_TOKEN_ID_LEN + 1];
    void *op;
    enum rnl_code code;
} fake;

static enum rnl_code fake_load(
    struct rnl_token_store *store,
    bool (*take)(void *arg, const struct rnl_token_record *record), void *arg)
{
    (void)store;
    for (size_t i = 0; i < fake.kept_count; i++)
        if (!take(arg, &fake.kept[i]))
            return RNL_RESOURCE_EXHAUSTED;
    return RNL_OK;
}

static enum rnl_code fake_put(struct rnl_token_store *store,
                              const struct rnl_token_record *record, void *op)
{
    (void)store;
    fake.put_record = *record;
    fake.op = op;
    return fake.code;
}

static enum rnl_code fake_remove(struct rnl_token_store *store, const char *id,
                                 void *op)
{
    (void)store;
    snprintf(fake.removed, sizeof(fake.removed), "%s", id);
    fake.op = op;
    return fake.code;
}

static const struct rnl_token_store_ops fake_ops = {fake_load, fake_put,
                                                    fake_remove};

static void fake_done(enum rnl_code code)
{
    assert_non_null(fake.op);
    fake.store.done(fake.op, code);
    fake.op = NULL;
}

/* --- the rig --- */

static void start(const char *root, bool with_store)
{
    struct rnl_core_options options = peer_core_options();
    options.token = root;
    memset(&fake, 0, sizeof(fake));
    fake.store.ops = &fake_ops;
    if (with_store)
        options.token_store = &fake.store;
    probe = (struct session_probe){0};
    core = peer_core_create(&options);
    assert_non_null(core);
    rnl_methods_add(&core->rpc->methods, &session_test_service);
    peer = (struct peer){0};
}

static int teardown(void **state)
{
    (void)state;
    peer_close(&peer);
    rnl_core_destroy(core);
    core = NULL;
    return 0;
}

static void hello(struct peer *who, const char *token)
{
    Runnel__V1__Hello hello_frame = RUNNEL__V1__HELLO__INIT;
    hello_frame.protocol_version = 1;
    hello_frame.token = (char *)token;
    peer_close(who);
    *who = (struct peer){0};
    assert_true(peer_open(who, core));
    peer_send_packed(who, 0, RNL_FRAME_HELLO, &hello_frame.base);
    if (who == &peer)
        next_id = 1;
}

static void enter(struct peer *who, const char *token)
{
    hello(who, token);
    peer_expect(who, RNL_FRAME_HELLO);
}

/* A Call with the metadata "authorization"; NULL: without. */
static void call_for(struct peer *who, uint32_t id, const char *method,
                     const char *authorization)
{
    Runnel__V1__Call call = RUNNEL__V1__CALL__INIT;
    Runnel__V1__Call__MetadataEntry entry =
        RUNNEL__V1__CALL__METADATA_ENTRY__INIT;
    Runnel__V1__Call__MetadataEntry *entries[] = {&entry};
    call.method = (char *)method;
    entry.key = (char *)"authorization";
    entry.value = (char *)authorization;
    call.metadata = entries;
    call.n_metadata = authorization != NULL;
    peer_send_packed(who, id, RNL_FRAME_CALL, &call.base);
}

static void expect_echo(const char *authorization, enum rnl_code code,
                        const char *text)
{
    uint32_t id = next_id;
    next_id += 2;
    call_for(&peer, id, "test/Echo", authorization);
    peer_request(&peer, id, "", 0);
    peer_expect_status(&peer, id, code, text);
}

static uint32_t ask(const char *method, const ProtobufCMessage *request)
{
    uint8_t bytes[1024];
    size_t len = protobuf_c_message_pack(request, bytes);
    uint32_t id = next_id;
    next_id += 2;
    peer_call(&peer, id, method, 0);
    peer_request(&peer, id, bytes, len);
    return id;
}

static uint32_t ask_create(const char *name, const char *scope,
                           int64_t lifetime_s)
{
    char *scopes[] = {(char *)scope};
    Google__Protobuf__Duration lifetime = GOOGLE__PROTOBUF__DURATION__INIT;
    Runnel__V1__CreateTokenRequest request =
        RUNNEL__V1__CREATE_TOKEN_REQUEST__INIT;
    request.name = (char *)name;
    request.scopes = scopes;
    request.n_scopes = scope != NULL;
    lifetime.seconds = lifetime_s;
    if (lifetime_s != 0)
        request.lifetime = &lifetime;
    return ask(TOKENS "CreateToken", &request.base);
}

struct made {
    char id[RNL_TOKEN_ID_LEN + 1];
    char secret[RNL_TOKEN_SECRET_LEN + 1];
};

static struct made take_made(void)
{
    struct made made;
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
    Runnel__V1__CreateTokenResponse *response =
        runnel__v1__create_token_response__unpack(NULL, frame.body_len,
                                                  frame.body);
    assert_non_null(response);
    assert_int_equal(strlen(response->secret), RNL_TOKEN_SECRET_LEN);
    assert_int_equal(strlen(response->token->id), RNL_TOKEN_ID_LEN);
    snprintf(made.id, sizeof(made.id), "%s", response->token->id);
    snprintf(made.secret, sizeof(made.secret), "%s", response->secret);
    runnel__v1__create_token_response__free_unpacked(response, NULL);
    peer_expect_status(&peer, next_id - 2, RNL_OK, NULL);
    return made;
}

static struct made create(const char *name, const char *scope)
{
    ask_create(name, scope, 0);
    return take_made();
}

static uint32_t ask_revoke(const char *id)
{
    Runnel__V1__RevokeTokenRequest request =
        RUNNEL__V1__REVOKE_TOKEN_REQUEST__INIT;
    request.token_id = (char *)id;
    return ask(TOKENS "RevokeToken", &request.base);
}

static Runnel__V1__ListTokensResponse *list(void)
{
    Runnel__V1__ListTokensRequest request =
        RUNNEL__V1__LIST_TOKENS_REQUEST__INIT;
    ask(TOKENS "ListTokens", &request.base);
    struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_MESSAGE);
    Runnel__V1__ListTokensResponse *response =
        runnel__v1__list_tokens_response__unpack(NULL, frame.body_len,
                                                 frame.body);
    assert_non_null(response);
    peer_expect_status(&peer, next_id - 2, RNL_OK, NULL);
    return response;
}

/* --- scopes --- */

static void scopes_are_written_as_they_are_read(void **state)
{
    (void)state;
    static const char all[] =
        "admin,jobs:read,jobs:write,events:write,stats:read,work,bridge";
    char text[RNL_SCOPES_TEXT_MAX];
    rnl_scopes scopes;
    assert_true(sizeof(all) <= sizeof(text));
    assert_true(rnl_scopes_parse(all, &scopes));
    rnl_scopes_write(scopes, text);
    assert_string_equal(text, all);
    assert_true(rnl_scopes_parse("work", &scopes));
    static const char *const wrong[] = {"",      "jobs",       "work,",
                                        ",work", "work, work", "Admin"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(rnl_scopes_parse(wrong[i], &scopes));
}

static void a_scope_allows_itself_and_admin_allows_all(void **state)
{
    (void)state;
    for (int has = 0; has < RNL_SCOPE_COUNT; has++)
        for (int wants = 0; wants <= RNL_SCOPE_COUNT; wants++)
            assert_int_equal(
                rnl_scopes_allow((rnl_scopes)1 << has, (enum rnl_scope)wants),
                has == wants || has == RNL_SCOPE_ADMIN ||
                    wants == RNL_SCOPE_ANY);
}

/* Every method must say what it needs: those that say nothing are for
 * administrators, and this is the list of them. */
static void only_these_methods_are_for_administrators(void **state)
{
    (void)state;
    static const char *const admin[] = {
        TOKENS "CreateToken", TOKENS "ListTokens", TOKENS "RevokeToken"};
    size_t found = 0;
    start(NULL, false);
    for (size_t i = 0; i < RNL_METHOD_SLOTS; i++) {
        const struct rnl_method *method = core->rpc->methods.slots[i];
        bool is_ours = method != NULL &&
                       strstr(method->name, "AdminService") == NULL &&
                       method->scope == RNL_SCOPE_ADMIN;
        bool listed = false;
        for (size_t j = 0; is_ours && j < 3; j++)
            listed = listed || strcmp(admin[j], method->name) == 0;
        if (is_ours && !listed)
            fail_msg("%s has no scope", method->name);
        found += listed;
    }
    assert_int_equal(found, 3);
}

/* --- admission --- */

static void without_tokens_all_is_open_but_a_token_is_refused(void **state)
{
    (void)state;
    start(NULL, false);
    assert_false(rnl_tokens_required(core->tokens));
    enter(&peer, "");
    expect_echo(NULL, RNL_OK, NULL);
    expect_echo("", RNL_OK, NULL);
    expect_echo("Bearer x", RNL_UNAUTHENTICATED,
                "the token is not valid: this server has none");
    hello(&peer, "x");
    peer_expect_status(&peer, 0, RNL_UNAUTHENTICATED,
                       "the token is not valid: this server has none");
}

static void a_call_needs_the_scope_of_its_method(void **state)
{
    (void)state;
    start(ROOT, false);
    enter(&peer, ROOT);
    struct made made = create("reader", "jobs:read");
    enter(&peer, made.secret);
    expect_echo(NULL, RNL_OK, NULL);
    peer_call(&peer, next_id, "test/Hold", 0);
    peer_request(&peer, next_id, "", 0);
    assert_non_null(probe.held);
    assert_string_equal(rnl_stream_token(probe.held)->record.name, "reader");
    rnl_stream_finish(probe.held, RNL_OK, NULL);
    peer_expect_status(&peer, next_id, RNL_OK, NULL);
    next_id += 2;
    peer_call(&peer, next_id, "test/Push", 0);
    peer_expect_status(&peer, next_id, RNL_PERMISSION_DENIED,
                       "the token lacks the scope stats:read, which test/Push "
                       "needs");
    next_id += 2;
    uint32_t id = ask_create("x", "work", 0);
    peer_expect_status(&peer, id, RNL_PERMISSION_DENIED, NULL);
    assert_int_equal(rnl_tokens_count(core->tokens), 2);
}

/* The heart of the bridge: its own rights never stand in for those of whom it
 * calls for. */
static void a_call_for_another_has_the_rights_of_that_one_alone(void **state)
{
    (void)state;
    char bearer[RNL_TOKEN_SECRET_LEN + 8];
    start(ROOT, false);
    enter(&peer, ROOT);
    struct made reader = create("reader", "jobs:read");
    expect_echo("", RNL_UNAUTHENTICATED, "a token is needed");
    expect_echo("Bearer ", RNL_UNAUTHENTICATED, "the token is not valid");
    expect_echo("Basic eDp5", RNL_UNAUTHENTICATED, "the token is not valid");
    snprintf(bearer, sizeof(bearer), "bEARER %s", reader.secret);
    expect_echo(bearer, RNL_OK, NULL);
    call_for(&peer, next_id, "test/Swallow", bearer);
    peer_expect_status(&peer, next_id, RNL_PERMISSION_DENIED, NULL);
    next_id += 2;
    bearer[20] ^= 1;
    expect_echo(bearer, RNL_UNAUTHENTICATED, "the token is not valid");
    struct made bridge = create("bridge", "bridge");
    enter(&peer, bridge.secret);
    call_for(&peer, next_id, "test/Flow", NULL);
    peer_expect_status(&peer, next_id, RNL_PERMISSION_DENIED, NULL);
    next_id += 2;
    bearer[20] ^= 1;
    expect_echo(bearer, RNL_OK, NULL);
}

static void a_handler_does_not_see_the_token(void **state)
{
    (void)state;
    start(ROOT, false);
    enter(&peer, ROOT);
    call_for(&peer, 1, "test/Hold", "Bearer " ROOT);
    peer_request(&peer, 1, "", 0);
    assert_non_null(probe.held);
    assert_null(rnl_stream_metadata(probe.held, "authorization"));
    rnl_stream_finish(probe.held, RNL_OK, NULL);
}

/* --- making and revoking --- */

static void the_first_token_must_be_one_of_an_administrator(void **state)
{
    (void)state;
    start(NULL, false);
    enter(&peer, "");
    peer_expect_status(&peer, ask_create("x", "work", 0),
                       RNL_FAILED_PRECONDITION, NULL);
    peer_expect_status(&peer, ask_create("x", "admin", 60),
                       RNL_FAILED_PRECONDITION, NULL);
    /* A call that needed no token until now. */
    peer_call(&peer, next_id, "test/Mirror", 0);
    uint32_t open_id = next_id;
    next_id += 2;
    struct made root = create("root", "admin");
    peer_advance(core, 1);
    peer_expect_status(&peer, open_id, RNL_UNAUTHENTICATED,
                       "a token is needed");
    expect_echo(NULL, RNL_UNAUTHENTICATED, "a token is needed");
    hello(&peer, "");
    peer_expect_status(&peer, 0, RNL_UNAUTHENTICATED, "a token is needed");
    enter(&peer, root.secret);
    expect_echo(NULL, RNL_OK, NULL);
    peer_expect_status(&peer, ask_revoke(root.id), RNL_FAILED_PRECONDITION,
                       "the last token with the scope admin cannot be revoked: "
                       "make another one first");
}

static void what_is_asked_for_is_checked(void **state)
{
    (void)state;
    char long_name[RNL_TOKEN_NAME_MAX + 2];
    memset(long_name, 'n', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    start(ROOT, false);
    enter(&peer, ROOT);
    const struct {
        const char *name, *scope;
        int64_t lifetime_s;
    } wrong[] = {{"", "work", 0},         {"a\nb", "work", 0},
                 {long_name, "work", 0},  {"x", NULL, 0},
                 {"x", "jobs:own", 0},    {"x", "work", -1},
                 {"x", "work", 315360001}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        peer_expect_status(
            &peer,
            ask_create(wrong[i].name, wrong[i].scope, wrong[i].lifetime_s),
            RNL_INVALID_ARGUMENT, NULL);
    assert_int_equal(rnl_tokens_count(core->tokens), 1);
    long_name[RNL_TOKEN_NAME_MAX] = '\0';
    create(long_name, "work");
    peer_expect_status(&peer, ask_revoke("nobody"), RNL_NOT_FOUND, NULL);
    peer_expect_status(&peer, ask_revoke("settings"), RNL_FAILED_PRECONDITION,
                       NULL);
}

static void tokens_are_bounded(void **state)
{
    (void)state;
    start(ROOT, false);
    struct rnl_token_record record = {.name = "n", .scopes = 2};
    for (int i = 1; i < RNL_TOKENS_MAX; i++) {
        snprintf(record.id, sizeof(record.id), "%d", i);
        assert_true(rnl_token_hash(record.id, strlen(record.id), record.hash));
        assert_int_equal(rnl_tokens_add(core->tokens, &record, false), RNL_OK);
    }
    enter(&peer, ROOT);
    peer_expect_status(&peer, ask_create("x", "work", 0),
                       RNL_RESOURCE_EXHAUSTED,
                       "there are 1000 tokens, the limit: revoke some");
    Runnel__V1__ListTokensResponse *response = list();
    assert_int_equal(response->n_tokens, RNL_TOKENS_MAX);
    runnel__v1__list_tokens_response__free_unpacked(response, NULL);
    for (int i = 1; i < RNL_TOKENS_MAX; i++) {
        char text[16];
        int len = snprintf(text, sizeof(text), "%d", i);
        assert_non_null(rnl_tokens_find(core->tokens, text, (size_t)len));
    }
}

static void the_list_tells_all_but_the_secret(void **state)
{
    (void)state;
    start(ROOT, false);
    enter(&peer, ROOT);
    struct made made = create("one", "stats:read");
    Runnel__V1__ListTokensResponse *response = list();
    assert_int_equal(response->n_tokens, 2);
    for (size_t i = 0; i < 2; i++) {
        const Runnel__V1__Token *token = response->tokens[i];
        bool is_root = strcmp(token->id, "settings") == 0;
        assert_int_equal(token->from_settings, is_root);
        assert_int_equal(token->n_scopes, 1);
        assert_string_equal(token->scopes[0], is_root ? "admin" : "stats:read");
        if (!is_root)
            assert_string_equal(token->id, made.id);
    }
    runnel__v1__list_tokens_response__free_unpacked(response, NULL);
    assert_null(strstr((const char *)peer.out, "rnl_00"));
}

static void a_revoked_token_ends_its_sessions_and_calls(void **state)
{
    (void)state;
    struct peer user = {0};
    char bearer[RNL_TOKEN_SECRET_LEN + 8];
    start(ROOT, false);
    enter(&peer, ROOT);
    struct made made = create("user", "work");
    snprintf(bearer, sizeof(bearer), "Bearer %s", made.secret);
    enter(&user, made.secret);
    call_for(&user, 1, "test/Mirror", NULL);
    uint32_t for_user = next_id;
    next_id += 2;
    call_for(&peer, for_user, "test/Mirror", bearer);
    uint32_t own = next_id;
    next_id += 2;
    call_for(&peer, own, "test/Mirror", NULL);
    peer_expect_status(&peer, ask_revoke(made.id), RNL_OK, NULL);
    peer_advance(core, 0);
    peer_expect_status(&peer, for_user, RNL_UNAUTHENTICATED,
                       "the token was revoked or has expired");
    peer_expect_status(&user, 0, RNL_UNAUTHENTICATED,
                       "the token was revoked or has expired");
    assert_true(rnl_session_done(user.session));
    expect_echo(bearer, RNL_UNAUTHENTICATED, "the token is not valid");
    hello(&user, made.secret);
    peer_expect_status(&user, 0, RNL_UNAUTHENTICATED, "the token is not valid");
    peer_close(&user);
    /* The call of another goes on. */
    peer_send(&peer, own, RNL_FRAME_HALF_CLOSE, NULL, 0);
    peer_expect_status(&peer, own, RNL_OK, NULL);
}

static void a_token_expires_in_time(void **state)
{
    (void)state;
    struct peer user = {0};
    start(ROOT, false);
    enter(&peer, ROOT);
    ask_create("short", "work", 5);
    struct made made = take_made();
    enter(&user, made.secret);
    peer_advance(core, 4999);
    peer_expect_nothing(&user);
    peer_advance(core, 1);
    peer_expect_status(&user, 0, RNL_UNAUTHENTICATED,
                       "the token was revoked or has expired");
    hello(&user, made.secret);
    peer_expect_status(&user, 0, RNL_UNAUTHENTICATED, "the token is not valid");
    peer_close(&user);
    /* Listed until it is revoked. */
    assert_int_equal(rnl_tokens_count(core->tokens), 2);
    peer_expect_status(&peer, ask_revoke(made.id), RNL_OK, NULL);
    assert_int_equal(rnl_tokens_count(core->tokens), 1);
}

/* --- the store --- */

static void a_token_is_shown_when_it_is_kept(void **state)
{
    (void)state;
    start(ROOT, true);
    enter(&peer, ROOT);
    ask_create("kept", "work", 0);
    peer_expect_nothing(&peer);
    assert_int_equal(rnl_tokens_count(core->tokens), 1);
    fake_done(RNL_OK);
    struct made made = take_made();
    uint8_t hash[RNL_TOKEN_HASH_SIZE];
    assert_true(rnl_token_hash(made.secret, strlen(made.secret), hash));
    assert_memory_equal(hash, fake.put_record.hash, sizeof(hash));
    uint32_t id = ask_create("lost", "work", 0);
    fake_done(RNL_UNAVAILABLE);
    peer_expect_status(&peer, id, RNL_UNAVAILABLE, NULL);
    assert_int_equal(rnl_tokens_count(core->tokens), 2);
}

static void a_token_that_cannot_be_removed_is_revoked_all_the_same(void **state)
{
    (void)state;
    start(ROOT, true);
    enter(&peer, ROOT);
    ask_create("kept", "work", 0);
    fake_done(RNL_OK);
    struct made made = take_made();
    uint32_t id = ask_revoke(made.id);
    assert_string_equal(fake.removed, made.id);
    assert_null(
        rnl_tokens_find(core->tokens, made.secret, RNL_TOKEN_SECRET_LEN));
    fake_done(RNL_UNAVAILABLE);
    peer_expect_status(&peer, id, RNL_UNAVAILABLE, NULL);
    assert_null(
        rnl_tokens_find(core->tokens, made.secret, RNL_TOKEN_SECRET_LEN));
    id = ask_revoke(made.id);
    fake_done(RNL_OK);
    peer_expect_status(&peer, id, RNL_OK, NULL);
    assert_int_equal(rnl_tokens_count(core->tokens), 1);
}

static void a_caller_that_left_is_not_answered(void **state)
{
    (void)state;
    start(ROOT, true);
    enter(&peer, ROOT);
    ask_create("kept", "work", 0);
    peer_close(&peer);
    fake_done(RNL_OK);
    assert_int_equal(rnl_tokens_count(core->tokens), 2);
}

static void stored_tokens_are_taken_at_start(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    start(NULL, true);
    rnl_core_destroy(core);
    fake.kept_count = 1;
    fake.kept[0] = (struct rnl_token_record){
        .id = "0123456789ab", .name = "old", .scopes = RNL_SCOPES_ADMIN};
    assert_true(rnl_token_hash("old secret", 10, fake.kept[0].hash));
    struct rnl_core_options options = peer_core_options();
    options.token_store = &fake.store;
    core = peer_core_create(&options);
    assert_non_null(core);
    assert_true(rnl_tokens_required(core->tokens));
    enter(&peer, "old secret");
}

static void tokens_of_the_settings_can_be_replaced(void **state)
{
    (void)state;
    struct peer user = {0};
    start(ROOT, false);
    struct rnl_token_record records[2] = {
        {.id = "aaaaaaaaaaaa", .name = "a", .scopes = 2},
        {.id = "bbbbbbbbbbbb", .name = "b", .scopes = 2}};
    assert_true(rnl_token_hash("a", 1, records[0].hash));
    assert_true(rnl_token_hash("b", 1, records[1].hash));
    assert_int_equal(rnl_tokens_set_fixed(core->tokens, records, 2), RNL_OK);
    enter(&user, "a");
    enter(&peer, "b");
    assert_int_equal(rnl_tokens_set_fixed(core->tokens, records + 1, 1),
                     RNL_OK);
    peer_advance(core, 0);
    peer_expect_status(&user, 0, RNL_UNAUTHENTICATED, NULL);
    peer_close(&user);
    expect_echo(NULL, RNL_OK, NULL);
    enter(&peer, ROOT);
}

/* --- memory --- */

static void want_of_memory_costs_one_request(void **state)
{
    (void)state;
    start(ROOT, false);
    enter(&peer, ROOT);
    fault_count();
    create("x", "work");
    size_t total = fault_stop();
    assert_true(total > 0);
    for (size_t k = 1; k <= total; k++) {
        fault_at(k, false);
        ask_create("y", "work", 0);
        fault_stop();
        peer_advance(core, 0);
        struct rnl_frame frame = peer_expect(&peer, RNL_FRAME_STATUS);
        assert_int_equal(frame.stream_id, next_id - 2);
        expect_echo(NULL, RNL_OK, NULL);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes_are_written_as_they_are_read),
        cmocka_unit_test(a_scope_allows_itself_and_admin_allows_all),
        TEST(only_these_methods_are_for_administrators),
        TEST(without_tokens_all_is_open_but_a_token_is_refused),
        TEST(a_call_needs_the_scope_of_its_method),
        TEST(a_call_for_another_has_the_rights_of_that_one_alone),
        TEST(a_handler_does_not_see_the_token),
        TEST(the_first_token_must_be_one_of_an_administrator),
        TEST(what_is_asked_for_is_checked),
        TEST(tokens_are_bounded),
        TEST(the_list_tells_all_but_the_secret),
        TEST(a_revoked_token_ends_its_sessions_and_calls),
        TEST(a_token_expires_in_time),
        TEST(a_token_is_shown_when_it_is_kept),
        TEST(a_token_that_cannot_be_removed_is_revoked_all_the_same),
        TEST(a_caller_that_left_is_not_answered),
        TEST(stored_tokens_are_taken_at_start),
        TEST(tokens_of_the_settings_can_be_replaced),
        TEST(want_of_memory_costs_one_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
