/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which names the bridge answers to. A page elsewhere can have its own name
 * resolve to 127.0.0.1 (DNS rebinding); its requests then come from the user's
 * browser, look like those of the same origin, and where there are no tokens
 * nothing else keeps them out. But they carry that name as their Host.
 */
#ifndef RNL_BRIDGE_HOST_H
#define RNL_BRIDGE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Whether a Host ("name", "name:port", "[::1]:port") is of this machine alone:
 * localhost and what ends with .localhost (RFC 6761), 127.0.0.0/8, ::1. */
bool rnl_host_is_loopback(const char *host, size_t len);

/* Whether it is one of a list of names separated by commas, without ports and
 * in any case of letters. list may be NULL. */
bool rnl_host_is_listed(const char *list, const char *host, size_t len);

/* What a client is known by when requests are counted: the bytes of its
 * address, of IPv6 the 64 bits that one customer has. Returns their number; 0
 * for this machine itself, which may be a front proxy that cannot be told from
 * its clients, and for what is no address. *ret_bytes points into address. */
size_t rnl_host_client(const struct sockaddr *address, const void **ret_bytes);

#endif
