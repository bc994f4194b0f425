/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_h2o FILE: what libh2o alone can do. Answers any request with the bytes
 * of FILE, an answer with its head as `curl -i` writes it, from memory, and
 * prints its address.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "h2o_use.h"
#include "timing.h"

#define BYTES_MAX   65536
#define HEADERS_MAX 16

static char bytes[BYTES_MAX + 1];
static h2o_header_t headers[HEADERS_MAX];
static h2o_iovec_t names[HEADERS_MAX];
static size_t header_count;
static h2o_iovec_t body;
static h2o_context_t context;
static h2o_accept_ctx_t accept_context;

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    static h2o_generator_t generator = {NULL, NULL};
    (void)handler;
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = body.len;
    h2o_vector_reserve(&req->pool, &req->res.headers, header_count);
    memcpy(req->res.headers.entries, headers,
           header_count * sizeof(headers[0]));
    req->res.headers.size = header_count;
    h2o_start_response(req, &generator);
    h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
    h2o_socket_t *sock;
    if (error != NULL)
        return;
    while ((sock = h2o_evloop_socket_accept(listener)) != NULL)
        h2o_accept(&accept_context, sock);
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        bench_die("cannot listen");
    printf("127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* Those that libh2o writes by itself. */
static bool is_own(const char *name)
{
    static const char *const own[] = {"connection", "content-length", "date",
                                      "server"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcasecmp(name, own[i]) == 0)
            return true;
    return false;
}

static void add_header(char *line)
{
    char *value = strstr(line, ": ");
    if (value == NULL || header_count == HEADERS_MAX)
        bench_die("%s: is no header, or one too many", line);
    *value = '\0';
    value += 2;
    if (is_own(line))
        return;
    names[header_count] = h2o_iovec_init(line, strlen(line));
    headers[header_count].name = &names[header_count];
    headers[header_count].value = h2o_iovec_init(value, strlen(value));
    header_count++;
}

static void read_answer(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        bench_die("%s cannot be read", path);
    size_t len = fread(bytes, 1, BYTES_MAX, file);
    fclose(file);
    char *at = strstr(bytes, "\r\n"), *end;
    if (at == NULL)
        bench_die("%s has no head", path);
    for (at += 2; (end = strstr(at, "\r\n")) != at; at = end + 2) {
        if (end == NULL)
            bench_die("%s has no body", path);
        *end = '\0';
        add_header(at);
    }
    body = h2o_iovec_init(at + 2, (size_t)(bytes + len - (at + 2)));
}

int main(int argc, char **argv)
{
    h2o_globalconf_t config;
    if (argc != 2)
        bench_die("usage: bench_h2o FILE");
    read_answer(argv[1]);
    signal(SIGPIPE, SIG_IGN);
    h2o_config_init(&config);
    h2o_hostconf_t *host = h2o_config_register_host(
        &config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&context, h2o_evloop_create(), &config);
    accept_context.ctx = &context;
    accept_context.hosts = config.hosts;
    h2o_socket_t *listener = h2o_evloop_socket_create(
        context.loop, listen_anywhere(), H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listener, on_accept);
    while (1)
        h2o_evloop_run(context.loop, INT32_MAX);
}
