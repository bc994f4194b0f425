/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a stream: StreamConfig of the contract, and the
 * engine's. */
#ifndef RNL_STREAMS_STREAM_CONFIG_H
#define RNL_STREAMS_STREAM_CONFIG_H

#include <runnel/v1/stats.pb-c.h>

#include "field_error.h"
#include "meter.h"

/* Checks a configuration (not its name) and fills in defaults. Errors:
 * RNL_INVALID_ARGUMENT with error filled, "config.window_seconds[2]". */
RNL_MUST_USE enum rnl_code rnl_stream_config_read(
    const Runnel__V1__StreamConfig *from, struct rnl_meter_config *ret_config,
    struct rnl_field_error *error);

/* Borrows from config. */
void rnl_stream_config_write(const struct rnl_meter_config *config,
                             const char *name, Runnel__V1__StreamConfig *to);

/* The first field in which two checked configurations differ; NULL: none. */
const char *rnl_stream_config_difference(const struct rnl_meter_config *a,
                                         const struct rnl_meter_config *b);

#endif
