/* SPDX-License-Identifier: Apache-2.0 */
/* Single keys from the terminal that stdin is, without waiting for Enter. */
#ifndef RNL_CLI_KEYS_H
#define RNL_CLI_KEYS_H

/* Makes the terminal give each key at once and without echo; Ctrl-C and Ctrl-Z
 * still are signals. Returns a descriptor to wait for, -1 when stdin is no
 * terminal. */
int cli_keys_begin(void);

/* The next key that was typed; 0: none is left, -1: the terminal is gone. An
 * escape sequence (an arrow) counts as no key. */
int cli_keys_read(void);

/* Gives the terminal back as it was. */
void cli_keys_end(void);

/* The same from a signal handler, and taking it again after it. */
void cli_keys_rescue(void);
void cli_keys_again(void);

#endif
