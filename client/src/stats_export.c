/* SPDX-License-Identifier: Apache-2.0 */
/* Sketches as bytes, both ways. */
#include <stddef.h>

#include <runnel/stats.h>
#include <runnel/v1/stats.pb-c.h>

#include "alloc.h"
#include "client_private.h"
#include "typed.h"

/* A result and the memory that it lies in. */
struct exported_box {
    struct rnl_exported exported;
    struct rnl_arena arena;
};

_Static_assert(offsetof(struct exported_box, exported) == 0,
               "a result is its box");

void rnl_exported_destroy(struct rnl_exported *exported)
{
    struct exported_box *box = (struct exported_box *)exported;
    if (box == NULL)
        return;
    rnl_arena_fini(&box->arena);
    rnl_free(box);
}

enum rnl_code rnl_stats_export(struct rnl_client *client,
                               const struct rnl_export_query *query,
                               struct rnl_exported **ret_exported)
{
    static const struct rnl_method_type method = {
        "runnel.v1.StatsService/ExportSketch",
        &runnel__v1__export_sketch_response__descriptor,
    };
    struct rnl_export_query own;
    if (!rnl_options_copy(&own, sizeof(own), query))
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    struct exported_box *box = rnl_calloc(1, sizeof(*box));
    if (box == NULL)
        return rnl_typed_no_memory(client);
    Runnel__V1__ExportSketchRequest request =
        RUNNEL__V1__EXPORT_SKETCH_REQUEST__INIT;
    request.stream = rnl_typed_text(own.stream);
    request.window_seconds = own.window_seconds;
    request.kind = (Runnel__V1__SketchKind)own.kind;
    request.format = (Runnel__V1__SketchFormat)own.format;
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &request.base, &box->arena, &answer);
    if (code != RNL_OK) {
        rnl_exported_destroy(&box->exported);
        return code;
    }
    /* The unpacked answer lies in the arena already. */
    const Runnel__V1__ExportSketchResponse *response = answer;
    box->exported = (struct rnl_exported){
        .sketch = response->sketch.data,
        .sketch_len = response->sketch.len,
        .content_type = response->content_type,
    };
    *ret_exported = &box->exported;
    return RNL_OK;
}

enum rnl_code rnl_stats_merge(struct rnl_client *client,
                              const struct rnl_merge_request *request,
                              struct rnl_merged *ret_merged)
{
    static const struct rnl_method_type method = {
        "runnel.v1.StatsService/MergeSketch",
        &runnel__v1__merge_sketch_response__descriptor,
    };
    struct rnl_merge_request own;
    if (!rnl_options_copy(&own, sizeof(own), request))
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    Runnel__V1__MergeSketchRequest message =
        RUNNEL__V1__MERGE_SKETCH_REQUEST__INIT;
    message.stream = rnl_typed_text(own.stream);
    message.kind = (Runnel__V1__SketchKind)own.kind;
    message.format = (Runnel__V1__SketchFormat)own.format;
    message.sketch.data = (uint8_t *)(uintptr_t)own.sketch;
    message.sketch.len = own.sketch_len;
    message.producer_id = rnl_typed_text(own.producer_id);
    message.producer_sequence = own.producer_sequence;
    struct rnl_arena arena = {0};
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &message.base, &arena, &answer);
    if (code == RNL_OK) {
        const Runnel__V1__MergeSketchResponse *response = answer;
        ret_merged->count = response->count;
        ret_merged->duplicate = response->duplicate;
    }
    rnl_arena_fini(&arena);
    return code;
}
