/* SPDX-License-Identifier: Apache-2.0 */
/* The listening sockets: one for each worker, on one port (SO_REUSEPORT), so
 * that the kernel shares connections out and no thread waits for another. */
#ifndef RNL_BRIDGE_LISTEN_H
#define RNL_BRIDGE_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "sockaddr.h"

/*
 * Opens count sockets. fds gets them; address is what they are bound to, with
 * the port that was found for port 0. Returns false after having logged why
 * not; nothing is open then. Only loopback may be bound unless allow_any.
 */
bool rnl_listen(const char *listen, bool allow_any, int *fds, uint32_t count,
                char address[RNL_SOCKADDR_TEXT_MAX]);

#endif
