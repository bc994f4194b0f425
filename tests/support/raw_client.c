/* SPDX-License-Identifier: Apache-2.0 */
#include "raw_client.h"

#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <runnel/v1/frame.pb-c.h>

#define TIMEOUT_S 20

void raw_connect(struct raw_client *client, uint16_t port)
{
    *client = (struct raw_client){.buf = malloc(RAW_BUFFER_BYTES)};
    assert_non_null(client->buf);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(client->fd >= 0);
    struct timeval limit = {.tv_sec = TIMEOUT_S};
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    int on = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(
        connect(client->fd, (const struct sockaddr *)&address, sizeof(address)),
        0);
}

void raw_close(struct raw_client *client)
{
    close(client->fd);
    free(client->buf);
    client->buf = NULL;
}

void raw_send_bytes(struct raw_client *client, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    while (len > 0) {
        ssize_t sent = send(client->fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            fail_msg("send: %s", strerror(errno));
        bytes += sent;
        len -= (size_t)sent;
    }
}

static void send_frame(struct raw_client *client, uint32_t stream_id,
                       enum rnl_frame_kind kind, const void *body, size_t len)
{
    uint8_t *bytes = malloc(RNL_FRAME_HEAD_MAX + len);
    assert_non_null(bytes);
    size_t head = rnl_frame_head(bytes, stream_id, kind, len);
    if (len > 0)
        memcpy(bytes + head, body, len);
    raw_send_bytes(client, bytes, head + len);
    free(bytes);
}

void raw_send(struct raw_client *client, uint32_t stream_id,
              enum rnl_frame_kind kind, const ProtobufCMessage *body)
{
    size_t len = body == NULL ? 0 : protobuf_c_message_get_packed_size(body);
    uint8_t *bytes = malloc(len + 1);
    assert_non_null(bytes);
    if (body != NULL)
        protobuf_c_message_pack(body, bytes);
    send_frame(client, stream_id, kind, bytes, len);
    free(bytes);
}

void raw_send_message(struct raw_client *client, uint32_t stream_id,
                      const void *data, size_t len)
{
    send_frame(client, stream_id, RNL_FRAME_MESSAGE, data, len);
}

void raw_hello(struct raw_client *client)
{
    Runnel__V1__Hello hello = RUNNEL__V1__HELLO__INIT;
    hello.protocol_version = RNL_PROTOCOL_VERSION;
    hello.agent = (char *)"raw-client";
    raw_send(client, 0, RNL_FRAME_HELLO, &hello.base);
    struct rnl_frame frame;
    assert_true(raw_receive(client, &frame));
    assert_int_equal(frame.kind, RNL_FRAME_HELLO);
}

void raw_call(struct raw_client *client, uint32_t stream_id, const char *method,
              const ProtobufCMessage *request)
{
    Runnel__V1__Call call = RUNNEL__V1__CALL__INIT;
    call.method = (char *)method;
    raw_send(client, stream_id, RNL_FRAME_CALL, &call.base);
    raw_send(client, stream_id, RNL_FRAME_MESSAGE, request);
    raw_send(client, stream_id, RNL_FRAME_HALF_CLOSE, NULL);
}

bool raw_receive(struct raw_client *client, struct rnl_frame *ret_frame)
{
    client->len -= client->used;
    memmove(client->buf, client->buf + client->used, client->len);
    client->used = 0;
    for (;;) {
        size_t need;
        assert_int_equal(rnl_frame_decode(client->buf, client->len,
                                          RNL_FRAME_BYTES_DEFAULT, ret_frame,
                                          &client->used, &need),
                         RNL_OK);
        if (client->used > 0)
            return true;
        ssize_t got = recv(client->fd, client->buf + client->len,
                           RAW_BUFFER_BYTES - client->len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            fail_msg("no frame came in %d s", TIMEOUT_S);
        if (got <= 0)
            return false;
        client->len += (size_t)got;
    }
}

int raw_await_status(struct raw_client *client, uint32_t stream_id,
                     char *ret_text, size_t cap)
{
    struct rnl_frame frame;
    do {
        if (!raw_receive(client, &frame))
            fail_msg("closed before the Status of stream %u", stream_id);
    } while (frame.kind != RNL_FRAME_STATUS || frame.stream_id != stream_id);
    Runnel__V1__Status *status =
        runnel__v1__status__unpack(NULL, frame.body_len, frame.body);
    assert_non_null(status);
    int code = (int)status->code;
    if (cap > 0)
        snprintf(ret_text, cap, "%s", status->message);
    runnel__v1__status__free_unpacked(status, NULL);
    return code;
}

void raw_await_close(struct raw_client *client)
{
    struct rnl_frame frame;
    while (raw_receive(client, &frame))
        ;
}

void raw_check_served(struct raw_client *client, uint32_t stream_id)
{
    raw_call(client, stream_id, "runnel.v1.AdminService/GetInfo", NULL);
    char text[256];
    int code = raw_await_status(client, stream_id, text, sizeof(text));
    if (code != RNL_OK)
        fail_msg("GetInfo: %d %s", code, text);
}
