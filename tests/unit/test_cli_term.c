/* SPDX-License-Identifier: Apache-2.0 */
/* What is drawn, as golden text. */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "draw.h"
#include "term.h"
#include "text.h"

/* Takes what was added; the text is valid until the next call. */
static const char *taken(struct cli_buf *buf)
{
    static char text[4096];
    snprintf(text, sizeof(text), "%s", cli_buf_str(buf));
    cli_buf_reset(buf);
    return text;
}

static void width_counts_columns_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(cli_text_width("abc", 3), 3);
    assert_int_equal(cli_text_width("é", 2), 1);
    assert_int_equal(cli_text_width("e\xCC\x81", 3), 1);
    assert_int_equal(cli_text_width("日本", 6), 4);
    assert_int_equal(cli_text_width("\x1b[31mred\x1b[0m", 12), 3);
    assert_int_equal(cli_text_width("\xff\xc3", 2), 2);
}

static void foreign_text_cannot_move_the_cursor(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    cli_text_add_safe(&buf, "a\x1b[2Jb\nc\xC2\x9B", 10, 0);
    assert_string_equal(taken(&buf), "a\xEF\xBF\xBD[2Jb\xEF\xBF\xBD"
                                     "c\xEF\xBF\xBD");
    cli_text_add_safe(&buf, "x\xE2\x80\xAEy\xff", 6, 0);
    assert_string_equal(taken(&buf), "x\xEF\xBF\xBDy\xEF\xBF\xBD");
    cli_buf_fini(&buf);
}

static void long_text_is_shortened_by_columns(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    cli_text_add_safe(&buf, "abcdef", 6, 6);
    assert_string_equal(taken(&buf), "abcdef");
    cli_text_add_safe(&buf, "abcdefg", 7, 6);
    assert_string_equal(taken(&buf), "abcde…");
    cli_text_add_safe(&buf, "日本語", 9, 4);
    assert_string_equal(taken(&buf), "日…");
    cli_text_add_clipped(&buf, "\x1b[31mabcdef\x1b[0m", 15, 3);
    assert_string_equal(taken(&buf), "\x1b[31mabc\x1b[0m");
    cli_buf_fini(&buf);
}

static void numbers_are_written_for_people(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    cli_text_add_count(&buf, 0);
    cli_buf_text(&buf, "|");
    cli_text_add_count(&buf, 1234567);
    cli_buf_text(&buf, "|");
    cli_text_add_count(&buf, UINT64_MAX);
    assert_string_equal(taken(&buf), "0|1,234,567|18,446,744,073,709,551,615");
    static const double shorts[] = {0, 7, 0.5, 999, 999.6, 12345, 4.56e6, 1e9};
    for (size_t i = 0; i < 8; i++) {
        cli_text_add_short(&buf, shorts[i]);
        cli_buf_text(&buf, "|");
    }
    assert_string_equal(taken(&buf),
                        "0|7|0.50|999|1.00 k|12.3 k|4.56 M|1.00 G|");
    static const double numbers[] = {0,    -0.00001, 0.25, 3.14159,
                                     1000, -123456,  1e20, -0.0};
    for (size_t i = 0; i < 8; i++) {
        cli_text_add_number(&buf, numbers[i]);
        cli_buf_text(&buf, "|");
    }
    assert_string_equal(taken(&buf),
                        "0|-1e-05|0.25|3.142|1000|-123,456|1e+20|0|");
    cli_buf_fini(&buf);
}

static void times_and_sizes_are_written_for_people(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    static const double times[] = {0,     0.25,   12.34,    999.9,    61e3,
                                   200e3, 7500e3, 172799e3, 172800e3, 7776e6};
    for (size_t i = 0; i < 10; i++) {
        cli_text_add_ms(&buf, times[i]);
        cli_buf_text(&buf, "|");
    }
    assert_string_equal(
        taken(&buf), "0 ms|250 µs|12.3 ms|1.00 s|61.0 s|3 min 20 s|2 h 5 min|"
                     "48 h 0 min|2 d 0 h|90 d 0 h|");
    cli_text_add_bytes(&buf, 512);
    cli_buf_text(&buf, "|");
    cli_text_add_bytes(&buf, 1536);
    cli_buf_text(&buf, "|");
    cli_text_add_time(&buf, 1709210096789, false);
    cli_buf_text(&buf, "|");
    cli_text_add_time(&buf, -1, false);
    assert_string_equal(taken(&buf), "512 B|1.50 KiB|2024-02-29T12:34:56.789Z|"
                                     "1969-12-31T23:59:59.999Z");
    static const uint32_t windows[] = {0, 1, 60, 90, 300, 3600, 86400};
    for (size_t i = 0; i < 7; i++) {
        cli_text_add_window(&buf, windows[i]);
        cli_buf_text(&buf, " ");
    }
    assert_string_equal(taken(&buf), "all 1s 1m 90s 5m 1h 1d ");
    cli_buf_fini(&buf);
}

