/* SPDX-License-Identifier: Apache-2.0 */
#include "systemd.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* SD_LISTEN_FDS_START: descriptors are passed from here on. */
#define LISTEN_FD_FIRST 3

void rnl_systemd_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof(address.sun_path))
        return;
    size_t len = strlen(path);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') /* The abstract namespace. */
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    ssize_t sent =
        sendto(fd, state, strlen(state), MSG_NOSIGNAL,
               (const struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    (void)sent;
    close(fd);
}

static long env_number(const char *name)
{
    const char *text = getenv(name);
    return text == NULL ? 0 : strtol(text, NULL, 10);
}

int rnl_systemd_listen_fd(void)
{
    if (env_number("LISTEN_PID") != (long)getpid() ||
        env_number("LISTEN_FDS") < 1)
        return -1;
    fcntl(LISTEN_FD_FIRST, F_SETFD, FD_CLOEXEC);
    return LISTEN_FD_FIRST;
}
