/* SPDX-License-Identifier: Apache-2.0 */
/* gzip of requests, undone within a bound: what a client has made small must
 * not become large without end here. */
#ifndef RNL_BRIDGE_GUNZIP_H
#define RNL_BRIDGE_GUNZIP_H

#include <stddef.h>

#include <runnel/status.h>

#include "text.h"

/*
 * Appends what data, one gzip stream, stands for to text, whose len_max is the
 * bound.
 *
 * Errors: RNL_INVALID_ARGUMENT when data is no gzip stream, is cut or goes on
 * after its end; RNL_RESOURCE_EXHAUSTED when text failed, or memory is out.
 */
RNL_MUST_USE enum rnl_code rnl_gunzip(const void *data, size_t len,
                                      struct rnl_text *text);

#endif
