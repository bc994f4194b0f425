/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of routes, and that openapi.json and docs/rest.md say what it and
 * the schema say: argv[1] is the built document, argv[2] the page.
 */
#include "test.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <runnel/v1/jobs.pb-c.h>
#include <runnel/v1/stats.pb-c.h>

#include "handlers.h"
#include "pbjson.h"
#include "route.h"
#include "unary.h"

static json_t *document;
static char *page;

/* The table names handlers; none is called here. */
#define STUB(name)                           \
    void name(struct rnl_exchange *exchange) \
    {                                        \
        (void)exchange;                      \
        fail();                              \
    }
#define REPLY_STUB(name)                                                     \
    void name(struct rnl_exchange *exchange, const ProtobufCMessage *answer) \
    {                                                                        \
        (void)exchange;                                                      \
        (void)answer;                                                        \
        fail();                                                              \
    }
STUB(rnl_unary_handle)
STUB(rnl_handle_healthz)
STUB(rnl_handle_readyz)
STUB(rnl_handle_metrics)
STUB(rnl_handle_openapi)
STUB(rnl_handle_ingest)
STUB(rnl_handle_output)
STUB(rnl_handle_job_events)
STUB(rnl_handle_events)
STUB(rnl_handle_stats_events)
STUB(rnl_handle_tickets)
REPLY_STUB(rnl_reply_created_job)
REPLY_STUB(rnl_reply_created_stream)
REPLY_STUB(rnl_reply_created_token)
REPLY_STUB(rnl_reply_sketch)
REPLY_STUB(rnl_reply_info)

/* --- finding --- */

static struct rnl_match find(const char *verb, const char *path)
{
    struct rnl_match match;
    rnl_route_find(verb, strlen(verb), path, strlen(path), &match);
    return match;
}

static void a_path_gives_its_route_and_parameters(void **state)
{
    (void)state;
    struct rnl_match match = find("GET", "/v1/jobs/abc/events");
    assert_non_null(match.route);
    assert_string_equal(match.route->pattern, "/v1/jobs/{job_id}/events");
    assert_int_equal(match.param_count, 1);
    assert_int_equal(match.params[0].name_len, strlen("job_id"));
    assert_memory_equal(match.params[0].name, "job_id", strlen("job_id"));
    assert_int_equal(match.params[0].value_len, 3);
    assert_memory_equal(match.params[0].value, "abc", 3);
    match = find("POST", "/v1/streams/web/sketches/unique");
    assert_int_equal(match.param_count, 2);
    assert_memory_equal(match.params[1].value, "unique", 6);
}

static void head_is_answered_where_the_answer_ends(void **state)
{
    (void)state;
    assert_ptr_equal(find("HEAD", "/v1/jobs").route,
                     find("GET", "/v1/jobs").route);
    assert_null(find("HEAD", "/v1/jobs/a/events").route);
    assert_null(find("HEAD", "/v1/jobs/a/cancel").route);
}

static void a_wrong_method_tells_the_right_ones(void **state)
{
    (void)state;
    struct rnl_match match = find("PUT", "/v1/jobs");
    assert_null(match.route);
    assert_string_equal(match.allow, "POST, GET, HEAD");
    assert_string_equal(find("POST", "/v1/events").allow, "GET");
    assert_string_equal(find("get", "/v1/jobs").allow, "POST, GET, HEAD");
}

static void other_paths_have_no_route(void **state)
{
    static const char *const paths[] = {
        "",          "v1/jobs",    "/",           "//",
        "/v1/jobs/", "/v1/jobs//", "/v1//jobs",   "/v1/jobs/a/",
        "/V1/jobs",  "/v1/job",    "/v1/jobsx/a", "/v1/jobs/a/events/b"};
    char longest[sizeof("/v1/jobs/") + RNL_ROUTE_PARAM_LEN_MAX] = "/v1/jobs/";
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct rnl_match match = find("GET", paths[i]);
        if (match.route != NULL || match.allow[0] != '\0')
            fail_msg("%s is found", paths[i]);
    }
    memset(longest + strlen(longest), 'x', RNL_ROUTE_PARAM_LEN_MAX);
    size_t len = sizeof(longest) - 1;
    struct rnl_match match;
    rnl_route_find("GET", 3, longest, len, &match);
    assert_non_null(match.route);
    longest[len] = 'x';
    rnl_route_find("GET", 3, longest, len + 1, &match);
    assert_null(match.route);
}

