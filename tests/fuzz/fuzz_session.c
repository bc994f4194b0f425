/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation with the core: the input is a program of steps, each a byte
 * and what it takes: raw bytes, frames, calls of real methods, time that
 * passes, output that is read or not. Whatever it is, the session keeps its
 * bounds, and leaves nothing behind.
 */
#include "fuzz.h"

#include <string.h>

#include "core.h"
#include "frame.h"
#include "session.h"

#define NS_PER_MS 1000000

static const char *const methods[] = {
    "runnel.v1.AdminService/GetInfo",
    "runnel.v1.JobService/CreateJob",
    "runnel.v1.JobService/GetJob",
    "runnel.v1.JobService/ListJobs",
    "runnel.v1.JobService/WatchJob",
    "runnel.v1.JobService/CancelJob",
    "runnel.v1.EventService/Ingest",
    "runnel.v1.EventService/IngestBatch",
    "runnel.v1.StatsService/CreateStream",
    "runnel.v1.StatsService/GetStats",
    "runnel.v1.StatsService/WatchStats",
    "runnel.v1.StatsService/GetFrequency",
    "runnel.v1.Nothing/AtAll",
};

static void fixed_random(void *arg, uint8_t *out, size_t len)
{
    uint64_t *state = arg;
    for (size_t i = 0; i < len; i++) {
        *state = *state * UINT64_C(6364136223846793005) + 1;
        out[i] = (uint8_t)(*state >> 56);
    }
}

static void on_output(struct rnl_session *session, void *arg)
{
    (void)session;
    (void)arg;
}

/* As a transport does it: into the session's room where there is some. */
static void feed(struct rnl_session *session, const uint8_t *data, size_t len)
{
    while (len > 0) {
        uint8_t *room;
        size_t size = rnl_session_room(session, &room);
        size_t take = size == 0 || len < size ? len : size;
        if (size == 0) {
            rnl_session_feed(session, data, take);
        } else {
            memcpy(room, data, take);
            rnl_session_filled(session, take);
        }
        data += take;
        len -= take;
    }
}

static void feed_frame(struct rnl_session *session, uint8_t choice,
                       const uint8_t *body, size_t len)
{
    uint8_t head[RNL_FRAME_HEAD_MAX];
    size_t head_len = rnl_frame_head(head, choice >> 4,
                                     (enum rnl_frame_kind)(choice & 15), len);
    feed(session, head, head_len);
    feed(session, body, len);
}

static void feed_call(struct rnl_session *session, uint8_t choice)
{
    const char *name = methods[choice % (sizeof(methods) / sizeof(methods[0]))];
    uint8_t body[128];
    size_t len = strlen(name);
    body[0] = 1 << 3 | 2;
    body[1] = (uint8_t)len;
    memcpy(body + 2, name, len);
    feed_frame(session, (uint8_t)((choice & 0xF0) | RNL_FRAME_CALL), body,
               len + 2);
}

static void pass_time(struct rnl_core *core, uint8_t amount)
{
    int64_t ns = ((int64_t)1 << amount % 18) * NS_PER_MS;
    rnl_core_set_time(core, core->now_ns + ns, core->wall_ns + ns);
    rnl_core_run_timers(core);
}

static void take_output(struct rnl_session *session, uint8_t amount)
{
    struct iovec iov[8];
    size_t count = rnl_session_output(session, iov, 8);
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += iov[i].iov_len;
    if (count > 0)
        rnl_session_wrote(session, amount < 128 ? len * amount / 128 : len);
}

/* One step; the rest of the input is what it does not use. */
static void step(struct rnl_core *core, struct rnl_session *session,
                 const uint8_t **data, size_t *size)
{
    uint8_t what = fuzz_byte(data, size);
    uint8_t choice = fuzz_byte(data, size);
    size_t len = what / 6;
    len = len < *size ? len : *size;
    switch (what % 6) {
    case 0:
        feed(session, *data, len);
        break;
    case 1:
    case 2:
        feed_frame(session, choice, *data, len);
        break;
    case 3:
        feed_call(session, choice);
        return;
    case 4:
        pass_time(core, choice);
        return;
    default:
        take_output(session, choice);
        return;
    }
    *data += len;
    *size -= len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t hello[] = {0x04, 0x12, 0x02, 0x08, 0x01};
    uint64_t seed = 1;
    struct rnl_core_options options = {.random = fixed_random,
                                       .random_arg = &seed,
                                       .max_streams = 16,
                                       .max_jobs = 8};
    struct rnl_core *core;
    struct rnl_session *session;
    struct rnl_session_host host = {on_output, NULL};
    FUZZ_CHECK(rnl_core_create(&options, NS_PER_MS,
                               INT64_C(1700000000) * 1000 * NS_PER_MS,
                               &core) == RNL_OK);
    FUZZ_CHECK(rnl_session_create(core, &host, &session) == RNL_OK);
    if (fuzz_byte(&data, &size) % 8 != 0)
        feed(session, hello, sizeof(hello));
    while (size > 0 && !rnl_session_done(session))
        step(core, session, &data, &size);
    rnl_session_destroy(session);
    rnl_core_destroy(core);
    return 0;
}
