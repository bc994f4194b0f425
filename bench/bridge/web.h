/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to HTTP servers: just enough to load them and to know that what
 * they answer is right. */
#ifndef RNL_BENCH_BRIDGE_WEB_H
#define RNL_BENCH_BRIDGE_WEB_H

#include <stdbool.h>
#include <stddef.h>

struct bench_web {
    int fd;
    size_t len;
    char room[16384];
};

/* Connects, and makes it non-blocking. Ends the program when that cannot be. */
int bench_web_connect(const char *address);

/* Raises the number of descriptors to what is allowed. */
void bench_web_descriptors(size_t wanted);

/* The bytes of a GET; freed by the caller. */
char *bench_web_get(const char *address, const char *path, const char *accept);

/* A short request, at once. */
void bench_web_send(int fd, const char *bytes, size_t len);

/* Reads what is there; true when an answer is whole, which is then dropped.
 * Ends the program when it is not a 2xx with a Content-Length. */
bool bench_web_take(struct bench_web *web);

#endif
