/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of a stream and its list of anomalies as parts of the bytes of a
 * meter (meter_bytes.h): no frame of their own. */
#ifndef RNL_STATS_ANOMALY_BYTES_H
#define RNL_STATS_ANOMALY_BYTES_H

#include "anomaly.h"
#include "sketch/bytes.h"

void rnl_judge_write(struct rnl_writer *writer, const struct rnl_judge *judge);

/* Fills a new judge. Errors: RNL_INVALID_ARGUMENT, RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_judge_read(struct rnl_judge *judge,
                                          struct rnl_wire *in);

void rnl_anomalies_write(struct rnl_writer *writer,
                         const struct rnl_anomalies *anomalies);

/* False: it is not what rnl_anomalies_write wrote. */
bool rnl_anomalies_read(struct rnl_anomalies *anomalies, struct rnl_wire *in);

#endif
