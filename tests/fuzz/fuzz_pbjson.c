/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to a message and back: what was read can be written, and what was
 * written is read as the same message. */
#include "fuzz.h"

#include <string.h>

#include <runnel/v1/events.pb-c.h>
#include <runnel/v1/jobs.pb-c.h>
#include <runnel/v1/stats.pb-c.h>

#include "pbjson.h"

/* Far above what the longest input can say. */
#define TEXT_MAX (1 << 20)

static const ProtobufCMessageDescriptor *const types[] = {
    &runnel__v1__create_job_request__descriptor,
    &runnel__v1__job__descriptor,
    &runnel__v1__event_batch__descriptor,
    &runnel__v1__watch_stats_response__descriptor,
};

static ProtobufCMessage *read(const ProtobufCMessageDescriptor *type,
                              const char *data, size_t size)
{
    struct rnl_pbjson_error error;
    json_t *value;
    ProtobufCMessage *message = NULL;
    if (rnl_pbjson_parse(data, size, &value, &error) != RNL_OK)
        return NULL;
    if (rnl_pbjson_read(type, value, &message, &error) != RNL_OK)
        message = NULL;
    json_decref(value);
    return message;
}

static void check_round(const ProtobufCMessage *message)
{
    struct rnl_pbjson_error error;
    struct rnl_text text;
    rnl_text_init(&text, TEXT_MAX);
    FUZZ_CHECK(rnl_pbjson_write(message, &text, &error) == RNL_OK);
    ProtobufCMessage *again = read(message->descriptor, text.data, text.len);
    FUZZ_CHECK(again != NULL);
    struct rnl_text text_again;
    rnl_text_init(&text_again, TEXT_MAX);
    FUZZ_CHECK(rnl_pbjson_write(again, &text_again, &error) == RNL_OK);
    FUZZ_CHECK(text.len == text_again.len &&
               memcmp(text.data, text_again.data, text.len) == 0);
    rnl_pbjson_free(again);
    rnl_text_fini(&text);
    rnl_text_fini(&text_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t type = fuzz_byte(&data, &size);
    ProtobufCMessage *message =
        read(types[type % (sizeof(types) / sizeof(types[0]))],
             (const char *)data, size);
    if (message != NULL)
        check_round(message);
    rnl_pbjson_free(message);
    return 0;
}
