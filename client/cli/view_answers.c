/* SPDX-License-Identifier: Apache-2.0 */
#include "view_answers.h"

#include "text.h"

static void add_titles(struct cli_table *table, const char *const *titles,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        cli_table_cell(table, CLI_FAINT, titles[i]);
}

static void take_count(struct cli_table *table, uint64_t count)
{
    struct cli_buf cell = {0};
    cli_text_add_count(&cell, count);
    cli_table_take(table, CLI_PLAIN, &cell);
    cli_buf_fini(&cell);
}

static void take_share(struct cli_table *table, double share)
{
    struct cli_buf cell = {0};
    cli_buf_printf(&cell, "%.2f%%", share * 100);
    cli_table_take(table, CLI_PLAIN, &cell);
    cli_buf_fini(&cell);
}

static void take_measure(struct cli_table *table, double number, bool is_ms)
{
    struct cli_buf cell = {0};
    if (is_ms)
        cli_text_add_ms(&cell, number);
    else
        cli_text_add_number(&cell, number);
    cli_table_take(table, CLI_STRONG, &cell);
    cli_buf_fini(&cell);
}

void cli_view_frequencies(struct cli_buf *buf, const struct cli_term *term,
                          const json_t *answer)
{
    static const char *const titles[] = {"KEY", "COUNT", "SHARE", "AT LEAST",
                                         "AT MOST"};
    double total = cli_json_number(answer, "count");
    struct cli_table table;
    size_t i;
    json_t *key;
    cli_table_init(&table, 5, 0x1E);
    add_titles(&table, titles, 5);
    json_array_foreach(cli_json_at(answer, "frequencies"), i, key)
    {
        double count = cli_json_number(key, "count");
        cli_table_cell(&table, CLI_PLAIN, cli_json_text(key, "key"));
        take_count(&table, cli_json_u64(key, "count"));
        take_share(&table, total > 0 ? count / total : 0);
        take_count(&table, cli_json_u64(key, "lower"));
        take_count(&table, cli_json_u64(key, "upper"));
    }
    cli_table_draw(&table, term, buf);
    cli_table_fini(&table);
}

/* What all the numbers above were made from. */
static void add_foot(struct cli_buf *buf, const struct cli_term *term,
                     const json_t *answer)
{
    struct cli_buf foot = {0};
    double error = cli_json_number(answer, "relativeError");
    cli_buf_text(&foot, "of ");
    cli_text_add_count(&foot, cli_json_u64(answer, "count"));
    cli_buf_text(&foot, " events");
    if (error > 0)
        cli_buf_printf(&foot, ", each within %.2f%%", error * 100);
    cli_term_add(term, buf, CLI_FAINT, cli_buf_str(&foot));
    cli_buf_text(buf, "\n");
    cli_buf_fini(&foot);
}

void cli_view_quantiles(struct cli_buf *buf, const struct cli_term *term,
                        const json_t *answer, bool is_ms)
{
    struct cli_table table;
    struct cli_buf name = {0};
    size_t i;
    json_t *quantile;
    cli_table_init(&table, 2, 0x2);
    json_array_foreach(cli_json_at(answer, "quantiles"), i, quantile)
    {
        cli_buf_printf(&name, "p%.6g", cli_json_number(quantile, "q") * 100);
        cli_table_take(&table, CLI_FAINT, &name);
        take_measure(&table, cli_json_number(quantile, "value"), is_ms);
    }
    cli_table_draw(&table, term, buf);
    cli_table_fini(&table);
    cli_buf_fini(&name);
    add_foot(buf, term, answer);
}

void cli_view_ranks(struct cli_buf *buf, const struct cli_term *term,
                    const json_t *answer, const double *values, bool is_ms)
{
    static const char *const titles[] = {"VALUE", "AT OR BELOW"};
    struct cli_table table;
    size_t i;
    json_t *rank;
    cli_table_init(&table, 2, 0x3);
    add_titles(&table, titles, 2);
    json_array_foreach(cli_json_at(answer, "ranks"), i, rank)
    {
        take_measure(&table, values[i], is_ms);
        take_share(&table, json_number_value(rank));
    }
    cli_table_draw(&table, term, buf);
    cli_table_fini(&table);
    add_foot(buf, term, answer);
}
