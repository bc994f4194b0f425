/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a meter's bytes, and its list of anomalies.
 *
 *     "RMTR" | 1 | seed | times and counts | levels | seconds | judge | hash
 *     "RANO" | 1 | sequence | anomalies | hash
 */
#ifndef RNL_STATS_METER_HEAD_H
#define RNL_STATS_METER_HEAD_H

#include "meter_private.h"

size_t rnl_meter_head_len(const struct rnl_meter *meter);
void rnl_meter_head_write(const struct rnl_meter *meter, uint8_t *out);

/* Makes a meter of the configuration and the head. Errors: as of
 * rnl_meter_restore. */
RNL_MUST_USE enum rnl_code rnl_meter_head_read(
    const struct rnl_meter_config *config, const uint8_t *bytes, size_t len,
    struct rnl_meter **ret_meter);

size_t rnl_meter_list_len(const struct rnl_meter *meter);
void rnl_meter_list_write(const struct rnl_meter *meter, uint8_t *out);
RNL_MUST_USE enum rnl_code rnl_meter_list_read(struct rnl_meter *meter,
                                               const uint8_t *bytes,
                                               size_t len);

#endif
