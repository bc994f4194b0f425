/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "settings.h"

#define HOST_MAX 256

/* Waiting connections; the kernel caps it (net.core.somaxconn). */
#define BACKLOG 4096

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

static bool fail(const char *address, const char *reason)
{
    rnl_log(RNL_LOG_ERROR, "listen_failed", RNL_LOG_TEXT("address", address),
            RNL_LOG_TEXT("reason", reason));
    return false;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool resolve(const char *listen, struct address *ret_address)
{
    char host[HOST_MAX], service[8];
    uint16_t port;
    if (!rnl_settings_split_address(listen, host, sizeof(host), &port))
        return fail(listen, "must be HOST:PORT or [HOST]:PORT");
    snprintf(service, sizeof(service), "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    int error = getaddrinfo(host, service, &hints, &found);
    if (error != 0)
        return fail(listen, gai_strerror(error));
    memcpy(&ret_address->storage, found->ai_addr, found->ai_addrlen);
    ret_address->len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

/* Returns the descriptor or -1 with errno. */
static int open_one(const struct address *address)
{
    int fd = socket(address->storage.ss_family,
                    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
        bind(fd, (const struct sockaddr *)&address->storage, address->len) ==
            0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void format(const struct sockaddr_storage *address,
                   char out[RNL_LISTEN_ADDRESS_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, RNL_LISTEN_ADDRESS_MAX, "[%s]:%u", host,
                 ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, RNL_LISTEN_ADDRESS_MAX, "%s:%u", host,
                 ntohs(in->sin_port));
    }
}

static void close_all(int *fds, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        close(fds[i]);
}

bool rnl_listen(const char *listen, bool allow_any, int *fds, uint32_t count,
                char text[RNL_LISTEN_ADDRESS_MAX])
{
    struct address address = {0};
    if (!resolve(listen, &address))
        return false;
    if (!allow_any && !is_loopback(&address.storage))
        return fail(listen, "without a token only a loopback address may be "
                            "bound: set RUNNEL_TOKEN or --token-file");
    for (uint32_t i = 0; i < count; i++) {
        fds[i] = open_one(&address);
        if (fds[i] < 0) {
            fail(listen, strerror(errno));
            close_all(fds, i);
            return false;
        }
        /* The first one finds the port of all. */
        address.len = sizeof(address.storage);
        getsockname(fds[i], (struct sockaddr *)&address.storage, &address.len);
    }
    format(&address.storage, text);
    return true;
}
