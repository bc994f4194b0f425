/* SPDX-License-Identifier: Apache-2.0 */
#include "draw.h"

#include <math.h>

/* Eighths of a character cell, from below and from the left. */
static const char *const blocks_up[] = {" ", "▁", "▂", "▃", "▄",
                                        "▅", "▆", "▇", "█"};
static const char *const blocks_right[] = {"",  "▏", "▎", "▍", "▌",
                                           "▋", "▊", "▉", "█"};
static const char *const ascii_up[] = {" ", "_", ".", ".", "-",
                                       "=", "+", "*", "#"};

static double clamp(double share)
{
    return !(share > 0) ? 0 : share > 1 ? 1 : share;
}

static double largest(const double *numbers, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = numbers[i] > most ? numbers[i] : most;
    return most;
}

/* Eighths of a cell; anything above nothing is seen. */
static int eighths(double share)
{
    int level = (int)lround(clamp(share) * 8);
    return level == 0 && share > 0 ? 1 : level;
}

void cli_draw_sparkline(struct cli_buf *buf, const double *numbers,
                        size_t count, bool unicode)
{
    double most = largest(numbers, count);
    for (size_t i = 0; i < count; i++) {
        int level = most > 0 ? eighths(numbers[i] / most) : 0;
        cli_buf_text(buf, unicode ? blocks_up[level] : ascii_up[level]);
    }
}

void cli_draw_bar(struct cli_buf *buf, double share, size_t columns,
                  bool unicode, bool pad)
{
    long parts = lround(clamp(share) * (double)columns * 8);
    size_t whole = (size_t)parts / 8;
    size_t rest = (size_t)parts % 8;
    if (parts == 0 && share > 0)
        rest = 1;
    cli_buf_repeat(buf, unicode ? "█" : "#", whole);
    if (unicode && rest > 0)
        cli_buf_text(buf, blocks_right[rest]);
    else if (rest > 0)
        cli_buf_text(buf, rest >= 4 ? "#" : ".");
    if (pad)
        cli_buf_repeat(buf, " ", columns - whole - (rest > 0));
}

void cli_draw_progress(struct cli_buf *buf, double share, size_t columns,
                       bool unicode)
{
    size_t done = (size_t)lround(clamp(share) * (double)columns);
    cli_buf_repeat(buf, unicode ? "━" : "#", done);
    cli_buf_repeat(buf, unicode ? "╌" : "-", columns - done);
}

void cli_draw_histogram_row(struct cli_buf *buf, const double *heights,
                            size_t count, size_t row, size_t rows, bool unicode)
{
    double most = largest(heights, count);
    double below = (double)(rows - 1 - row);
    for (size_t i = 0; i < count; i++) {
        double height = most > 0 ? heights[i] / most * (double)rows : 0;
        int level = height > below ? eighths(height - below) : 0;
        cli_buf_text(buf, unicode ? blocks_up[level] : ascii_up[level]);
    }
}
