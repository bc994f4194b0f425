/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status codes: the one error vocabulary of Runnel, on the wire, in C and, by
 * their HTTP status, in the bridge. errors.def is the list.
 */
#ifndef RNL_STATUS_H
#define RNL_STATUS_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RNL_API      __attribute__((visibility("default")))
#define RNL_MUST_USE __attribute__((warn_unused_result))
#else
#define RNL_API
#define RNL_MUST_USE
#endif

/* RNL_OK, RNL_CANCELLED, ... with gRPC's numbers. */
enum rnl_code {
#define RNL_ERROR(name, code, http, retryable, text) RNL_##name = code,
#include <runnel/errors.def>
#undef RNL_ERROR
};

/* Returns "NOT_FOUND" and the like; "UNKNOWN" for a number that is no code.
 * The string is static. */
RNL_API const char *rnl_code_name(int code);

/* Returns a static sentence fragment for a person. */
RNL_API const char *rnl_code_text(int code);

/* Returns the HTTP status of a code: 200, 400, ... */
RNL_API int rnl_code_http(int code);

/* Tells whether the same call, repeated later, can succeed. */
RNL_API bool rnl_code_retryable(int code);

#ifdef __cplusplus
}
#endif

#endif
