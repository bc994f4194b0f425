/* SPDX-License-Identifier: Apache-2.0 */
#include "typed.h"

#include "alloc.h"
#include "client_private.h"

#define MS_PER_S  1000
#define NS_PER_MS 1000000

/* What protoc-c makes of every map<string, string>. */
struct entry {
    ProtobufCMessage base;
    char *key;
    char *value;
};

enum rnl_code rnl_typed_no_memory(struct rnl_client *client)
{
    return rnl_client_fail(client, RNL_RESOURCE_EXHAUSTED, "out of memory");
}

static enum rnl_code unpack(struct rnl_client *client,
                            const struct rnl_method_type *method,
                            const struct rnl_buffer *bytes,
                            struct rnl_arena *arena, void **ret_answer)
{
    void *answer =
        rnl_arena_unpack(arena, method->answer, bytes->data, bytes->len);
    if (answer == NULL)
        return arena->exhausted
                   ? rnl_typed_no_memory(client)
                   : rnl_client_fail(client, RNL_INTERNAL,
                                     "the answer of %s cannot be read",
                                     method->name);
    *ret_answer = answer;
    return RNL_OK;
}

enum rnl_code rnl_typed_unary(struct rnl_client *client,
                              const struct rnl_method_type *method,
                              const struct rnl_request *request,
                              struct rnl_arena *arena, void **ret_answer)
{
    struct rnl_buffer answer;
    enum rnl_code code = rnl_call_unary(client, method->name, request, &answer);
    if (code != RNL_OK)
        return code;
    code = unpack(client, method, &answer, arena, ret_answer);
    rnl_buffer_fini(&answer);
    return code;
}

enum rnl_code rnl_typed_call(struct rnl_client *client,
                             const struct rnl_method_type *method,
                             const ProtobufCMessage *request,
                             struct rnl_arena *arena, void **ret_answer)
{
    size_t len = protobuf_c_message_get_packed_size(request);
    uint8_t *data = rnl_malloc(len + 1);
    if (data == NULL)
        return rnl_typed_no_memory(client);
    protobuf_c_message_pack(request, data);
    struct rnl_request bytes = {.data = data, .len = len};
    enum rnl_code code =
        rnl_typed_unary(client, method, &bytes, arena, ret_answer);
    rnl_free(data);
    return code;
}

/* A server can send any number of seconds. */
static int64_t to_ms(int64_t seconds, int32_t nanos)
{
    if (seconds > INT64_MAX / MS_PER_S - 3)
        return INT64_MAX;
    if (seconds < INT64_MIN / MS_PER_S + 3)
        return INT64_MIN;
    return seconds * MS_PER_S + nanos / NS_PER_MS;
}

int64_t rnl_typed_time_ms(const Google__Protobuf__Timestamp *time)
{
    return time == NULL ? 0 : to_ms(time->seconds, time->nanos);
}

int64_t rnl_typed_duration_ms(const Google__Protobuf__Duration *duration)
{
    return duration == NULL ? 0 : to_ms(duration->seconds, duration->nanos);
}

Google__Protobuf__Timestamp *rnl_typed_time(
    Google__Protobuf__Timestamp *storage, int64_t ms)
{
    google__protobuf__timestamp__init(storage);
    storage->seconds = ms / MS_PER_S;
    storage->nanos = (int32_t)(ms % MS_PER_S) * NS_PER_MS;
    return ms == 0 ? NULL : storage;
}

Google__Protobuf__Duration *rnl_typed_duration(
    Google__Protobuf__Duration *storage, int64_t ms)
{
    google__protobuf__duration__init(storage);
    storage->seconds = ms / MS_PER_S;
    storage->nanos = (int32_t)(ms % MS_PER_S) * NS_PER_MS;
    return ms == 0 ? NULL : storage;
}

char *rnl_typed_text(const char *text)
{
    return (char *)(text == NULL ? "" : text);
}

void *rnl_typed_entries(struct rnl_arena *arena,
                        const ProtobufCMessageDescriptor *descriptor,
                        const struct rnl_pair *pairs, size_t count)
{
    if (count == 0)
        return NULL;
    struct entry **refs = rnl_arena_alloc(arena, count, sizeof(struct entry *));
    struct entry *entries = rnl_arena_alloc(arena, count, sizeof(struct entry));
    if (refs == NULL || entries == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        protobuf_c_message_init(descriptor, &entries[i]);
        entries[i].key = rnl_typed_text(pairs[i].key);
        entries[i].value = rnl_typed_text(pairs[i].value);
        refs[i] = &entries[i];
    }
    return refs;
}

const struct rnl_pair *rnl_typed_pairs(struct rnl_arena *arena,
                                       const void *entries, size_t count)
{
    struct entry *const *refs = entries;
    struct rnl_pair *pairs = rnl_arena_alloc(arena, count, sizeof(*pairs));
    for (size_t i = 0; pairs != NULL && i < count; i++)
        pairs[i] = (struct rnl_pair){refs[i]->key, refs[i]->value};
    return pairs;
}
