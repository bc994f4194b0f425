/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void preset(const struct rnl_option *option, void *out)
{
    char *place = (char *)out + option->offset;
    switch (option->type) {
    case RNL_OPTION_INT:
        *(int64_t *)place = (int64_t)option->preset;
        break;
    case RNL_OPTION_REAL:
        *(double *)place = option->preset;
        break;
    case RNL_OPTION_TEXT:
        *(const char **)place = option->preset_text;
        break;
    }
}

static enum rnl_code say(struct rnl_field_error *error,
                         const struct rnl_option *option, const char *what)
{
    char field[sizeof(error->field)];
    snprintf(field, sizeof(field), "options.%s", option->name);
    return rnl_field_error_set(error, field, "%s between %.15g and %.15g", what,
                               option->min, option->max);
}

static enum rnl_code read_int(const struct rnl_option *option,
                              const char *value, int64_t *out,
                              struct rnl_field_error *error)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' ||
        (double)number < option->min || (double)number > option->max)
        return say(error, option, "must be a whole number");
    *out = number;
    return RNL_OK;
}

static enum rnl_code read_real(const struct rnl_option *option,
                               const char *value, double *out,
                               struct rnl_field_error *error)
{
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(number) ||
        number < option->min || number > option->max)
        return say(error, option, "must be a number");
    *out = number;
    return RNL_OK;
}

static enum rnl_code read_option(const struct rnl_option *option,
                                 const char *value, void *out,
                                 struct rnl_field_error *error)
{
    char *place = (char *)out + option->offset;
    switch (option->type) {
    case RNL_OPTION_INT:
        return read_int(option, value, (int64_t *)place, error);
    case RNL_OPTION_REAL:
        return read_real(option, value, (double *)place, error);
    case RNL_OPTION_TEXT:
        break;
    }
    double len = (double)strlen(value);
    if (len < option->min || len > option->max)
        return say(error, option, "must have a length in bytes");
    *(const char **)place = value;
    return RNL_OK;
}

static enum rnl_code say_unknown(const struct rnl_option *table, size_t count,
                                 const char *key, struct rnl_field_error *error)
{
    char names[160] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
                                 i == 0 ? "" : ", ", table[i].name);
    char field[sizeof(error->field)];
    snprintf(field, sizeof(field), "options.%s", key);
    return rnl_field_error_set(
        error, field, "is not an option of this kind; it takes %s", names);
}

enum rnl_code rnl_options_read(const struct rnl_option *table, size_t count,
                               const Runnel__V1__Job *job, void *out,
                               struct rnl_field_error *error)
{
    for (size_t i = 0; i < count; i++)
        preset(&table[i], out);
    for (size_t i = 0; i < job->n_options; i++) {
        const char *key = job->options[i]->key;
        size_t at = 0;
        while (at < count && strcmp(table[at].name, key) != 0)
            at++;
        if (at == count)
            return say_unknown(table, count, key, error);
        enum rnl_code code =
            read_option(&table[at], job->options[i]->value, out, error);
        if (code != RNL_OK)
            return code;
    }
    return RNL_OK;
}
