/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GETs that are one call, and that several clients make at the same time: the
 * same path and query with the same rights. Those that come before the call
 * has left for the core share it, and its answer is written once. Those that
 * come while it is on its way share the next, which leaves when it has ended
 * and a round of the loop brings nobody else, or after a few rounds. Each so
 * gets what the core knew after its request had come, as with a call of its
 * own: nothing is cached. The time of a call counts from the first request that
 * waits for it.
 *
 * That is what many browsers do that ask for the same job or stream.
 */
#ifndef RNL_BRIDGE_SHARED_CALL_H
#define RNL_BRIDGE_SHARED_CALL_H

#include <stdbool.h>

#include "exchange.h"

/* Whether the exchange's route and request are of that sort. */
bool rnl_shared_call_fits(const struct rnl_exchange *exchange);

/* Joins a call that is to be made; the exchange is answered in the end. False:
 * there is none. */
bool rnl_shared_call_join(struct rnl_exchange *exchange);

/* Makes the route's call, encoding request at once, for the exchange and those
 * that join. Answers the exchange in the end, whatever happens. */
void rnl_shared_call_start(struct rnl_exchange *exchange,
                           const ProtobufCMessage *request);

/* To be called after each round of the loop. True: another is to follow without
 * waiting for an event. */
bool rnl_shared_calls_round(struct rnl_worker *worker);

#endif
