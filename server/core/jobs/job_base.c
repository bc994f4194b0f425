/* SPDX-License-Identifier: Apache-2.0 */
#include "job_base.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "alloc.h"

typedef Runnel__V1__Job__LabelsEntry label_entry;
typedef Runnel__V1__Job__OptionsEntry option_entry;

/* Takes what is copied off a block. Without one it only counts. */
struct arena {
    uint8_t *block;
    size_t used;
};

static void *put(struct arena *arena, const void *data, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    size_t at = arena->used;
    arena->used = (at + size + align - 1) & ~(align - 1);
    if (arena->block == NULL || size == 0)
        return NULL;
    return memcpy(arena->block + at, data, size);
}

static char *put_text(struct arena *arena, const char *text)
{
    if (text[0] == '\0')
        return (char *)(uintptr_t)protobuf_c_empty_string;
    return put(arena, text, strlen(text) + 1);
}

static Google__Protobuf__Timestamp *put_time(
    struct arena *arena, const Google__Protobuf__Timestamp *time)
{
    return time == NULL ? NULL : put(arena, time, sizeof(*time));
}

static Google__Protobuf__Duration *put_duration(
    struct arena *arena, const Google__Protobuf__Duration *duration)
{
    return duration == NULL ? NULL : put(arena, duration, sizeof(*duration));
}

static Runnel__V1__RetryPolicy *put_retry(struct arena *arena,
                                          const Runnel__V1__RetryPolicy *from)
{
    if (from == NULL)
        return NULL;
    Runnel__V1__RetryPolicy retry = *from;
    retry.initial_backoff = put_duration(arena, from->initial_backoff);
    retry.max_backoff = put_duration(arena, from->max_backoff);
    return put(arena, &retry, sizeof(retry));
}

static label_entry **put_labels(struct arena *arena,
                                const Runnel__V1__Job *from)
{
    size_t count = from->n_labels;
    label_entry **refs = put(arena, from->labels, count * sizeof(refs[0]));
    for (size_t i = 0; i < count; i++) {
        label_entry entry = *from->labels[i];
        entry.key = put_text(arena, entry.key);
        entry.value = put_text(arena, entry.value);
        label_entry *placed = put(arena, &entry, sizeof(entry));
        if (refs != NULL)
            refs[i] = placed;
    }
    return refs;
}

static option_entry **put_options(struct arena *arena,
                                  const Runnel__V1__Job *from)
{
    size_t count = from->n_options;
    option_entry **refs = put(arena, from->options, count * sizeof(refs[0]));
    for (size_t i = 0; i < count; i++) {
        option_entry entry = *from->options[i];
        entry.key = put_text(arena, entry.key);
        entry.value = put_text(arena, entry.value);
        option_entry *placed = put(arena, &entry, sizeof(entry));
        if (refs != NULL)
            refs[i] = placed;
    }
    return refs;
}

/* The first thing in the block. */
static void put_job(struct arena *arena, const Runnel__V1__Job *from)
{
    Runnel__V1__Job job = *from;
    Runnel__V1__Job *placed = put(arena, &job, sizeof(job));
    job.base.n_unknown_fields = 0;
    job.base.unknown_fields = NULL;
    job.input = NULL;
    job.progress = NULL;
    job.error = NULL;
    job.start_time = NULL;
    job.attempt_time = NULL;
    job.end_time = NULL;
    job.id = put_text(arena, from->id);
    job.kind = put_text(arena, from->kind);
    job.output_content_type = put_text(arena, from->output_content_type);
    job.idempotency_key = put_text(arena, from->idempotency_key);
    job.labels = put_labels(arena, from);
    job.options = put_options(arena, from);
    job.create_time = put_time(arena, from->create_time);
    job.not_before = put_time(arena, from->not_before);
    job.deadline = put_time(arena, from->deadline);
    job.retry = put_retry(arena, from->retry);
    job.retention = put_duration(arena, from->retention);
    if (placed != NULL)
        *placed = job;
}

Runnel__V1__Job *rnl_job_base_copy(const Runnel__V1__Job *from)
{
    struct arena arena = {NULL, 0};
    put_job(&arena, from);
    arena = (struct arena){rnl_malloc(arena.used), 0};
    if (arena.block != NULL)
        put_job(&arena, from);
    return (Runnel__V1__Job *)(void *)arena.block;
}