/* --- openapi.json --- */

static json_t *at(json_t *node, const char *path)
{
    char name[128];
    while (node != NULL && *path != '\0') {
        size_t len = strcspn(path, " ");
        snprintf(name, sizeof(name), "%.*s", (int)len, path);
        node = json_object_get(node, name);
        path += len + strspn(path + len, " ");
    }
    return node;
}

/* What a reference leads to, or the node itself. */
static json_t *follow(json_t *node)
{
    const char *ref = json_string_value(json_object_get(node, "$ref"));
    char name[128];
    if (ref == NULL)
        return node;
    assert_memory_equal(ref, "#/", 2);
    node = document;
    for (ref += 2; *ref != '\0'; ref += *ref == '/') {
        size_t len = strcspn(ref, "/");
        snprintf(name, sizeof(name), "%.*s", (int)len, ref);
        node = json_object_get(node, name);
        ref += len;
    }
    if (node == NULL)
        fail_msg("a reference leads nowhere");
    return node;
}

static json_t *operation(const struct rnl_route *route)
{
    char verb[8] = "";
    for (size_t i = 0; route->verb[i] != '\0'; i++)
        verb[i] = (char)tolower(route->verb[i]);
    json_t *path = json_object_get(at(document, "paths"), route->pattern);
    json_t *found = json_object_get(path, verb);
    if (found == NULL)
        fail_msg("openapi.json lacks %s %s", route->verb, route->pattern);
    return found;
}

/* The operation's parameter of that name and place, or NULL. */
static json_t *parameter(json_t *op, const char *name, const char *in)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(op, "parameters"), i, item)
    {
        json_t *param = follow(item);
        if (strcmp(json_string_value(json_object_get(param, "name")), name) ==
                0 &&
            strcmp(json_string_value(json_object_get(param, "in")), in) == 0)
            return param;
    }
    return NULL;
}

static bool in_path(const struct rnl_route *route, const char *name)
{
    char braced[64];
    snprintf(braced, sizeof(braced), "{%s}", name);
    return strstr(route->pattern, braced) != NULL;
}

static void every_route_is_an_operation_and_no_other(void **state)
{
    size_t routes = 0, operations = 0;
    const char *path, *verb;
    json_t *item, *op;
    (void)state;
    for (const struct rnl_route *route = rnl_routes; route->verb != NULL;
         route++, routes++) {
        op = operation(route);
        assert_non_null(json_object_get(op, "operationId"));
        assert_non_null(json_object_get(op, "summary"));
    }
    json_object_foreach(at(document, "paths"), path, item)
        json_object_foreach(item, verb, op) operations++;
    assert_int_equal(operations, routes);
}

static void parameters_of_paths_are_declared(void **state)
{
    (void)state;
    for (const struct rnl_route *route = rnl_routes; route->verb != NULL;
         route++) {
        const char *brace = route->pattern;
        while ((brace = strchr(brace, '{')) != NULL) {
            char name[RNL_ROUTE_NAME_MAX];
            size_t len = strcspn(++brace, "}");
            snprintf(name, sizeof(name), "%.*s", (int)len, brace);
            if (parameter(operation(route), name, "path") == NULL)
                fail_msg("%s %s: {%s} is not declared", route->verb,
                         route->pattern, name);
        }
    }
}

/* Maps are prose ("labels.NAME"), and a window has a form of its own. */
static void fields_of_a_request_are_parameters(void **state)
{
    (void)state;
    for (const struct rnl_route *route = rnl_routes; route->verb != NULL;
         route++) {
        if (route->request == NULL || strcmp(route->verb, "GET") != 0)
            continue;
        for (unsigned i = 0; i < route->request->n_fields; i++) {
            const ProtobufCFieldDescriptor *field = &route->request->fields[i];
            const char *name = strcmp(field->name, "window_seconds") == 0
                                   ? "window"
                                   : field->name;
            if (in_path(route, name) ||
                rnl_pbjson_is_map(route->request, field))
                continue;
            if (parameter(operation(route), name, "query") == NULL)
                fail_msg("%s: %s is not declared", route->pattern, name);
        }
    }
}

