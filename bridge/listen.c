/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

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

static void close_all(int *fds, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        close(fds[i]);
}

bool rnl_listen(const char *listen, bool allow_any, int *fds, uint32_t count,
                char text[RNL_SOCKADDR_TEXT_MAX])
{
    struct address address = {0};
    const char *wrong =
        rnl_sockaddr_find(listen, &address.storage, &address.len);
    if (wrong != NULL)
        return fail(listen, wrong);
    if (!allow_any && !rnl_sockaddr_is_loopback(&address.storage))
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
    rnl_sockaddr_format(&address.storage, text);
    return true;
}
