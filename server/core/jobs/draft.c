/* SPDX-License-Identifier: Apache-2.0 */
#include "draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "alloc.h"
#include "utf8.h"

#define SECOND_NS INT64_C(1000000000)

void rnl_input_of(const Runnel__V1__Payload *payload,
                  struct rnl_input *ret_input)
{
    struct rnl_input input = {
        .data = (const uint8_t *)"",
        .content_type = "text/plain; charset=utf-8",
    };
    if (payload != NULL &&
        payload->content_case == RUNNEL__V1__PAYLOAD__CONTENT_TEXT) {
        input.data = (const uint8_t *)payload->text;
        input.len = strlen(payload->text);
    } else if (payload != NULL &&
               payload->content_case == RUNNEL__V1__PAYLOAD__CONTENT_DATA) {
        input.content_type = "application/octet-stream";
        if (payload->data.len > 0)
            input.data = payload->data.data;
        input.len = payload->data.len;
    }
    if (payload != NULL && payload->content_type[0] != '\0')
        input.content_type = payload->content_type;
    *ret_input = input;
}

/* ---- texts ---- */

static enum rnl_code check_text(const char *text, size_t len_max,
                                const char *field,
                                struct rnl_field_error *error)
{
    size_t len = strlen(text);
    if (len > len_max)
        return rnl_field_error_set(error, field,
                                   "has %zu bytes, at most %zu are allowed",
                                   len, len_max);
    if (!rnl_utf8_valid(text, len))
        return rnl_field_error_set(error, field, "is not valid UTF-8");
    return RNL_OK;
}

