/* SPDX-License-Identifier: Apache-2.0 */
/* AdminService: what the server is and does. */
#ifndef RNL_CORE_ADMIN_SERVICE_H
#define RNL_CORE_ADMIN_SERVICE_H

#include "rpc.h"

extern const struct rnl_service rnl_admin_service;

#endif
