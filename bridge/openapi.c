/* SPDX-License-Identifier: Apache-2.0 */
#include "openapi.h"

#include "handlers.h"

void rnl_handle_openapi(struct rnl_exchange *exchange)
{
    rnl_exchange_reply(exchange, 200, "application/json",
                       (const char *)rnl_openapi, rnl_openapi_len);
}
