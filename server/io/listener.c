/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "server_private.h"
#include "settings.h"
#include "systemd.h"
#include "tokens.h"

#define HOST_MAX 256

void rnl_address_format(const struct sockaddr_storage *address,
                        char out[RNL_ADDRESS_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, RNL_ADDRESS_MAX, "[%s]:%u", host, ntohs(in6->sin6_port));
    } else if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, RNL_ADDRESS_MAX, "%s:%u", host, ntohs(in->sin_port));
    } else {
        snprintf(out, RNL_ADDRESS_MAX, "local");
    }
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    return true;
}

static bool fail(const char *address, const char *reason)
{
    rnl_log(RNL_LOG_ERROR, "listen_failed", RNL_LOG_TEXT("address", address),
            RNL_LOG_TEXT("reason", reason));
    return false;
}

static bool may_bind(const struct rnl_server *server,
                     const struct sockaddr_storage *address)
{
    if (rnl_tokens_required(server->core->tokens) || is_loopback(address))
        return true;
    char text[RNL_ADDRESS_MAX];
    rnl_address_format(address, text);
    return fail(text, "without a token only a loopback address may be bound: "
                      "set RUNNEL_TOKEN or --token-file, or make one with "
                      "`runnel admin token create` on a loopback address");
}

static bool resolve(const char *listen, struct sockaddr_storage *ret_address)
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
    memcpy(ret_address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

static bool bind_address(struct rnl_server *server)
{
    const char *listen = server->options->listen;
    struct sockaddr_storage address = {0};
    if (!resolve(listen, &address) || !may_bind(server, &address))
        return false;
    int error =
        uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0);
    return error == 0 || fail(listen, uv_strerror(error));
}

static bool take_passed(struct rnl_server *server, int fd)
{
    int error = uv_tcp_open(&server->listener, fd);
    return error == 0 || fail("LISTEN_FDS", uv_strerror(error));
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct rnl_server *server = stream->data;
    rnl_server_enter(server);
    if (status == 0)
        rnl_conn_accept(server);
    else
        rnl_log(RNL_LOG_WARN, "accept_failed",
                RNL_LOG_TEXT("reason", uv_strerror(status)));
    rnl_server_leave(server);
}

/* Waiting connections: what the kernel caps it to anyway (net.core.somaxconn)
 * since Linux 5.4. */
#define BACKLOG 4096

bool rnl_listener_open(struct rnl_server *server)
{
    int fd = rnl_systemd_listen_fd();
    if (!(fd >= 0 ? take_passed(server, fd) : bind_address(server)))
        return false;
    struct sockaddr_storage address = {0};
    int len = sizeof(address);
    int error =
        uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
    if (error == 0)
        error = uv_tcp_getsockname(&server->listener,
                                   (struct sockaddr *)&address, &len);
    if (error != 0)
        return fail(server->options->listen, uv_strerror(error));
    rnl_address_format(&address, server->address);
    return may_bind(server, &address);
}
