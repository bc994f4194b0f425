/* SPDX-License-Identifier: Apache-2.0 */
#include "status_box.h"

#include <stdio.h>
#include <string.h>

#include <runnel/v1/frame.pb-c.h>

#include "alloc.h"
#include "arena.h"

/* Longer messages of this library itself are cut. */
#define MESSAGE_MAX 512

/* Codes above are not gRPC's. */
#define CODE_MAX RNL_UNAUTHENTICATED

enum rnl_code rnl_status_code(int code)
{
    return code >= 0 && code <= (int)CODE_MAX ? (enum rnl_code)code
                                              : RNL_UNKNOWN;
}

void rnl_status_box_init(struct rnl_status_box *box)
{
    *box = (struct rnl_status_box){.info.message = ""};
}

void rnl_status_box_fini(struct rnl_status_box *box)
{
    rnl_free(box->block);
    rnl_status_box_init(box);
}

static char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static size_t text_size(const struct rnl_status_info *info)
{
    size_t size = strlen(info->message) + 1;
    for (size_t i = 0; i < info->violation_count; i++)
        size += strlen(info->violations[i].field) +
                strlen(info->violations[i].description) + 2;
    return size;
}

/* One block: the violations, then all strings. */
static void *copy_parts(const struct rnl_status_info *info,
                        struct rnl_status_info *copy)
{
    size_t list_size = info->violation_count * sizeof(info->violations[0]);
    void *block = rnl_malloc(list_size + text_size(info));
    if (block == NULL)
        return NULL;
    struct rnl_violation *violations = block;
    char *at = (char *)block + list_size;
    copy->message = put(&at, info->message);
    for (size_t i = 0; i < info->violation_count; i++) {
        violations[i].field = put(&at, info->violations[i].field);
        violations[i].description = put(&at, info->violations[i].description);
    }
    copy->violations = info->violation_count == 0 ? NULL : violations;
    return block;
}

void rnl_status_copy(struct rnl_status_box *box,
                     const struct rnl_status_info *info)
{
    struct rnl_status_info copy = *info;
    void *block = NULL;
    if (info->message[0] != '\0' || info->violation_count > 0) {
        block = copy_parts(info, &copy);
        if (block == NULL) {
            copy.message = rnl_code_text(info->code);
            copy.violations = NULL;
            copy.violation_count = 0;
        }
    } else {
        copy.message = "";
    }
    rnl_free(box->block);
    box->block = block;
    box->info = copy;
}

void rnl_status_set_v(struct rnl_status_box *box, enum rnl_code code,
                      const char *format, va_list args)
{
    char message[MESSAGE_MAX];
    vsnprintf(message, sizeof(message), format, args);
    struct rnl_status_info info = {.code = code, .message = message};
    rnl_status_copy(box, &info);
}

void rnl_status_set(struct rnl_status_box *box, enum rnl_code code,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rnl_status_set_v(box, code, format, args);
    va_end(args);
}

static void take_status(struct rnl_status_box *box, struct rnl_arena *arena,
                        const Runnel__V1__Status *status)
{
    struct rnl_status_info info = {
        .code = rnl_status_code((int)status->code),
        .message = status->message,
        .retry_delay_ms = status->retry_delay_ms,
        .first_available_sequence = status->first_available_sequence,
    };
    struct rnl_violation *violations =
        rnl_arena_alloc(arena, status->n_violations, sizeof(*violations));
    for (size_t i = 0; violations != NULL && i < status->n_violations; i++) {
        violations[i].field = status->violations[i]->field;
        violations[i].description = status->violations[i]->description;
        info.violation_count++;
    }
    info.violations = violations;
    rnl_status_copy(box, &info);
}

void rnl_status_decode(struct rnl_status_box *box, const void *data, size_t len)
{
    struct rnl_arena arena = {0};
    const Runnel__V1__Status *status =
        rnl_arena_unpack(&arena, &runnel__v1__status__descriptor, data, len);
    if (status != NULL)
        take_status(box, &arena, status);
    else if (arena.exhausted)
        rnl_status_set(box, RNL_RESOURCE_EXHAUSTED, "out of memory");
    else
        rnl_status_set(box, RNL_INTERNAL, "the server's Status is unreadable");
    rnl_arena_fini(&arena);
}