static void pictures_have_the_width_that_was_asked_for(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    static const double numbers[] = {0, 1, 4, 8, 0.01};
    cli_draw_sparkline(&buf, numbers, 5, true);
    assert_string_equal(taken(&buf), " ▁▄█▁");
    cli_draw_sparkline(&buf, numbers, 5, false);
    assert_string_equal(taken(&buf), " _-#_");
    cli_draw_bar(&buf, 0.5, 5, true, true);
    assert_string_equal(taken(&buf), "██▌  ");
    cli_draw_bar(&buf, 1e-9, 5, true, true);
    assert_string_equal(taken(&buf), "▏    ");
    cli_draw_bar(&buf, 7, 3, false, false);
    assert_string_equal(taken(&buf), "###");
    cli_draw_progress(&buf, 0.5, 4, true);
    assert_string_equal(taken(&buf), "━━╌╌");
    cli_draw_histogram_row(&buf, numbers, 5, 0, 2, true);
    assert_string_equal(taken(&buf), "   █ ");
    cli_draw_histogram_row(&buf, numbers, 5, 1, 2, true);
    assert_string_equal(taken(&buf), " ▂██▁");
    cli_buf_fini(&buf);
}

static void a_table_lines_up_and_is_whole_when_piped(void **state)
{
    (void)state;
    struct cli_term term = {.columns = 16, .unicode = true};
    struct cli_table table;
    struct cli_buf buf = {0};
    cli_table_init(&table, 2, 1u << 1);
    cli_table_cell(&table, CLI_STRONG, "KEY");
    cli_table_cell(&table, CLI_STRONG, "COUNT");
    cli_table_cell(&table, CLI_PLAIN, "日本-long-key");
    cli_table_cell(&table, CLI_PLAIN, "7");
    cli_table_draw(&table, &term, &buf);
    assert_string_equal(taken(&buf), "KEY            COUNT\n"
                                     "日本-long-key      7\n");
    term.is_tty = true;
    cli_table_draw(&table, &term, &buf);
    assert_string_equal(taken(&buf), "KEY        COUNT\n"
                                     "日本-lon…      7\n");
    cli_table_fini(&table);
    cli_buf_fini(&buf);
}

/* A file is no terminal: no colour whatever the environment says. */
static void a_file_gets_no_colour(void **state)
{
    (void)state;
    struct cli_term term;
    struct cli_buf buf = {0};
    FILE *file = tmpfile();
    assert_non_null(file);
    setenv("TERM", "xterm-256color", 1);
    unsetenv("NO_COLOR");
    cli_term_init(&term, file, false);
    assert_false(term.is_tty);
    assert_int_equal(term.columns, 80);
    cli_term_add(&term, &buf, CLI_BAD, "text");
    assert_string_equal(taken(&buf), "text");
    fclose(file);
    cli_buf_fini(&buf);
}

static void a_screen_is_redrawn_in_place_and_within_the_window(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    char *out = NULL;
    size_t out_len = 0;
    FILE *file = open_memstream(&out, &out_len);
    struct cli_term term = {.file = file, .unicode = true};
    struct cli_screen screen = {.term = &term};
    assert_non_null(file);
    cli_buf_text(&buf, "one\ntwo\n");
    cli_screen_show(&screen, &buf);
    assert_int_equal(screen.lines_drawn, 2);
    cli_screen_show(&screen, &buf);
    assert_string_equal(
        out, "\x1b[?2026h\x1b[?25lone\x1b[K\r\ntwo\x1b[K\x1b[J\x1b[?2026l"
             "\x1b[?2026h\x1b[1A\rone\x1b[K\r\ntwo\x1b[K\x1b[J\x1b[?2026l");
    cli_buf_repeat(&buf, "x\n", 100);
    cli_screen_show(&screen, &buf);
    assert_int_equal(screen.lines_drawn, 24);
    cli_screen_end(&screen);
    assert_non_null(strstr(out, "\r\n\x1b[?25h"));
    fclose(file);
    free(out);
    cli_buf_fini(&buf);
}

/* The second screen is entered once, and again after a signal handler gave the
 * terminal back. */
static void a_full_screen_leaves_the_first_one_alone(void **state)
{
    (void)state;
    struct cli_buf buf = {0};
    char text[512];
    FILE *file = tmpfile();
    assert_non_null(file);
    struct cli_term term = {.file = file, .unicode = true};
    struct cli_screen screen = {.term = &term, .full = true};
    cli_buf_text(&buf, "one\n");
    cli_screen_show(&screen, &buf);
    cli_screen_show(&screen, &buf);
    cli_screen_rescue();
    cli_screen_rescue();
    cli_screen_show(&screen, &buf);
    cli_screen_end(&screen);
    cli_screen_rescue();
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
#define DRAWN "\x1b[Hone\x1b[K\x1b[J\x1b[?2026l"
    assert_string_equal(
        text, "\x1b[?1049h\x1b[?2026h\x1b[?25l" DRAWN "\x1b[?2026h" DRAWN
              "\x1b[?2026l\x1b[?1049l\x1b[?25h"
              "\x1b[?1049h\x1b[?2026h\x1b[?25l" DRAWN "\x1b[?1049l\x1b[?25h");
    fclose(file);
    cli_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(width_counts_columns_not_bytes),
        cmocka_unit_test(foreign_text_cannot_move_the_cursor),
        cmocka_unit_test(long_text_is_shortened_by_columns),
        cmocka_unit_test(numbers_are_written_for_people),
        cmocka_unit_test(times_and_sizes_are_written_for_people),
        cmocka_unit_test(pictures_have_the_width_that_was_asked_for),
        cmocka_unit_test(a_table_lines_up_and_is_whole_when_piped),
        cmocka_unit_test(a_file_gets_no_colour),
        cmocka_unit_test(a_screen_is_redrawn_in_place_and_within_the_window),
        cmocka_unit_test(a_full_screen_leaves_the_first_one_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
