/* SPDX-License-Identifier: Apache-2.0 */
/* What a fake core says of jobs. */
#ifndef RNL_TESTS_FAKE_JOBS_H
#define RNL_TESTS_FAKE_JOBS_H

#include "fake_core.h"

/* The text of event n: "event n;". */
#define FAKE_TEXT_SIZE 32
void fake_text(uint64_t sequence, char text[FAKE_TEXT_SIZE]);

/* One piece of output under a sequence. */
bool fake_delta(struct fake_conn *conn, uint32_t stream_id, uint64_t sequence);

/* The terminal event, SUCCEEDED. */
bool fake_end(struct fake_conn *conn, uint32_t stream_id, uint64_t sequence);

/* Awaits a WatchJob and its after_sequence. */
bool fake_watch(struct fake_conn *conn, uint32_t *ret_stream_id,
                uint64_t *ret_after);

/* Awaits any request and answers as AdminService/GetInfo. */
bool fake_info(struct fake_conn *conn);

#endif
