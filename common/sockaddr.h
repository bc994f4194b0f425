/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of sockets: from the text of a setting, and as text again. For
 * programs that listen; names are looked up, which may block. */
#ifndef RNL_COMMON_SOCKADDR_H
#define RNL_COMMON_SOCKADDR_H

#include <stdbool.h>
#include <sys/socket.h>

/* Long enough for "[IPv6 address%scope]:port". */
#define RNL_SOCKADDR_TEXT_MAX 80

/* Finds an address to listen at for "HOST:PORT" or "[HOST]:PORT". Returns NULL,
 * or why there is none: a static sentence. */
const char *rnl_sockaddr_find(const char *text,
                              struct sockaddr_storage *ret_address,
                              socklen_t *ret_len);

/* Whether only this machine reaches it: 127.0.0.0/8, ::1, and what is no
 * address of a network at all. */
bool rnl_sockaddr_is_loopback(const struct sockaddr_storage *address);

/* "127.0.0.1:80" or "[::1]:80"; "local" for what is neither. */
void rnl_sockaddr_format(const struct sockaddr_storage *address,
                         char ret_text[RNL_SOCKADDR_TEXT_MAX]);

#endif
