/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static struct termios raw;
static volatile sig_atomic_t active;

int cli_keys_begin(void)
{
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return -1;
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    /* read(2) returns at once, with what is there. */
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
        return -1;
    active = 1;
    return STDIN_FILENO;
}

int cli_keys_read(void)
{
    char keys[64];
    ssize_t len = read(STDIN_FILENO, keys, sizeof(keys));
    /* Readable, and nothing there: hung up. */
    if (len == 0)
        return -1;
    if (len < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -1;
    return keys[0] == '\x1b' ? 0 : (unsigned char)keys[0];
}

void cli_keys_end(void)
{
    if (active)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    active = 0;
}

void cli_keys_rescue(void)
{
    if (active)
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void cli_keys_again(void)
{
    if (active)
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}
