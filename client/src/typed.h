/* SPDX-License-Identifier: Apache-2.0 */
/* What the typed functions (jobs, statistics) share: unary calls of protobuf-c
 * messages, and the conversion of small things. */
#ifndef RNL_CLIENT_TYPED_H
#define RNL_CLIENT_TYPED_H

#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <protobuf-c/protobuf-c.h>

#include <runnel/call.h>

#include "arena.h"

/* A method and what it answers with. */
struct rnl_method_type {
    const char *name;
    const ProtobufCMessageDescriptor *answer;
};

/* Blocks: calls the method and unpacks its answer into the arena. Errors: the
 * call's; RNL_INTERNAL when the answer cannot be read. rnl_client_status is
 * set. */
RNL_MUST_USE enum rnl_code rnl_typed_call(struct rnl_client *client,
                                          const struct rnl_method_type *method,
                                          const ProtobufCMessage *request,
                                          struct rnl_arena *arena,
                                          void **ret_answer);

/* The same for a request that is encoded already, with its own timeout. */
RNL_MUST_USE enum rnl_code rnl_typed_unary(struct rnl_client *client,
                                           const struct rnl_method_type *method,
                                           const struct rnl_request *request,
                                           struct rnl_arena *arena,
                                           void **ret_answer);

/* RNL_RESOURCE_EXHAUSTED, as rnl_client_status. */
enum rnl_code rnl_typed_no_memory(struct rnl_client *client);

/* Milliseconds; 0 for none. */
int64_t rnl_typed_time_ms(const Google__Protobuf__Timestamp *time);
int64_t rnl_typed_duration_ms(const Google__Protobuf__Duration *duration);

/* Sets *storage and returns it; NULL for 0. */
Google__Protobuf__Timestamp *rnl_typed_time(
    Google__Protobuf__Timestamp *storage, int64_t ms);
Google__Protobuf__Duration *rnl_typed_duration(
    Google__Protobuf__Duration *storage, int64_t ms);

/* A string of the caller, which protobuf-c wants writable: "" for NULL. */
char *rnl_typed_text(const char *text);

/*
 * Entries of a map<string, string> for a request: an array of pointers to the
 * generated type of entry, all of which are alike. NULL for none, or when
 * memory is out (arena->exhausted).
 */
void *rnl_typed_entries(struct rnl_arena *arena,
                        const ProtobufCMessageDescriptor *descriptor,
                        const struct rnl_pair *pairs, size_t count);

/* The other way; NULL when memory is out. */
const struct rnl_pair *rnl_typed_pairs(struct rnl_arena *arena,
                                       const void *entries, size_t count);

#endif
