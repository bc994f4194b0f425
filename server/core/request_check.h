/* SPDX-License-Identifier: Apache-2.0 */
/* What protobuf asks of a message and protobuf-c does not check: that strings
 * are UTF-8. Checked here once for every request, so that no bad text gets
 * into a store or back to a client whose library would refuse it. */
#ifndef RNL_CORE_REQUEST_CHECK_H
#define RNL_CORE_REQUEST_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

/* Longer paths are cut. */
#define RNL_FIELD_PATH_MAX 128

/* Looks at all strings of the message and those inside of it. When one is not
 * UTF-8 returns false and writes its path: "labels[2].value". */
bool rnl_request_check_text(const ProtobufCMessage *message,
                            char ret_path[RNL_FIELD_PATH_MAX]);

#endif
