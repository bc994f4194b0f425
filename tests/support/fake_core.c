/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_core.h"

#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <runnel/v1/frame.pb-c.h>

#define PACKED_MAX 4096

/* --- the thread --- */

static bool wait_readable(int fd, int stop_fd, short events)
{
    struct pollfd fds[] = {{.fd = fd, .events = events},
                           {.fd = stop_fd, .events = POLLIN}};
    int count;
    do {
        count = poll(fds, 2, FAKE_DEADLINE_MS);
    } while (count < 0 && errno == EINTR);
    return count > 0 && fds[1].revents == 0;
}

static void *run(void *arg)
{
    struct fake_core *core = arg;
    uint8_t *buf = malloc(FAKE_BUFFER_BYTES);
    while (buf != NULL &&
           wait_readable(core->listen_fd, core->stop_pipe[0], POLLIN)) {
        int fd = accept4(core->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        const int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct fake_conn conn = {
            .fd = fd,
            .stop_fd = core->stop_pipe[0],
            .number = atomic_fetch_add(&core->connection_count, 1),
            .buf = buf,
        };
        core->serve(&conn, core->arg);
        close(fd);
    }
    free(buf);
    return NULL;
}

static void listen_on_loopback(struct fake_core *core)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t len = sizeof(address);
    core->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(core->listen_fd >= 0);
    assert_int_equal(
        bind(core->listen_fd, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(core->listen_fd, 16), 0);
    assert_int_equal(
        getsockname(core->listen_fd, (struct sockaddr *)&address, &len), 0);
    snprintf(core->address, sizeof(core->address), "127.0.0.1:%u",
             (unsigned)ntohs(address.sin_port));
}

void fake_core_start(struct fake_core *core, fake_serve_fn *serve, void *arg)
{
    *core = (struct fake_core){.serve = serve, .arg = arg};
    listen_on_loopback(core);
    assert_int_equal(pipe(core->stop_pipe), 0);
    assert_int_equal(pthread_create(&core->thread, NULL, run, core), 0);
}

void fake_core_stop(struct fake_core *core)
{
    close(core->stop_pipe[1]);
    assert_int_equal(pthread_join(core->thread, NULL), 0);
    close(core->stop_pipe[0]);
    close(core->listen_fd);
}

/* --- reading --- */

static bool fill(struct fake_conn *conn)
{
    if (conn->len == FAKE_BUFFER_BYTES ||
        !wait_readable(conn->fd, conn->stop_fd, POLLIN))
        return false;
    ssize_t got = recv(conn->fd, conn->buf + conn->len,
                       FAKE_BUFFER_BYTES - conn->len, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return false;
    conn->len += (size_t)got;
    return true;
}

bool fake_read(struct fake_conn *conn, struct rnl_frame *ret_frame)
{
    memmove(conn->buf, conn->buf + conn->used, conn->len - conn->used);
    conn->len -= conn->used;
    conn->used = 0;
    for (;;) {
        size_t need;
        if (rnl_frame_decode(conn->buf, conn->len, FAKE_BUFFER_BYTES, ret_frame,
                             &conn->used, &need) != RNL_OK)
            return false;
        if (conn->used > 0)
            return true;
        if (!fill(conn))
            return false;
    }
}

bool fake_read_kind(struct fake_conn *conn, enum rnl_frame_kind kind,
                    struct rnl_frame *ret_frame)
{
    do {
        if (!fake_read(conn, ret_frame))
            return false;
    } while (ret_frame->kind != kind);
    return true;
}

void fake_wait_end(struct fake_conn *conn)
{
    do {
        conn->len = 0;
        conn->used = 0;
    } while (fill(conn));
}

/* --- writing --- */

bool fake_write_bytes(struct fake_conn *conn, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t sent = send(conn->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            at += sent;
            len -= (size_t)sent;
        } else if (errno != EAGAIN && errno != EINTR) {
            return false;
        } else if (!wait_readable(conn->fd, conn->stop_fd, POLLOUT)) {
            return false;
        }
    }
    return true;
}

bool fake_write(struct fake_conn *conn, uint32_t stream_id,
                enum rnl_frame_kind kind, const void *body, size_t len)
{
    uint8_t head[RNL_FRAME_HEAD_MAX];
    size_t head_len = rnl_frame_head(head, stream_id, kind, len);
    return fake_write_bytes(conn, head, head_len) &&
           fake_write_bytes(conn, body, len);
}

bool fake_write_packed(struct fake_conn *conn, uint32_t stream_id,
                       enum rnl_frame_kind kind, const ProtobufCMessage *body)
{
    uint8_t packed[PACKED_MAX];
    size_t len = protobuf_c_message_get_packed_size(body);
    if (len > sizeof(packed))
        return false;
    protobuf_c_message_pack(body, packed);
    return fake_write(conn, stream_id, kind, packed, len);
}

bool fake_hello(struct fake_conn *conn, const char *epoch)
{
    struct rnl_frame frame;
    Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    hello.protocol_version = RNL_PROTOCOL_VERSION;
    hello.agent = (char *)"fake/1";
    hello.max_streams = 16;
    hello.epoch = (char *)epoch;
    return fake_read_kind(conn, RNL_FRAME_HELLO, &frame) &&
           fake_write_packed(conn, 0, RNL_FRAME_HELLO, &hello.base);
}

bool fake_request(struct fake_conn *conn, uint32_t *ret_stream_id,
                  uint8_t *message, size_t cap, size_t *ret_len)
{
    struct rnl_frame frame;
    do {
        if (!fake_read(conn, &frame))
            return false;
        if (frame.kind == RNL_FRAME_MESSAGE && frame.body_len <= cap) {
            memcpy(message, frame.body, frame.body_len);
            *ret_len = frame.body_len;
        }
    } while (frame.kind != RNL_FRAME_HALF_CLOSE);
    *ret_stream_id = frame.stream_id;
    return true;
}

bool fake_status(struct fake_conn *conn, uint32_t stream_id, int code,
                 const char *text)
{
    Runnel__V1__Status status = RUNNEL__V1__STATUS__INIT;
    status.code = (Runnel__V1__Code)code;
    if (text != NULL)
        status.message = (char *)text;
    return fake_write_packed(conn, stream_id, RNL_FRAME_STATUS, &status.base);
}
