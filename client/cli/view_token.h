/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, drawn. The input is JSON of the schema: Token. */
#ifndef RNL_CLI_VIEW_TOKEN_H
#define RNL_CLI_VIEW_TOKEN_H

#include <stdint.h>

#include "json.h"
#include "term.h"

/* A table, one token a row. */
void cli_view_tokens(struct cli_buf *buf, const struct cli_term *term,
                     const json_t *tokens, int64_t now_ms);

#endif
