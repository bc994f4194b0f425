/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"
#include "server_private.h"
#include "systemd.h"
#include "tokens.h"

bool rnl_listener_fail(const char *address, const char *reason)
{
    rnl_log(RNL_LOG_ERROR, "listen_failed", RNL_LOG_TEXT("address", address),
            RNL_LOG_TEXT("reason", reason));
    return false;
}

static bool may_bind(const struct rnl_server *server,
                     const struct sockaddr_storage *address)
{
    if (rnl_tokens_required(server->core->tokens) ||
        rnl_sockaddr_is_loopback(address))
        return true;
    char text[RNL_SOCKADDR_TEXT_MAX];
    rnl_sockaddr_format(address, text);
    return rnl_listener_fail(
        text, "without a token only a loopback address may be bound: "
              "set RUNNEL_TOKEN or --token-file, or make one with "
              "`runnel admin token create` on a loopback address");
}

static bool bind_address(struct rnl_server *server)
{
    const char *listen = server->options->listen;
    struct sockaddr_storage address = {0};
    socklen_t len;
    const char *wrong = rnl_sockaddr_find(listen, &address, &len);
    if (wrong != NULL)
        return rnl_listener_fail(listen, wrong);
    if (!may_bind(server, &address))
        return false;
    int error =
        uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0);
    return error == 0 || rnl_listener_fail(listen, uv_strerror(error));
}

static bool take_passed(struct rnl_server *server, int fd)
{
    int error = uv_tcp_open(&server->listener, fd);
    return error == 0 || rnl_listener_fail("LISTEN_FDS", uv_strerror(error));
}

void rnl_listener_on_connection(uv_stream_t *stream, int status)
{
    struct rnl_server *server = stream->data;
    rnl_server_enter(server);
    if (status == 0)
        rnl_conn_accept(server, stream);
    else
        rnl_log(RNL_LOG_WARN, "accept_failed",
                RNL_LOG_TEXT("reason", uv_strerror(status)));
    rnl_server_leave(server);
}

bool rnl_listener_open(struct rnl_server *server)
{
    int fd = rnl_systemd_listen_fd();
    if (!(fd >= 0 ? take_passed(server, fd) : bind_address(server)))
        return false;
    struct sockaddr_storage address = {0};
    int len = sizeof(address);
    int error = uv_listen((uv_stream_t *)&server->listener, RNL_LISTEN_BACKLOG,
                          rnl_listener_on_connection);
    if (error == 0)
        error = uv_tcp_getsockname(&server->listener,
                                   (struct sockaddr *)&address, &len);
    if (error != 0)
        return rnl_listener_fail(server->options->listen, uv_strerror(error));
    rnl_sockaddr_format(&address, server->address);
    return may_bind(server, &address);
}
