/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store_folder.h"

static void touch(const char *folder, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void a_store_goes_with_its_folder(void **state)
{
    char folder[] = "/tmp/runnel-folder-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    touch(folder, "runnel.db");
    touch(folder, "lock");
    assert_int_equal(store_folder_remove(folder), 0);
    assert_int_equal(access(folder, F_OK), -1);
}

static void what_is_not_the_stores_is_left_and_told(void **state)
{
    char folder[] = "/tmp/runnel-folder-XXXXXX";
    char path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    touch(folder, "runnel.db");
    touch(folder, "other");
    assert_int_equal(store_folder_remove(folder), -1);
    snprintf(path, sizeof(path), "%s/other", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_goes_with_its_folder),
        cmocka_unit_test(what_is_not_the_stores_is_left_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