static void assert_refers(json_t *schema, const char *name, const char *where)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    const char *slash = ref != NULL ? strrchr(ref, '/') : NULL;
    if (slash == NULL || strcmp(slash + 1, name) != 0)
        fail_msg("%s: the schema is not %s", where, name);
}

static void calls_have_the_schemas_of_their_messages(void **state)
{
    (void)state;
    for (const struct rnl_route *route = rnl_routes; route->verb != NULL;
         route++) {
        if (route->rpc == NULL)
            continue;
        json_t *op = operation(route);
        /* Of what is always made anew. */
        const char *path =
            json_object_get(json_object_get(op, "responses"), "200") != NULL
                ? "responses 200 content application/json schema"
                : "responses 201 content application/json schema";
        json_t *answer = at(op, path);
        if (route->reply != rnl_reply_sketch)
            assert_refers(answer, route->response->short_name, route->pattern);
        if (strcmp(route->verb, "POST") == 0)
            assert_refers(at(op, "requestBody content application/json schema"),
                          route->request->short_name, route->pattern);
    }
}

/* --- schemas --- */

static json_t *schema_of(const char *name)
{
    json_t *schema = json_object_get(at(document, "components schemas"), name);
    if (schema == NULL)
        fail_msg("openapi.json lacks the schema %s", name);
    return schema;
}

/* Whether a schema allows a type, or leads to the schema of that name. */
static bool allows(json_t *schema, const char *want)
{
    size_t i;
    json_t *item, *type = json_object_get(schema, "type");
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    if (ref != NULL)
        return strcmp(strrchr(ref, '/') + 1, want) == 0;
    if (json_is_string(type))
        return strcmp(json_string_value(type), want) == 0;
    json_array_foreach(type, i, item) if (strcmp(json_string_value(item),
                                                 want) == 0) return true;
    json_array_foreach(json_object_get(schema, "anyOf"), i,
                       item) if (allows(item, want)) return true;
    return false;
}

static const char *type_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return "integer";
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        return "number";
    case PROTOBUF_C_TYPE_BOOL:
        return "boolean";
    case PROTOBUF_C_TYPE_ENUM:
        return ((const ProtobufCEnumDescriptor *)field->descriptor)->short_name;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (field->descriptor == &google__protobuf__timestamp__descriptor ||
            field->descriptor == &google__protobuf__duration__descriptor)
            return "string";
        return ((const ProtobufCMessageDescriptor *)field->descriptor)
            ->short_name;
    default: /* 64 bits, strings, bytes */
        return "string";
    }
}

static void check_message(const ProtobufCMessageDescriptor *message);

/* The names, and then the numbers, which are read too. */
static void check_enum(const ProtobufCEnumDescriptor *values)
{
    json_t *names = json_object_get(schema_of(values->short_name), "enum");
    assert_int_equal(json_array_size(names), 2 * values->n_values);
    for (unsigned i = 0; i < values->n_values; i++) {
        const ProtobufCEnumValue *value = &values->values[i];
        assert_string_equal(json_string_value(json_array_get(names, i)),
                            value->name);
        assert_int_equal(
            json_integer_value(json_array_get(names, i + values->n_values)),
            value->value);
    }
}

static void check_field(const ProtobufCMessageDescriptor *message,
                        const ProtobufCFieldDescriptor *field, json_t *schema)
{
    const ProtobufCFieldDescriptor *element = field;
    if (rnl_pbjson_is_map(message, field)) {
        element =
            &((const ProtobufCMessageDescriptor *)field->descriptor)->fields[1];
        schema = json_object_get(schema, "additionalProperties");
    } else if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        schema = json_object_get(schema, "items");
    }
    if (!allows(schema, type_of(element)))
        fail_msg("%s.%s is no %s", message->short_name, field->name,
                 type_of(element));
    if (element->type == PROTOBUF_C_TYPE_ENUM)
        check_enum(element->descriptor);
    else if (element->type == PROTOBUF_C_TYPE_MESSAGE &&
             strcmp(type_of(element), "string") != 0)
        check_message(element->descriptor);
}

