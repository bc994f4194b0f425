/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_jobs.h"

#include <stdio.h>

#include <runnel/v1/admin.pb-c.h>
#include <runnel/v1/jobs.pb-c.h>

#include "wire.h"

void fake_text(uint64_t sequence, char text[FAKE_TEXT_SIZE])
{
    snprintf(text, FAKE_TEXT_SIZE, "event %llu;", (unsigned long long)sequence);
}

static bool send_event(struct fake_conn *conn, uint32_t stream_id,
                       Runnel__V1__JobEvent *event)
{
    Runnel__V1__WatchJobResponse response =
        RUNNEL__V1__WATCH_JOB_RESPONSE__INIT;
    response.event = event;
    return fake_write_packed(conn, stream_id, RNL_FRAME_MESSAGE,
                             &response.base);
}

bool fake_delta(struct fake_conn *conn, uint32_t stream_id, uint64_t sequence)
{
    char text[FAKE_TEXT_SIZE];
    Runnel__V1__OutputDelta delta = RUNNEL__V1__OUTPUT_DELTA__INIT;
    Runnel__V1__JobEvent event = RUNNEL__V1__JOB_EVENT__INIT;
    fake_text(sequence, text);
    delta.content_case = RUNNEL__V1__OUTPUT_DELTA__CONTENT_TEXT;
    delta.text = text;
    event.sequence = sequence;
    event.payload_case = RUNNEL__V1__JOB_EVENT__PAYLOAD_DELTA;
    event.delta = &delta;
    return send_event(conn, stream_id, &event);
}

bool fake_end(struct fake_conn *conn, uint32_t stream_id, uint64_t sequence)
{
    Runnel__V1__StateChange change = RUNNEL__V1__STATE_CHANGE__INIT;
    Runnel__V1__JobEvent event = RUNNEL__V1__JOB_EVENT__INIT;
    change.state = RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED;
    event.sequence = sequence;
    event.payload_case = RUNNEL__V1__JOB_EVENT__PAYLOAD_STATE;
    event.state = &change;
    return send_event(conn, stream_id, &event);
}

bool fake_watch(struct fake_conn *conn, uint32_t *ret_stream_id,
                uint64_t *ret_after)
{
    uint8_t message[256];
    size_t len = 0;
    if (!fake_request(conn, ret_stream_id, message, sizeof(message), &len))
        return false;
    struct rnl_wire wire = {message, message + len};
    struct rnl_wire_field field;
    *ret_after = 0;
    while (rnl_wire_next(&wire, &field) == RNL_WIRE_FIELD) {
        if (field.number == 2)
            *ret_after = field.value;
    }
    return true;
}

bool fake_info(struct fake_conn *conn)
{
    uint8_t message[256];
    size_t len;
    uint32_t id;
    Runnel__V1__GetInfoResponse info = RUNNEL__V1__GET_INFO_RESPONSE__INIT;
    info.version = (char *)"fake";
    return fake_request(conn, &id, message, sizeof(message), &len) &&
           fake_write_packed(conn, id, RNL_FRAME_MESSAGE, &info.base) &&
           fake_status(conn, id, RNL_OK, NULL);
}
