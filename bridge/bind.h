/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binds the parts of an HTTP request into one request message: parameters of
 * the path and of the query become members of the JSON object that the body
 * gave (or of an empty one), which then goes through the one mapping of
 * pbjson.h. So each value is checked in one place, and an error names its
 * field however it came.
 *
 *   ?page_size=5  ?pageSize=5       a field, in either spelling
 *   ?keys=a&keys=b                  a repeated field
 *   ?labels.env=prod                a map's entry
 *   ?states=RUNNING ?metric=value   an enum's value without its prefix
 *   ?window=5m                      window_seconds: 300, 90s, 5m, 1h, 1d, all
 *   ?key= ?value= ?state=           keys, values, states where a message has
 *                                   these and not the short one
 */
#ifndef RNL_BRIDGE_BIND_H
#define RNL_BRIDGE_BIND_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <runnel/status.h>

#include "pbjson.h"

/*
 * Adds one parameter to object.
 *
 * Errors: RNL_INVALID_ARGUMENT when the message has no such field, the field
 * is given already, is a message, or its value is none of the field's type;
 * RNL_RESOURCE_EXHAUSTED.
 */
RNL_MUST_USE enum rnl_code rnl_bind(
    json_t *object, const ProtobufCMessageDescriptor *descriptor,
    const char *name, const char *value, struct rnl_pbjson_error *ret_error);

#endif
