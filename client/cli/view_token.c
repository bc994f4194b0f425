/* SPDX-License-Identifier: Apache-2.0 */
#include "view_token.h"

#include "text.h"

static void add_scopes(struct cli_buf *cell, const json_t *scopes)
{
    size_t i;
    json_t *scope;
    json_array_foreach((json_t *)(uintptr_t)scopes, i, scope)
    {
        cli_buf_printf(cell, "%s%s", i > 0 ? " " : "",
                       json_string_value(scope));
    }
}

static void add_expiry(struct cli_buf *cell, const json_t *token,
                       int64_t now_ms)
{
    int64_t expire_ms = cli_json_time_ms(token, "expireTime");
    if (cli_json_bool(token, "fromSettings")) {
        cli_buf_text(cell, "with the settings");
    } else if (expire_ms == 0) {
        cli_buf_text(cell, "never");
    } else if (expire_ms <= now_ms) {
        cli_buf_text(cell, "has expired");
    } else {
        cli_buf_text(cell, "in ");
        cli_text_add_ms(cell, (double)(expire_ms - now_ms));
    }
}

static void add_row(struct cli_table *table, const json_t *token,
                    int64_t now_ms)
{
    struct cli_buf cell = {0};
    cli_table_cell(table, CLI_PLAIN, cli_json_text(token, "id"));
    cli_table_cell(table, CLI_PLAIN, cli_json_text(token, "name"));
    add_scopes(&cell, cli_json_at(token, "scopes"));
    cli_table_take(table, CLI_PLAIN, &cell);
    add_expiry(&cell, token, now_ms);
    cli_table_take(table, CLI_FAINT, &cell);
    cli_buf_fini(&cell);
}

void cli_view_tokens(struct cli_buf *buf, const struct cli_term *term,
                     const json_t *tokens, int64_t now_ms)
{
    static const char *const titles[] = {"ID", "NAME", "SCOPES", "ENDS"};
    struct cli_table table;
    size_t i;
    json_t *token;
    cli_table_init(&table, 4, 0);
    for (i = 0; i < 4; i++)
        cli_table_cell(&table, CLI_FAINT, titles[i]);
    json_array_foreach((json_t *)(uintptr_t)tokens, i, token)
    {
        add_row(&table, token, now_ms);
    }
    cli_table_draw(&table, term, buf);
    cli_table_fini(&table);
}
