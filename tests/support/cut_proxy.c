/* SPDX-License-Identifier: Apache-2.0 */
#include "cut_proxy.h"

#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* splitmix64 */
static uint64_t next_random(struct cut_proxy *proxy)
{
    proxy->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = proxy->random;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(port),
    };
}

static int dial(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Moves at most *left bytes; false when the connection has ended. */
static bool relay(int from, int to, uint64_t *left)
{
    char buf[16384];
    size_t want = *left < sizeof(buf) ? (size_t)*left : sizeof(buf);
    ssize_t got = recv(from, buf, want, 0);
    if (got <= 0)
        return false;
    *left -= (uint64_t)got;
    for (ssize_t at = 0; at < got;) {
        ssize_t sent = send(to, buf + at, (size_t)(got - at), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
    }
    return true;
}

/* Relays until an end, the cut, or the stop (false). */
static bool serve(struct cut_proxy *proxy, int client, int core)
{
    bool cut = proxy->cut_limit == 0 || proxy->cut_count < proxy->cut_limit;
    uint64_t bytes_max =
        (uint64_t)proxy->bytes_max * (1 + proxy->cut_count / 16);
    uint64_t left = cut ? 1 + next_random(proxy) % bytes_max : UINT64_MAX;
    while (left > 0) {
        struct pollfd fds[] = {{.fd = client, .events = POLLIN},
                               {.fd = core, .events = POLLIN},
                               {.fd = proxy->stop_pipe[0], .events = POLLIN}};
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            return true;
        if (fds[2].revents != 0)
            return false;
        if (fds[0].revents != 0 && !relay(client, core, &left))
            return true;
        if (left > 0 && fds[1].revents != 0 && !relay(core, client, &left))
            return true;
    }
    /* A reset loses even what the client has not read yet. */
    const struct linger reset = {.l_onoff = 1};
    if (next_random(proxy) % 2 == 0)
        (void)setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    atomic_fetch_add(&proxy->cut_count, 1);
    return true;
}

static void *run(void *arg)
{
    struct cut_proxy *proxy = arg;
    bool go_on = true;
    while (go_on) {
        struct pollfd fds[] = {{.fd = proxy->listen_fd, .events = POLLIN},
                               {.fd = proxy->stop_pipe[0], .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 || fds[1].revents != 0)
            break;
        int client = accept4(proxy->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0)
            continue;
        int core = dial(proxy->target_port);
        if (core >= 0) {
            go_on = serve(proxy, client, core);
            close(core);
        }
        close(client);
    }
    return NULL;
}

void cut_proxy_start(struct cut_proxy *proxy)
{
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);
    atomic_init(&proxy->cut_count, 0);
    proxy->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(proxy->listen_fd >= 0);
    assert_int_equal(
        bind(proxy->listen_fd, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(proxy->listen_fd, 16), 0);
    assert_int_equal(
        getsockname(proxy->listen_fd, (struct sockaddr *)&address, &len), 0);
    snprintf(proxy->address, sizeof(proxy->address), "127.0.0.1:%u",
             (unsigned)ntohs(address.sin_port));
    assert_int_equal(pipe(proxy->stop_pipe), 0);
    assert_int_equal(pthread_create(&proxy->thread, NULL, run, proxy), 0);
}

void cut_proxy_stop(struct cut_proxy *proxy)
{
    close(proxy->stop_pipe[1]);
    assert_int_equal(pthread_join(proxy->thread, NULL), 0);
    close(proxy->stop_pipe[0]);
    close(proxy->listen_fd);
}
