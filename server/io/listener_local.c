/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Unix socket, for programs of the same machine: a send costs half of what
 * it costs over loopback TCP, and who may connect is a matter of the file's
 * owner and group.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "server_private.h"

/* Owner and group may connect, which takes the right to write. */
#define MODE (S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP)

/* 0 when somebody listens there, or an errno. */
static int try_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    memcpy(address.sun_path, path, strlen(path));
    int error =
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0
            ? 0
            : errno;
    close(fd);
    return error;
}

/* Removes what a server left that was killed, and nothing else. */
static bool make_room(const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return true; /* bind says why, if there is more to it. */
    if (!S_ISSOCK(info.st_mode))
        return rnl_listener_fail(path, "there is a file that is no socket");
    if (try_connect(path) != ECONNREFUSED)
        return rnl_listener_fail(path, "another server listens there");
    return unlink(path) == 0 || rnl_listener_fail(path, strerror(errno));
}

/* Not before the file has its mode can anybody connect. */
static int bind_and_listen(struct rnl_server *server)
{
    const char *path = server->options->unix_socket;
    int error = uv_pipe_bind(&server->local, path);
    if (error != 0)
        return error;
    if (chmod(path, MODE) != 0)
        return uv_translate_sys_error(errno);
    return uv_listen((uv_stream_t *)&server->local, RNL_LISTEN_BACKLOG,
                     rnl_listener_on_connection);
}

bool rnl_listener_open_local(struct rnl_server *server)
{
    const char *path = server->options->unix_socket;
    if (path == NULL)
        return true;
    if (!make_room(path))
        return false;
    int error = bind_and_listen(server);
    /* libuv says EACCES for ENOENT, too. */
    if (error == UV_EACCES)
        return rnl_listener_fail(
            path, "there is no such folder, or it may not be written");
    if (error != 0)
        return rnl_listener_fail(path, uv_strerror(error));
    rnl_log(RNL_LOG_INFO, "listening", RNL_LOG_TEXT("address", path));
    return true;
}