/* What stands in the path cannot stand in the body as well. */
static bool is_taken_away(const char *message, const char *field)
{
    static const char *const away[][2] = {{"CancelJobRequest", "job_id"},
                                          {"MergeSketchRequest", "stream"},
                                          {"MergeSketchRequest", "kind"}};
    for (size_t i = 0; i < sizeof(away) / sizeof(away[0]); i++)
        if (strcmp(message, away[i][0]) == 0 && strcmp(field, away[i][1]) == 0)
            return true;
    return false;
}

static void camel(const char *name, char out[64])
{
    size_t len = 0;
    for (; *name != '\0' && len < 63; name++)
        out[len++] = *name == '_' ? (char)toupper(*++name) : *name;
    out[len] = '\0';
}

/* Every field is a property of its type, and there is no other property. The
 * schema's messages do not hold themselves. */
static void check_message(const ProtobufCMessageDescriptor *message)
{
    json_t *properties =
        json_object_get(schema_of(message->short_name), "properties");
    size_t want = 0;
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        char name[64];
        if (is_taken_away(message->short_name, field->name))
            continue;
        camel(field->name, name);
        json_t *schema = json_object_get(properties, name);
        if (schema == NULL)
            fail_msg("%s lacks %s", message->short_name, name);
        check_field(message, field, schema);
        want++;
    }
    if (json_object_size(properties) != want)
        fail_msg("%s has a property that is no field", message->short_name);
}

static void schemas_say_what_the_messages_are(void **state)
{
    (void)state;
    for (const struct rnl_route *route = rnl_routes; route->verb != NULL;
         route++) {
        if (route->rpc == NULL)
            continue;
        if (route->reply != rnl_reply_sketch)
            check_message(route->response);
        if (strcmp(route->verb, "POST") == 0)
            check_message(route->request);
    }
    check_message(&runnel__v1__job_event__descriptor);
    check_message(&runnel__v1__stats_snapshot__descriptor);
    check_message(&runnel__v1__anomaly__descriptor);
}

static void follow_all(json_t *node)
{
    const char *key;
    size_t i;
    json_t *item;
    if (json_object_get(node, "$ref") != NULL)
        (void)follow(node);
    json_object_foreach(node, key, item) follow_all(item);
    if (json_is_array(node))
        json_array_foreach(node, i, item) follow_all(item);
}

static void references_lead_somewhere(void **state)
{
    (void)state;
    follow_all(document);
}

/* --- docs/rest.md --- */

static void every_route_is_in_the_page(void **state)
{
    (void)state;
    for (const struct rnl_route *route = rnl_routes; route->verb != NULL;
         route++) {
        char line[128];
        snprintf(line, sizeof(line), "%s %s`", route->verb, route->pattern);
        if (strstr(page, line) == NULL)
            fail_msg("docs/rest.md lacks %s", line);
    }
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    if (file == NULL || text == NULL ||
        fread(text, 1, (1 << 20) - 1, file) == 0) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_gives_its_route_and_parameters),
        cmocka_unit_test(head_is_answered_where_the_answer_ends),
        cmocka_unit_test(a_wrong_method_tells_the_right_ones),
        cmocka_unit_test(other_paths_have_no_route),
        cmocka_unit_test(every_route_is_an_operation_and_no_other),
        cmocka_unit_test(parameters_of_paths_are_declared),
        cmocka_unit_test(fields_of_a_request_are_parameters),
        cmocka_unit_test(calls_have_the_schemas_of_their_messages),
        cmocka_unit_test(schemas_say_what_the_messages_are),
        cmocka_unit_test(references_lead_somewhere),
        cmocka_unit_test(every_route_is_in_the_page),
    };
    if (argc != 3)
        return 2;
    json_error_t error;
    document = json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error);
    if (document == NULL) {
        fprintf(stderr, "%s: %s\n", argv[1], error.text);
        return 2;
    }
    page = read_file(argv[2]);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(document);
    free(page);
    return failed;
}
