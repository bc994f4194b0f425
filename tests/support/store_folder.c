/* SPDX-License-Identifier: Apache-2.0 */
#include "store_folder.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int store_folder_remove(const char *folder)
{
    static const char *const names[] = {"runnel.db", "runnel.db-wal",
                                        "runnel.db-shm", "lock"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}
