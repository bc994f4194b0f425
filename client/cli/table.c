/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "term.h"
#include "text.h"

/* Below this a column is not shortened further: it would say nothing. */
#define COLUMN_WIDTH_MIN ((size_t)8)

#define GAP_WIDTH ((size_t)2)

/* No table here has more. */
#define COLUMN_COUNT_MAX ((size_t)16)

void cli_table_init(struct cli_table *table, size_t column_count,
                    unsigned right)
{
    *table = (struct cli_table){.column_count = column_count, .right = right};
}

void cli_table_fini(struct cli_table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        cli_free(table->cells[i].text);
    cli_free(table->cells);
    *table = (struct cli_table){0};
}

void cli_table_cell(struct cli_table *table, enum cli_color color,
                    const char *text)
{
    struct cli_buf safe = {0};
    if (table->cell_count == table->cell_cap) {
        table->cell_cap = table->cell_cap ? table->cell_cap * 2 : 64;
        table->cells =
            cli_realloc(table->cells, table->cell_cap * sizeof(*table->cells));
    }
    cli_text_add_safe(&safe, text, strlen(text), 0);
    table->cells[table->cell_count++] =
        (struct cli_cell){cli_strdup(cli_buf_str(&safe)), color};
    cli_buf_fini(&safe);
}

void cli_table_take(struct cli_table *table, enum cli_color color,
                    struct cli_buf *buf)
{
    cli_table_cell(table, color, cli_buf_str(buf));
    cli_buf_reset(buf);
}

static void measure(const struct cli_table *table, size_t *widths)
{
    memset(widths, 0, sizeof(*widths) * COLUMN_COUNT_MAX);
    for (size_t i = 0; i < table->cell_count; i++) {
        const char *text = table->cells[i].text;
        size_t width = cli_text_width(text, strlen(text));
        size_t *column = &widths[i % table->column_count];
        if (width > *column)
            *column = width;
    }
}

/* Takes from the widest flush-left column until the row fits. */
static void shrink(const struct cli_table *table, size_t columns_max,
                   size_t *widths)
{
    for (;;) {
        size_t total = GAP_WIDTH * (table->column_count - 1);
        size_t widest = SIZE_MAX;
        for (size_t i = 0; i < table->column_count; i++) {
            total += widths[i];
            if (!(table->right >> i & 1) &&
                (widest == SIZE_MAX || widths[i] > widths[widest]))
                widest = i;
        }
        if (total <= columns_max || widest == SIZE_MAX ||
            widths[widest] <= COLUMN_WIDTH_MIN)
            return;
        widths[widest]--;
    }
}

static void draw_cell(const struct cli_table *table,
                      const struct cli_term *term, struct cli_buf *buf,
                      size_t index, size_t column_width)
{
    const struct cli_cell *cell = &table->cells[index];
    size_t column = index % table->column_count;
    bool last = column == table->column_count - 1;
    struct cli_buf text = {0};
    cli_text_add_safe(&text, cell->text, strlen(cell->text), column_width);
    size_t width = cli_text_width(cli_buf_str(&text), text.len);
    size_t pad = column_width > width ? column_width - width : 0;
    bool right = table->right >> column & 1;
    if (right)
        cli_buf_repeat(buf, " ", pad);
    cli_term_add(term, buf, cell->color, cli_buf_str(&text));
    if (!right && !last)
        cli_buf_repeat(buf, " ", pad);
    cli_buf_repeat(buf, last ? "\n" : " ", last ? 1 : GAP_WIDTH);
    cli_buf_fini(&text);
}

void cli_table_draw(const struct cli_table *table, const struct cli_term *term,
                    struct cli_buf *buf)
{
    size_t widths[COLUMN_COUNT_MAX];
    measure(table, widths);
    /* A program that reads the output wants it whole. */
    if (term->is_tty)
        shrink(table, term->columns, widths);
    for (size_t i = 0; i < table->cell_count; i++)
        draw_cell(table, term, buf, i, widths[i % table->column_count]);
}
