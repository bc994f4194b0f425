/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "parse.h"
#include "text.h"

json_t *cli_json_must(json_t *value)
{
    if (!value) {
        fputs("runnel: out of memory\n", stderr);
        exit(1);
    }
    return value;
}

json_t *cli_json_object(void)
{
    return cli_json_must(json_object());
}

json_t *cli_json_array(void)
{
    return cli_json_must(json_array());
}

void cli_json_set(json_t *object, const char *name, json_t *value)
{
    cli_json_must(value);
    if (json_object_set_new(object, name, value) != 0)
        cli_json_must(NULL);
}

/* jansson takes UTF-8 only. */
void cli_json_set_text(json_t *object, const char *name, const char *text)
{
    json_t *value = json_string(text ? text : "");
    if (!value && text) {
        struct cli_buf safe = {0};
        cli_text_add_safe(&safe, text, strlen(text), 0);
        value = json_string(cli_buf_str(&safe));
        cli_buf_fini(&safe);
    }
    cli_json_set(object, name, value);
}

void cli_json_set_number(json_t *object, const char *name, double number)
{
    if (isnan(number))
        cli_json_set_text(object, name, "NaN");
    else if (isinf(number))
        cli_json_set_text(object, name, number > 0 ? "Infinity" : "-Infinity");
    else if (number == floor(number) && fabs(number) < 1e15)
        /* 5 and not 5.0, as other writers of the mapping do. */
        cli_json_set(object, name, json_integer((json_int_t)number));
    else
        cli_json_set(object, name, json_real(number));
}

void cli_json_set_u32(json_t *object, const char *name, uint32_t number)
{
    cli_json_set(object, name, json_integer(number));
}

void cli_json_set_u64(json_t *object, const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    cli_json_set_text(object, name, text);
}

void cli_json_set_bool(json_t *object, const char *name, bool truth)
{
    cli_json_set(object, name, json_boolean(truth));
}

void cli_json_set_time(json_t *object, const char *name, int64_t time_ms)
{
    struct cli_buf text = {0};
    if (time_ms == 0)
        return;
    cli_text_add_time(&text, time_ms, false);
    cli_json_set_text(object, name, cli_buf_str(&text));
    cli_buf_fini(&text);
}

const json_t *cli_json_at(const json_t *object, const char *path)
{
    char name[64];
    while (object && *path) {
        size_t len = strcspn(path, ".");
        if (len >= sizeof(name))
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        object = json_object_get(object, name);
        path += len + (path[len] == '.');
    }
    return object;
}

const char *cli_json_text(const json_t *object, const char *path)
{
    const char *text = json_string_value(cli_json_at(object, path));
    return text ? text : "";
}

double cli_json_number(const json_t *object, const char *path)
{
    const json_t *value = cli_json_at(object, path);
    if (json_is_string(value))
        return strtod(json_string_value(value), NULL);
    return json_number_value(value);
}

uint64_t cli_json_u64(const json_t *object, const char *path)
{
    const json_t *value = cli_json_at(object, path);
    if (json_is_string(value))
        return strtoull(json_string_value(value), NULL, 10);
    return (uint64_t)json_integer_value(value);
}

bool cli_json_bool(const json_t *object, const char *path)
{
    return json_is_true(cli_json_at(object, path));
}

int64_t cli_json_time_ms(const json_t *object, const char *path)
{
    static const struct cli_time_format format = {.kind = CLI_TIME_RFC3339};
    const char *text = cli_json_text(object, path);
    int64_t time_ms = 0;
    if (!cli_parse_time_ms(text, strlen(text), &format, &time_ms))
        return 0;
    return time_ms;
}

static int add_piece(const char *piece, size_t len, void *arg)
{
    cli_buf_add(arg, piece, len);
    return 0;
}

/* The shortest text that gives the same double back: 0.95 and not
 * 0.94999999999999996, which is what jansson 2.14 writes. */
static void add_real(struct cli_buf *buf, double number)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    cli_buf_text(buf, text);
}

static void add_scalar(struct cli_buf *buf, const json_t *value)
{
    if (json_is_real(value))
        add_real(buf, json_real_value(value));
    else if (json_dump_callback(value, add_piece, buf, JSON_ENCODE_ANY) != 0)
        cli_json_must(NULL);
}

static void add_members(struct cli_buf *buf, const json_t *object)
{
    const char *name;
    json_t *value;
    const char *comma = "";
    json_object_foreach((json_t *)object, name, value)
    {
        json_t *key = cli_json_must(json_string(name));
        cli_buf_text(buf, comma);
        add_scalar(buf, key);
        cli_buf_text(buf, ":");
        cli_json_add(buf, value);
        json_decref(key);
        comma = ",";
    }
}

void cli_json_add(struct cli_buf *buf, const json_t *value)
{
    if (json_is_object(value)) {
        cli_buf_text(buf, "{");
        add_members(buf, value);
        cli_buf_text(buf, "}");
    } else if (json_is_array(value)) {
        cli_buf_text(buf, "[");
        for (size_t i = 0; i < json_array_size(value); i++) {
            cli_buf_text(buf, i > 0 ? "," : "");
            cli_json_add(buf, json_array_get(value, i));
        }
        cli_buf_text(buf, "]");
    } else {
        add_scalar(buf, value);
    }
}
