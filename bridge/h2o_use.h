/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to include libh2o. Debian's pkg-config file does not say which
 * event loop the library was built with, and with the wrong guess structures
 * silently have another layout. What we know of its inside (bridge/README.md)
 * is known of this version.
 */
#ifndef RNL_BRIDGE_H2O_USE_H
#define RNL_BRIDGE_H2O_USE_H

#ifndef H2O_USE_LIBUV
#error "define H2O_USE_LIBUV=0 for libh2o-evloop"
#elif H2O_USE_LIBUV
#error "the bridge is built on libh2o-evloop"
#endif

#include <h2o.h>
#include <h2o/http1.h>

_Static_assert(H2O_LIBRARY_VERSION_MAJOR == 0 &&
                   H2O_LIBRARY_VERSION_MINOR == 13,
               "another libh2o: read bridge/README.md first");

#endif
