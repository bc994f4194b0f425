/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include <stdio.h>
#include <string.h>

/* The segment at the start of a path, which begins with '/'. */
static size_t segment_len(const char *path, size_t len)
{
    const char *slash = memchr(path + 1, '/', len - 1);
    return slash != NULL ? (size_t)(slash - path) : len;
}

/* Takes the segment of path for what the braces at *pattern name, and moves
 * *pattern behind them. */
static bool take_param(const char **pattern, const char *path, size_t path_len,
                       struct rnl_match *match)
{
    const char *name = *pattern + 1;
    size_t name_len = strcspn(name, "}");
    if (path_len < 2 || path_len - 1 > RNL_ROUTE_PARAM_LEN_MAX ||
        match->param_count == RNL_ROUTE_PARAMS_MAX)
        return false;
    match->params[match->param_count++] = (struct rnl_path_param){
        .name = name,
        .name_len = name_len,
        .value = path + 1,
        .value_len = path_len - 1,
    };
    *pattern = name + name_len + 1;
    return true;
}

/* Most patterns end at a byte of theirs that the path does not have. */
static bool matches(const char *pattern, const char *path, size_t path_len,
                    struct rnl_match *match)
{
    match->param_count = 0;
    for (size_t at = 0; at < path_len; at++) {
        if (*pattern == '\0' || path[at] != *pattern)
            return false;
        pattern++;
        if (path[at] != '/' || *pattern != '{')
            continue;
        size_t len = segment_len(path + at, path_len - at);
        if (!take_param(&pattern, path + at, len, match))
            return false;
        at += len - 1;
    }
    return *pattern == '\0';
}

static bool verb_is(const struct rnl_route *route, const char *verb, size_t len)
{
    if (len == 4 && memcmp(verb, "HEAD", 4) == 0)
        return strcmp(route->verb, "GET") == 0 && !route->streams;
    return strlen(route->verb) == len && memcmp(route->verb, verb, len) == 0;
}

static void add_allowed(struct rnl_match *match, const struct rnl_route *route)
{
    size_t len = strlen(match->allow);
    bool has_head = strcmp(route->verb, "GET") == 0 && !route->streams;
    snprintf(match->allow + len, sizeof(match->allow) - len, "%s%s%s",
             len > 0 ? ", " : "", route->verb, has_head ? ", HEAD" : "");
}

void rnl_route_find(const char *verb, size_t verb_len, const char *path,
                    size_t path_len, struct rnl_match *ret_match)
{
    *ret_match = (struct rnl_match){0};
    if (path_len == 0 || path[0] != '/')
        return;
    for (const struct rnl_route *route = rnl_routes; route->verb != NULL;
         route++) {
        if (!matches(route->pattern, path, path_len, ret_match))
            continue;
        if (verb_is(route, verb, verb_len)) {
            ret_match->route = route;
            return;
        }
        add_allowed(ret_match, route);
    }
}