bool rnl_job_kind_valid(const char *kind)
{
    size_t len = strlen(kind);
    return len >= 1 && len <= RNL_JOB_KIND_LEN_MAX &&
           strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static enum rnl_code check_kind(const char *kind, struct rnl_field_error *error)
{
    return rnl_job_kind_valid(kind)
               ? RNL_OK
               : rnl_field_error_set(error, "kind", "%s", RNL_JOB_KIND_RULE);
}

static enum rnl_code check_input(const Runnel__V1__Payload *payload,
                                 size_t len_max, struct rnl_field_error *error)
{
    if (payload == NULL)
        return RNL_OK;
    struct rnl_input input;
    rnl_input_of(payload, &input);
    bool is_text = payload->content_case == RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    const char *field = is_text ? "input.text" : "input.data";
    if (input.len > len_max)
        return rnl_field_error_set(error, field,
                                   "has %zu bytes, at most %zu are allowed",
                                   input.len, len_max);
    if (is_text && !rnl_utf8_valid(input.data, input.len))
        return rnl_field_error_set(error, field,
                                   "is not valid UTF-8: send it as input.data");
    for (const char *c = payload->content_type; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            return rnl_field_error_set(error, "input.content_type",
                                       "must be printable ASCII");
    }
    return check_text(payload->content_type, RNL_JOB_CONTENT_TYPE_LEN_MAX,
                      "input.content_type", error);
}

/* ---- maps ---- */

struct map_limits {
    const char *name;
    size_t count_max;
    size_t value_len_max;
};

static enum rnl_code check_entry(const struct map_limits *limits,
                                 const char *key, const char *value,
                                 struct rnl_field_error *error)
{
    char field[sizeof(error->field)];
    snprintf(field, sizeof(field), "%s[%.*s]", limits->name,
             (int)rnl_utf8_cut(key, strlen(key), RNL_JOB_KEY_LEN_MAX), key);
    if (key[0] == '\0')
        return rnl_field_error_set(error, field, "has an empty key");
    if (!rnl_utf8_valid(key, strlen(key)))
        return rnl_field_error_set(error, limits->name,
                                   "has a key that is not valid UTF-8");
    if (strlen(key) > RNL_JOB_KEY_LEN_MAX)
        return rnl_field_error_set(
            error, field, "has a key of %zu bytes, at most %d are allowed",
            strlen(key), RNL_JOB_KEY_LEN_MAX);
    return check_text(value, limits->value_len_max, field, error);
}

static enum rnl_code check_count(const struct map_limits *limits, size_t count,
                                 struct rnl_field_error *error)
{
    if (count > limits->count_max)
        return rnl_field_error_set(error, limits->name,
                                   "has %zu entries, at most %zu are allowed",
                                   count, limits->count_max);
    return RNL_OK;
}

static enum rnl_code say_twice(const struct map_limits *limits, const char *key,
                               struct rnl_field_error *error)
{
    char field[sizeof(error->field)];
    snprintf(field, sizeof(field), "%s[%s]", limits->name, key);
    return rnl_field_error_set(error, field, "is given twice");
}

static int compare_options(const void *a, const void *b)
{
    const Runnel__V1__Job__OptionsEntry *const *left = a;
    const Runnel__V1__Job__OptionsEntry *const *right = b;
    return strcmp((*left)->key, (*right)->key);
}

static int compare_labels(const void *a, const void *b)
{
    const Runnel__V1__Job__LabelsEntry *const *left = a;
    const Runnel__V1__Job__LabelsEntry *const *right = b;
    return strcmp((*left)->key, (*right)->key);
}

static enum rnl_code fill_options(struct rnl_job_draft *draft,
                                  const Runnel__V1__CreateJobRequest *request,
                                  struct rnl_field_error *error)
{
    static const struct map_limits limits = {"options", RNL_JOB_OPTIONS_MAX,
                                             RNL_JOB_OPTION_LEN_MAX};
    size_t count = request->n_options;
    enum rnl_code code = check_count(&limits, count, error);
    for (size_t i = 0; code == RNL_OK && i < count; i++) {
        Runnel__V1__Job__OptionsEntry *entry = &draft->options[i];
        *entry =
            (Runnel__V1__Job__OptionsEntry)RUNNEL__V1__JOB__OPTIONS_ENTRY__INIT;
        entry->key = request->options[i]->key;
        entry->value = request->options[i]->value;
        draft->option_refs[i] = entry;
        code = check_entry(&limits, entry->key, entry->value, error);
    }
    if (code != RNL_OK)
        return code;
    qsort(draft->option_refs, count, sizeof(draft->option_refs[0]),
          compare_options);
    for (size_t i = 1; i < count; i++) {
        if (compare_options(&draft->option_refs[i - 1],
                            &draft->option_refs[i]) == 0)
            return say_twice(&limits, draft->option_refs[i]->key, error);
    }
    draft->job.options = draft->option_refs;
    draft->job.n_options = count;
    return RNL_OK;
}

static enum rnl_code fill_labels(struct rnl_job_draft *draft,
                                 const Runnel__V1__CreateJobRequest *request,
                                 struct rnl_field_error *error)
{
    static const struct map_limits limits = {"labels", RNL_JOB_LABELS_MAX,
                                             RNL_JOB_LABEL_LEN_MAX};
    size_t count = request->n_labels;
    enum rnl_code code = check_count(&limits, count, error);
    for (size_t i = 0; code == RNL_OK && i < count; i++) {
        Runnel__V1__Job__LabelsEntry *entry = &draft->labels[i];
        *entry =
            (Runnel__V1__Job__LabelsEntry)RUNNEL__V1__JOB__LABELS_ENTRY__INIT;
        entry->key = request->labels[i]->key;
        entry->value = request->labels[i]->value;
        draft->label_refs[i] = entry;
        code = check_entry(&limits, entry->key, entry->value, error);
    }
    if (code != RNL_OK)
        return code;
    qsort(draft->label_refs, count, sizeof(draft->label_refs[0]),
          compare_labels);
    for (size_t i = 1; i < count; i++) {
        if (compare_labels(&draft->label_refs[i - 1], &draft->label_refs[i]) ==
            0)
            return say_twice(&limits, draft->label_refs[i]->key, error);
    }
    draft->job.labels = draft->label_refs;
    draft->job.n_labels = count;
    return RNL_OK;
}

/* ---- durations and retry ---- */

enum rnl_code rnl_job_check_duration(const Google__Protobuf__Duration *duration,
                                     int64_t min_s, int64_t max_s,
                                     const char *field,
                                     struct rnl_field_error *error)
{
    int64_t seconds = duration->seconds;
    int32_t nanos = duration->nanos;
    if (nanos < 0 || nanos >= SECOND_NS || seconds < min_s || seconds > max_s ||
        (seconds == max_s && nanos > 0))
        return rnl_field_error_set(error, field,
                                   "must be between %lld and %lld seconds",
                                   (long long)min_s, (long long)max_s);
    return RNL_OK;
}

static enum rnl_code fill_backoff(Google__Protobuf__Duration *out,
                                  const Google__Protobuf__Duration *asked,
                                  int64_t preset_s, const char *field,
                                  struct rnl_field_error *error)
{
    *out = (Google__Protobuf__Duration)GOOGLE__PROTOBUF__DURATION__INIT;
    out->seconds = preset_s;
    if (asked == NULL)
        return RNL_OK;
    out->seconds = asked->seconds;
    out->nanos = asked->nanos;
    return rnl_job_check_duration(out, 0, RNL_JOB_BACKOFF_S_MAX, field, error);
}

static enum rnl_code fill_retry(struct rnl_job_draft *draft,
                                const Runnel__V1__RetryPolicy *asked,
                                struct rnl_field_error *error)
{
    static const Runnel__V1__RetryPolicy none = RUNNEL__V1__RETRY_POLICY__INIT;
    if (asked == NULL)
        asked = &none;
    if (asked->max_attempts > RNL_JOB_ATTEMPTS_MAX)
        return rnl_field_error_set(error, "retry.max_attempts",
                                   "must be between 0 and %d",
                                   RNL_JOB_ATTEMPTS_MAX);
    draft->retry = none;
    draft->retry.max_attempts =
        asked->max_attempts == 0 ? 1 : asked->max_attempts;
    enum rnl_code code =
        fill_backoff(&draft->initial_backoff, asked->initial_backoff,
                     RNL_JOB_BACKOFF_INITIAL_S, "retry.initial_backoff", error);
    if (code != RNL_OK)
        return code;
    int64_t longest_s = RNL_JOB_BACKOFF_LONGEST_S;
    if (draft->initial_backoff.seconds >= longest_s)
        longest_s = RNL_JOB_BACKOFF_S_MAX;
    code = fill_backoff(&draft->max_backoff, asked->max_backoff, longest_s,
                        "retry.max_backoff", error);
    if (code != RNL_OK)
        return code;
    if (rnl_duration_ns(&draft->max_backoff) <
        rnl_duration_ns(&draft->initial_backoff))
        return rnl_field_error_set(error, "retry.max_backoff",
                                   "must not be below retry.initial_backoff");
    draft->retry.initial_backoff = &draft->initial_backoff;
    draft->retry.max_backoff = &draft->max_backoff;
    draft->job.retry = &draft->retry;
    return RNL_OK;
}

static enum rnl_code fill_retention(struct rnl_job_draft *draft,
                                    const Google__Protobuf__Duration *asked,
                                    struct rnl_field_error *error)
{
    Google__Protobuf__Duration *retention = &draft->retention;
    *retention = (Google__Protobuf__Duration)GOOGLE__PROTOBUF__DURATION__INIT;
    retention->seconds = RNL_JOB_RETENTION_S_DEFAULT;
    draft->job.retention = retention;
    if (asked == NULL)
        return RNL_OK;
    retention->seconds = asked->seconds;
    retention->nanos = asked->nanos;
    return rnl_job_check_duration(retention, RNL_JOB_RETENTION_S_MIN,
                                  RNL_JOB_RETENTION_S_MAX, "retention", error);
}

/* ---- the whole ---- */

static enum rnl_code check_timestamp(const Google__Protobuf__Timestamp *time,
                                     const char *field,
                                     struct rnl_field_error *error)
{
    /* 2200-01-01, which is before 64 bits of nanoseconds end. */
    const int64_t seconds_max = INT64_C(7258118400);
    if (time != NULL && (time->seconds < 0 || time->seconds > seconds_max ||
                         time->nanos < 0 || time->nanos >= SECOND_NS))
        return rnl_field_error_set(error, field,
                                   "must be a time between 1970 and 2200");
    return RNL_OK;
}

static enum rnl_code fill_scalars(struct rnl_job_draft *draft,
                                  const Runnel__V1__CreateJobRequest *request,
                                  struct rnl_field_error *error)
{
    if (request->priority < -RNL_JOB_PRIORITY_MAX ||
        request->priority > RNL_JOB_PRIORITY_MAX)
        return rnl_field_error_set(error, "priority",
                                   "must be between %d and %d",
                                   -RNL_JOB_PRIORITY_MAX, RNL_JOB_PRIORITY_MAX);
    Runnel__V1__Job *job = &draft->job;
    job->kind = request->kind;
    job->input = request->input;
    job->priority = request->priority;
    job->not_before = request->not_before;
    job->deadline = request->deadline;
    job->idempotency_key = request->idempotency_key;
    job->keep_newest_bytes = request->keep_newest_bytes;
    enum rnl_code code =
        check_text(request->idempotency_key, RNL_JOB_IDEMPOTENCY_LEN_MAX,
                   "idempotency_key", error);
    if (code == RNL_OK)
        code = check_timestamp(request->not_before, "not_before", error);
    if (code == RNL_OK)
        code = check_timestamp(request->deadline, "deadline", error);
    return code;
}

enum rnl_code rnl_job_draft_fill(struct rnl_job_draft *draft,
                                 const Runnel__V1__CreateJobRequest *request,
                                 size_t input_bytes_max,
                                 struct rnl_field_error *error)
{
    draft->job = (Runnel__V1__Job)RUNNEL__V1__JOB__INIT;
    enum rnl_code code = check_kind(request->kind, error);
    if (code == RNL_OK)
        code = check_input(request->input, input_bytes_max, error);
    if (code == RNL_OK)
        code = fill_options(draft, request, error);
    if (code == RNL_OK)
        code = fill_labels(draft, request, error);
    if (code == RNL_OK)
        code = fill_scalars(draft, request, error);
    if (code == RNL_OK)
        code = fill_retry(draft, request->retry, error);
    if (code == RNL_OK)
        code = fill_retention(draft, request->retention, error);
    rnl_input_of(request->input, &draft->input);
    draft->job.input_bytes = draft->input.len;
    return code;
}

enum rnl_code rnl_job_draft_hash(const struct rnl_job_draft *draft,
                                 struct rnl_request_hash *ret_hash)
{
    size_t len = runnel__v1__job__get_packed_size(&draft->job);
    uint8_t *bytes = rnl_malloc(len);
    if (bytes == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    runnel__v1__job__pack(&draft->job, bytes);
    XXH128_hash_t hash = XXH3_128bits(bytes, len);
    rnl_free(bytes);
    *ret_hash =
        (struct rnl_request_hash){.low = hash.low64, .high = hash.high64};
    return RNL_OK;
}

enum rnl_code rnl_job_draft_check_keep(const struct rnl_job_draft *draft,
                                       uint64_t log_bytes_max,
                                       struct rnl_field_error *error)
{
    uint64_t keep = draft->job.keep_newest_bytes;
    /* After a restart as much again may lie in front of it for a while
     * (trim.h), and the limit must not be reached. */
    uint64_t max = log_bytes_max / 3;
    if (keep == 0 || (keep >= RNL_JOB_KEEP_BYTES_MIN && keep <= max))
        return RNL_OK;
    return rnl_field_error_set(
        error, "keep_newest_bytes",
        "must be 0, or between %llu and %llu, a third of "
        "max_job_output_bytes",
        (unsigned long long)RNL_JOB_KEEP_BYTES_MIN, (unsigned long long)max);
}

enum rnl_code rnl_job_draft_check_times(const struct rnl_job_draft *draft,
                                        int64_t wall_ns,
                                        struct rnl_field_error *error)
{
    const Runnel__V1__Job *job = &draft->job;
    int64_t latest = wall_ns + RNL_JOB_AHEAD_S_MAX * SECOND_NS;
    if (job->not_before != NULL && rnl_timestamp_ns(job->not_before) > latest)
        return rnl_field_error_set(error, "not_before",
                                   "must be at most 366 days ahead");
    if (job->deadline == NULL)
        return RNL_OK;
    int64_t deadline = rnl_timestamp_ns(job->deadline);
    if (deadline <= wall_ns)
        return rnl_field_error_set(error, "deadline", "has passed");
    if (deadline > latest)
        return rnl_field_error_set(error, "deadline",
                                   "must be at most 366 days ahead");
    if (job->not_before != NULL &&
        deadline <= rnl_timestamp_ns(job->not_before))
        return rnl_field_error_set(error, "deadline",
                                   "must be later than not_before");
    return RNL_OK;
}
