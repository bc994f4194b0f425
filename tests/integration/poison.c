/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded into runneld (LD_PRELOAD): a row of JSON that has the word "poison"
 * ends the process, as a bug in what reads it would; if POISON names a file, as
 * long as that is there, which it takes away. See test_poison.py.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

typedef json_t *loadb(const char *, size_t, size_t, json_error_t *);

__attribute__((visibility("default"))) json_t *json_loadb(const char *data,
                                                          size_t len,
                                                          size_t flags,
                                                          json_error_t *error)
{
    union {
        void *object;
        loadb *function;
    } whole;
    const char *file = getenv("POISON");
    if (memmem(data, len, "poison", 6) != NULL &&
        (file == NULL || unlink(file) == 0))
        kill(getpid(), SIGKILL);
    whole.object = dlsym(RTLD_NEXT, "json_loadb");
    return whole.function(data, len, flags, error);
}
