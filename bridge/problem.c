/* SPDX-License-Identifier: Apache-2.0 */
#include "problem.h"

#include <inttypes.h>
#include <string.h>

#include "utf8.h"

int rnl_problem_status(const struct rnl_problem *problem)
{
    return problem->status != 0 ? problem->status
                                : rnl_code_http(problem->code);
}

const char *rnl_http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {499, "Client Closed Request"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Error";
}

/* Fields of an error are cut at a byte count and may end within a character. */
static void put_string(struct rnl_text *text, const char *string)
{
    size_t len = strlen(string);
    while (len > 0 && !rnl_utf8_valid(string, len))
        len--;
    rnl_text_put_json(text, string, len);
}

static void put_violations(const struct rnl_problem *problem,
                           struct rnl_text *text)
{
    rnl_text_puts(text, ",\"violations\":[");
    for (size_t i = 0; i < problem->violation_count; i++) {
        rnl_text_puts(text, i > 0 ? ",{\"field\":" : "{\"field\":");
        put_string(text, problem->violations[i].field);
        rnl_text_puts(text, ",\"description\":");
        put_string(text, problem->violations[i].description);
        rnl_text_put_byte(text, '}');
    }
    rnl_text_put_byte(text, ']');
}

void rnl_problem_write(const struct rnl_problem *problem, struct rnl_text *text)
{
    int status = rnl_problem_status(problem);
    const char *detail = problem->detail;
    if (detail == NULL || *detail == '\0')
        detail = rnl_code_text(problem->code);
    rnl_text_puts(text, "{\"type\":\"about:blank\",\"title\":");
    put_string(text, rnl_http_reason(status));
    rnl_text_printf(text, ",\"status\":%d,\"detail\":", status);
    put_string(text, detail);
    rnl_text_printf(text, ",\"code\":\"%s\"", rnl_code_name(problem->code));
    if (problem->violation_count > 0)
        put_violations(problem, text);
    if (problem->first_available_sequence > 0)
        rnl_text_printf(text, ",\"firstAvailableSequence\":\"%" PRIu64 "\"",
                        problem->first_available_sequence);
    rnl_text_puts(text, "}\n");
}

uint32_t rnl_problem_retry_s(const struct rnl_problem *problem)
{
    if (problem->retry_delay_ms > 0)
        return (problem->retry_delay_ms - 1) / 1000 + 1;
    int status = rnl_problem_status(problem);
    return status == 429 || status == 503 ? 1 : 0;
}
