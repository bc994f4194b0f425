/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of the settings, separated by commas or spaces: origins that may use
 * the bridge, and names that it answers to. What could never match is refused
 * at the start, since it would only be noticed as a page that does not work.
 */
#ifndef RNL_BRIDGE_NAME_LIST_H
#define RNL_BRIDGE_NAME_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define RNL_NAME_LIST_ERROR_MAX 320

/* The item at *at, which moves behind it; not NUL-terminated. NULL: there is no
 * more. */
const char *rnl_name_list_next(const char **at, size_t *ret_len);

/*
 * Reads "SCHEME://HOST[:PORT]" or "*" into the form in which browsers send
 * origins (RFC 6454, 6.2: in lower case, without the scheme's own port).
 * Returns the list, to be freed with rnl_free, or NULL after having written to
 * ret_error which of them is none.
 */
char *rnl_name_list_origins(const char *list,
                            char ret_error[RNL_NAME_LIST_ERROR_MAX]);

/* Whether all are HOST or [IPV6], without a port; else writes which is not. */
bool rnl_name_list_is_hosts(const char *list,
                            char ret_error[RNL_NAME_LIST_ERROR_MAX]);

#endif
