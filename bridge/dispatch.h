/* SPDX-License-Identifier: Apache-2.0 */
/* The one libh2o handler of the API: finds the route of a request, refuses
 * what no route should see, and hands the rest to the route's handler. */
#ifndef RNL_BRIDGE_DISPATCH_H
#define RNL_BRIDGE_DISPATCH_H

#include "h2o_use.h"

/* Requests outside of the API fall through to the handlers that are
 * registered later. */
void rnl_dispatch_register(h2o_pathconf_t *path);

#endif
