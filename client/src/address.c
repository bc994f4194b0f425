/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PORT_DEFAULT "7400"
#define PORT_MAX     65535
#define UNIX_PREFIX  "unix:"

_Static_assert(RNL_ADDRESS_PATH_SIZE <=
                   sizeof(((struct sockaddr_un *)0)->sun_path),
               "a path fits the kernel's address");

static bool copy_part(char *out, size_t cap, const char *text, size_t len)
{
    if (len == 0 || len >= cap)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static bool port_valid(const char *port)
{
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    return strspn(port, "0123456789") == strlen(port) && *end == '\0' &&
           number >= 1 && number <= PORT_MAX;
}

/* The end of the host in text; *ret_host is its begin. NULL: malformed. */
static const char *find_host(const char *text, const char **ret_host)
{
    if (text[0] == '[') {
        *ret_host = text + 1;
        return strchr(text, ']');
    }
    *ret_host = text;
    return text + strcspn(text, ":");
}

static bool parse_host(const char *text, struct rnl_address *address)
{
    const char *host;
    const char *end = find_host(text, &host);
    if (end == NULL || !copy_part(address->host, sizeof(address->host), host,
                                  (size_t)(end - host)))
        return false;
    const char *rest = *end == ']' ? end + 1 : end;
    const char *port = *rest == ':' ? rest + 1 : PORT_DEFAULT;
    if ((*rest != '\0' && *rest != ':') ||
        !copy_part(address->port, sizeof(address->port), port, strlen(port)) ||
        !port_valid(address->port))
        return false;
    snprintf(address->text, sizeof(address->text), "%s:%s", address->host,
             address->port);
    return true;
}

static bool parse_path(const char *text, struct rnl_address *address)
{
    const char *path = text + strlen(UNIX_PREFIX);
    snprintf(address->text, sizeof(address->text), "%s", text);
    return copy_part(address->path, sizeof(address->path), path, strlen(path));
}

enum rnl_code rnl_address_parse(const char *text,
                                struct rnl_address *ret_address)
{
    struct rnl_address address = {0};
    bool is_path = strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
    if (!(is_path ? parse_path(text, &address) : parse_host(text, &address)))
        return RNL_INVALID_ARGUMENT;
    *ret_address = address;
    return RNL_OK;
}

const char *rnl_address_resolve(const struct rnl_address *address,
                                struct addrinfo **ret_list)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV,
    };
    int error = getaddrinfo(address->host, address->port, &hints, ret_list);
    return error == 0 ? NULL : gai_strerror(error);
}

static int begin_connect(int fd, const struct sockaddr *address, socklen_t len,
                         int *ret_fd)
{
    if (connect(fd, address, len) == 0 || errno == EINPROGRESS ||
        errno == EINTR) {
        *ret_fd = fd;
        return 0;
    }
    int error = errno;
    close(fd);
    return error;
}

int rnl_address_dial(const struct addrinfo *target, int *ret_fd)
{
    int fd = socket(target->ai_family,
                    target->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    target->ai_protocol);
    if (fd < 0)
        return errno;
    /* Frames are small and wanted at once; batching is done above. */
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return begin_connect(fd, target->ai_addr, target->ai_addrlen, ret_fd);
}

int rnl_address_dial_path(const struct rnl_address *address, int *ret_fd)
{
    struct sockaddr_un target = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    memcpy(target.sun_path, address->path, strlen(address->path));
    return begin_connect(fd, (const struct sockaddr *)&target, sizeof(target),
                         ret_fd);
}
