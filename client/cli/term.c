/* SPDX-License-Identifier: Apache-2.0 */
#include "term.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

static bool env_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

static bool charset_is_utf8(void)
{
    const char *locale = getenv("LC_ALL");
    if (!locale || !*locale)
        return true;
    if (strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0)
        return false;
    const char *dot = strchr(locale, '.');
    return !dot || strncasecmp(dot, ".utf-8", 6) == 0 ||
           strncasecmp(dot, ".utf8", 5) == 0;
}

void cli_term_init(struct cli_term *term, FILE *file, bool no_color)
{
    const char *type = getenv("TERM");
    bool dumb = !type || strcmp(type, "dumb") == 0;
    *term = (struct cli_term){.file = file, .unicode = charset_is_utf8()};
    term->is_tty = isatty(fileno(file)) && !dumb;
    term->color = term->is_tty && !no_color && !env_set("NO_COLOR");
    cli_term_measure(term);
}

void cli_term_measure(struct cli_term *term)
{
    struct winsize size;
    term->columns = 80;
    term->rows = 24;
    if (term->is_tty && ioctl(fileno(term->file), TIOCGWINSZ, &size) == 0 &&
        size.ws_col > 0 && size.ws_row > 0) {
        term->columns = size.ws_col;
        term->rows = size.ws_row;
    }
}

const char *cli_term_color(const struct cli_term *term, enum cli_color color)
{
    /* The 16 colours that every theme defines, so that both light and dark
     * ones stay readable. */
    static const char *const sequences[] = {
        [CLI_PLAIN] = "\x1b[0m",   [CLI_STRONG] = "\x1b[1m",
        [CLI_FAINT] = "\x1b[2m",   [CLI_GOOD] = "\x1b[32m",
        [CLI_WARN] = "\x1b[33m",   [CLI_BAD] = "\x1b[1;31m",
        [CLI_ACCENT] = "\x1b[36m", [CLI_ACCENT_2] = "\x1b[35m"};
    return term->color ? sequences[color] : "";
}

void cli_term_add(const struct cli_term *term, struct cli_buf *buf,
                  enum cli_color color, const char *text)
{
    if (color == CLI_PLAIN || *text == '\0') {
        cli_buf_text(buf, text);
        return;
    }
    cli_buf_text(buf, cli_term_color(term, color));
    cli_buf_text(buf, text);
    cli_buf_text(buf, cli_term_color(term, CLI_PLAIN));
}

/* For signal handlers: a screen is shown, on that descriptor, and is the
 * terminal's second one. */
static volatile sig_atomic_t shown;
static volatile sig_atomic_t shown_fd;
static volatile sig_atomic_t shown_full;

static void take_terminal(struct cli_screen *screen, struct cli_buf *out)
{
    if (!shown)
        screen->cursor_hidden = false;
    shown = 1;
    shown_fd = fileno(screen->term->file);
    if (screen->full && !shown_full) {
        cli_buf_text(out, "\x1b[?1049h");
        screen->lines_drawn = 0;
    }
    shown_full = screen->full;
}

/* Begins an update; terminals that know it show the update at once, without
 * flicker (mode 2026), the others ignore it. */
static void begin_update(struct cli_screen *screen, struct cli_buf *out)
{
    take_terminal(screen, out);
    cli_buf_text(out, "\x1b[?2026h");
    if (!screen->cursor_hidden)
        cli_buf_text(out, "\x1b[?25l");
    screen->cursor_hidden = true;
    if (screen->full)
        cli_buf_text(out, "\x1b[H");
    else if (screen->lines_drawn > 1)
        cli_buf_printf(out, "\x1b[%zuA", screen->lines_drawn - 1);
    if (screen->lines_drawn > 0 && !screen->full)
        cli_buf_text(out, "\r");
}

static void flush(struct cli_screen *screen, struct cli_buf *out)
{
    cli_buf_text(out, "\x1b[?2026l");
    fwrite(out->data, 1, out->len, screen->term->file);
    fflush(screen->term->file);
    cli_buf_fini(out);
}

void cli_screen_show(struct cli_screen *screen, const struct cli_buf *buf)
{
    struct cli_buf out = {0};
    size_t lines = 0;
    const char *at = cli_buf_str(buf);
    cli_term_measure(screen->term);
    begin_update(screen, &out);
    /* The last line carries no line end, so that a full screen does not
     * scroll. */
    while (*at && lines < screen->term->rows) {
        const char *end = strchrnul(at, '\n');
        if (lines++ > 0)
            cli_buf_text(&out, "\r\n");
        cli_text_add_clipped(&out, at, (size_t)(end - at),
                             screen->term->columns);
        cli_buf_text(&out, "\x1b[K");
        at = *end ? end + 1 : end;
    }
    cli_buf_text(&out, "\x1b[J");
    screen->lines_drawn = lines;
    flush(screen, &out);
}

void cli_screen_clear(struct cli_screen *screen)
{
    struct cli_buf out = {0};
    if (screen->lines_drawn == 0)
        return;
    begin_update(screen, &out);
    cli_buf_text(&out, "\x1b[J");
    screen->lines_drawn = 0;
    flush(screen, &out);
}

void cli_screen_end(struct cli_screen *screen)
{
    if (screen->full && shown_full)
        fputs("\x1b[?1049l", screen->term->file);
    else if (screen->lines_drawn > 0)
        fputs("\r\n", screen->term->file);
    if (screen->cursor_hidden)
        fputs("\x1b[?25h", screen->term->file);
    fflush(screen->term->file);
    screen->lines_drawn = 0;
    screen->cursor_hidden = false;
    shown = 0;
    shown_full = 0;
}

void cli_screen_rescue(void)
{
    static const char in_place[] = "\x1b[?2026l\x1b[?25h\r\n";
    static const char full[] = "\x1b[?2026l\x1b[?1049l\x1b[?25h";
    if (!shown)
        return;
    shown = 0;
    if (write((int)shown_fd, shown_full ? full : in_place,
              (shown_full ? sizeof(full) : sizeof(in_place)) - 1) < 0)
        return;
    shown_full = 0;
}
