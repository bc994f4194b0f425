/* SPDX-License-Identifier: Apache-2.0 */
/* Backup, Check and Compact of AdminService: the store's upkeep (upkeep.h) as
 * calls. */
#ifndef RNL_CORE_ADMIN_UPKEEP_H
#define RNL_CORE_ADMIN_UPKEEP_H

#include "rpc.h"

extern const struct rnl_service rnl_admin_upkeep_service;

#endif
