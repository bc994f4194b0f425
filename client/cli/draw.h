/* SPDX-License-Identifier: Apache-2.0 */
/* Small pictures made of block characters, or of ASCII where the terminal has
 * no others. */
#ifndef RNL_CLI_DRAW_H
#define RNL_CLI_DRAW_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* One character a number, its height by the largest of them. */
void cli_draw_sparkline(struct cli_buf *buf, const double *numbers,
                        size_t count, bool unicode);

/* A bar of share (0 to 1) of `columns` columns, to an eighth of a column,
 * padded with blanks to that width where pad is set. */
void cli_draw_bar(struct cli_buf *buf, double share, size_t columns,
                  bool unicode, bool pad);

/* A progress bar: done part and rest are both drawn. */
void cli_draw_progress(struct cli_buf *buf, double share, size_t columns,
                       bool unicode);

/* One row of a histogram `rows` high, row 0 at the top. */
void cli_draw_histogram_row(struct cli_buf *buf, const double *heights,
                            size_t count, size_t row, size_t rows,
                            bool unicode);

#endif
