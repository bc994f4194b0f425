/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of TokenService: tokens are made, listed and revoked. Answers
 * that promise something wait until the store has it. */
#ifndef RNL_CORE_TOKEN_SERVICE_H
#define RNL_CORE_TOKEN_SERVICE_H

#include "rpc.h"

extern const struct rnl_service rnl_token_service;

/* What a token store's done must be. */
void rnl_token_service_done(void *op, enum rnl_code code);

#endif
