/* SPDX-License-Identifier: Apache-2.0 */
/* Where the core is: "HOST:PORT" taken apart, and sockets that connect to it
 * without blocking. */
#ifndef RNL_CLIENT_ADDRESS_H
#define RNL_CLIENT_ADDRESS_H

#include <stddef.h>

#include <runnel/status.h>

/* A host name has at most 255 bytes, RFC 1035; a port 5 digits. */
#define RNL_ADDRESS_HOST_SIZE 256
#define RNL_ADDRESS_PORT_SIZE 6

struct addrinfo;

struct rnl_address {
    char host[RNL_ADDRESS_HOST_SIZE];
    char port[RNL_ADDRESS_PORT_SIZE];
};

/* Reads "HOST:PORT", "HOST", "[IPV6]:PORT" or "[IPV6]". Errors:
 * RNL_INVALID_ARGUMENT. */
RNL_MUST_USE enum rnl_code rnl_address_parse(const char *text,
                                             struct rnl_address *ret_address);

/* Looks the host up, which blocks unless it is numeric. Returns NULL, and then
 * *ret_list is to be given to freeaddrinfo; or what went wrong, a static
 * string. */
const char *rnl_address_resolve(const struct rnl_address *address,
                                struct addrinfo **ret_list);

/* Opens a socket and begins to connect. Returns 0 and *ret_fd, or an errno. */
int rnl_address_dial(const struct addrinfo *target, int *ret_fd);

#endif
