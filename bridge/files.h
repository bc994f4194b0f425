/* SPDX-License-Identifier: Apache-2.0 */
/* The console's files: libh2o's own file handler (types, ETag, ranges), with
 * the headers that keep a page from loading or running anything foreign. Pages
 * of listed origins (cors.h) may import the client, runnel.js. */
#ifndef RNL_BRIDGE_FILES_H
#define RNL_BRIDGE_FILES_H

#include "h2o_use.h"

void rnl_files_register(h2o_pathconf_t *path, const char *root);

#endif
