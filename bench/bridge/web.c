/* SPDX-License-Identifier: Apache-2.0 */
#include "web.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "timing.h"

static struct addrinfo *resolve(const char *address)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found;
    if (colon == NULL)
        bench_die("%s: must be HOST:PORT", address);
    snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        bench_die("%s: is no address", address);
    return found;
}

int bench_web_connect(const char *address)
{
    struct addrinfo *to = resolve(address);
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) != 0)
        bench_die("no connection to %s: %s", address, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    freeaddrinfo(to);
    return fd;
}

void bench_web_descriptors(size_t wanted)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted)
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

char *bench_web_get(const char *address, const char *path, const char *accept)
{
    size_t cap = strlen(address) + strlen(path) + strlen(accept) + 64;
    char *text = bench_alloc(cap);
    snprintf(text, cap, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\n\r\n",
             path, address, accept);
    return text;
}

void bench_web_send(int fd, const char *bytes, size_t len)
{
    if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
        bench_die("a request cannot be sent: %s", strerror(errno));
}

/* Bytes of the answer, 0 when its head is not whole. */
static size_t answer_len(const char *room, size_t len)
{
    static const char name[] = "\r\ncontent-length:";
    const char *end = memmem(room, len, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    if (len < 12 || room[9] != '2')
        bench_die("the server answers %.*s", (int)(end - room), room);
    for (const char *at = room; at < end; at++) {
        at = memchr(at, '\r', (size_t)(end - at));
        if (at == NULL)
            break;
        if (strncasecmp(at, name, sizeof(name) - 1) == 0)
            return (size_t)(end + 4 - room) +
                   strtoul(at + sizeof(name) - 1, NULL, 10);
    }
    bench_die("an answer has no Content-Length");
}

bool bench_web_take(struct bench_web *web)
{
    ssize_t got = recv(web->fd, web->room + web->len,
                       sizeof(web->room) - 1 - web->len, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0)
        bench_die("a connection was lost");
    web->len += (size_t)got;
    web->room[web->len] = '\0';
    size_t whole = answer_len(web->room, web->len);
    if (whole >= sizeof(web->room))
        bench_die("an answer has %zu bytes", whole);
    if (whole == 0 || web->len < whole)
        return false;
    web->len = 0;
    return true;
}
