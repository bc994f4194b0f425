/* SPDX-License-Identifier: Apache-2.0 */
/* Where the core is: "HOST:PORT" or "unix:PATH" taken apart, and sockets that
 * connect to it without blocking. */
#ifndef RNL_CLIENT_ADDRESS_H
#define RNL_CLIENT_ADDRESS_H

#include <stddef.h>

#include <runnel/status.h>

/* A host name has at most 255 bytes, RFC 1035; a port 5 digits. */
#define RNL_ADDRESS_HOST_SIZE 256
#define RNL_ADDRESS_PORT_SIZE 6
/* What a Unix socket's address has room for, unix(7). */
#define RNL_ADDRESS_PATH_SIZE 108
#define RNL_ADDRESS_TEXT_SIZE (RNL_ADDRESS_HOST_SIZE + RNL_ADDRESS_PORT_SIZE)

struct addrinfo;

struct rnl_address {
    /* Empty of a Unix socket. */
    char host[RNL_ADDRESS_HOST_SIZE];
    char port[RNL_ADDRESS_PORT_SIZE];
    /* Empty without. */
    char path[RNL_ADDRESS_PATH_SIZE];
    /* "HOST:PORT" or "unix:PATH", for messages. */
    char text[RNL_ADDRESS_TEXT_SIZE];
};

/* Reads "HOST:PORT", "HOST", "[IPV6]:PORT", "[IPV6]" or "unix:PATH". Errors:
 * RNL_INVALID_ARGUMENT. */
RNL_MUST_USE enum rnl_code rnl_address_parse(const char *text,
                                             struct rnl_address *ret_address);

/* Looks the host of an address without a path up, which blocks unless it is
 * numeric. Returns NULL, and then *ret_list is to be given to freeaddrinfo; or
 * what went wrong, a static string. */
const char *rnl_address_resolve(const struct rnl_address *address,
                                struct addrinfo **ret_list);

/* Opens a socket and begins to connect. Returns 0 and *ret_fd, or an errno. */
int rnl_address_dial(const struct addrinfo *target, int *ret_fd);

/* The same with the Unix socket of an address that has a path. */
int rnl_address_dial_path(const struct rnl_address *address, int *ret_fd);

#endif
