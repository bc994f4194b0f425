/* SPDX-License-Identifier: Apache-2.0 */
#include <runnel/status.h>

struct code_info {
    const char *name;
    const char *text;
    int http;
    bool retryable;
};

static const struct code_info codes[] = {
#define RNL_ERROR(name, code, http, retryable, text) \
    [code] = {#name, text, http, retryable},
#include <runnel/errors.def>
#undef RNL_ERROR
};

static const struct code_info *find(int code)
{
    int count = (int)(sizeof(codes) / sizeof(codes[0]));
    return &codes[code >= 0 && code < count ? code : RNL_UNKNOWN];
}

const char *rnl_code_name(int code)
{
    return find(code)->name;
}

const char *rnl_code_text(int code)
{
    return find(code)->text;
}

int rnl_code_http(int code)
{
    return find(code)->http;
}

bool rnl_code_retryable(int code)
{
    return find(code)->retryable;
}
