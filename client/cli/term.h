/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal: what it can do, its colours, tables, and a screen that redraws
 * in place. Piped output gets plain text: no colour, no cursor movement.
 */
#ifndef RNL_CLI_TERM_H
#define RNL_CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "buf.h"

/* How one output file is written to. */
struct cli_term {
    FILE *file;
    bool is_tty;
    bool color;
    /* Block characters may be used; else '#', '.' and the like. */
    bool unicode;
    /* 80 by 24 where there is no terminal. */
    size_t columns;
    size_t rows;
};

/* Colours by meaning, so that the views agree. */
enum cli_color {
    CLI_PLAIN,
    CLI_STRONG,
    CLI_FAINT,
    CLI_GOOD,
    CLI_WARN,
    CLI_BAD,
    CLI_ACCENT,
    CLI_ACCENT_2,
};

/* Finds out what the file can do. Colour is off unless it is a terminal, and
 * off with no_color, NO_COLOR or TERM=dumb. Unicode is off when LC_ALL is C,
 * POSIX or names another charset. */
void cli_term_init(struct cli_term *term, FILE *file, bool no_color);

/* Asks for the size again, after a window was resized. */
void cli_term_measure(struct cli_term *term);

/* The sequence that starts a colour, or "" where colour is off. CLI_PLAIN
 * ends it. */
const char *cli_term_color(const struct cli_term *term, enum cli_color color);

/* Adds text in a colour. */
void cli_term_add(const struct cli_term *term, struct cli_buf *buf,
                  enum cli_color color, const char *text);

/* A table of rows that are added one cell after the other. */
struct cli_table {
    size_t column_count;
    struct cli_cell {
        char *text;
        enum cli_color color;
    } * cells;
    size_t cell_count;
    size_t cell_cap;
    /* Bit i set: column i is flush right. */
    unsigned right;
};

void cli_table_init(struct cli_table *table, size_t column_count,
                    unsigned right);
void cli_table_fini(struct cli_table *table);

/* Adds the next cell. The text is copied and made harmless. */
void cli_table_cell(struct cli_table *table, enum cli_color color,
                    const char *text);

/* As cli_table_cell with what buf holds; empties buf. */
void cli_table_take(struct cli_table *table, enum cli_color color,
                    struct cli_buf *buf);

/* Adds the table to buf, two blanks between columns. On a terminal the
 * widest flush-left column is shortened until the rows fit its width. */
void cli_table_draw(const struct cli_table *table, const struct cli_term *term,
                    struct cli_buf *buf);

/* A view that is redrawn in place: below what was there before, or, with
 * full, on the terminal's second screen, which leaves the first untouched. One
 * at a time. */
struct cli_screen {
    struct cli_term *term;
    bool full;
    size_t lines_drawn;
    bool cursor_hidden;
};

/* Shows the lines of buf in place of those shown before, cut to the window.
 * Does nothing that a pipe could see: not for use without a terminal. */
void cli_screen_show(struct cli_screen *screen, const struct cli_buf *buf);

/* Leaves what is shown, or the second screen, and gives the cursor back. */
void cli_screen_end(struct cli_screen *screen);

/* Removes what is shown, so that a line can be printed in its place. */
void cli_screen_clear(struct cli_screen *screen);

/* Gives the terminal back, if a screen has it, with what a signal handler may
 * call. The next cli_screen_show takes it again. */
void cli_screen_rescue(void);

#endif
