/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded into runneld (LD_PRELOAD): a row of JSON that has the word "poison"
 * ends the process, as a bug in what reads it would. See test_poison.py.
 */
#include <dlfcn.h>
#include <signal.h>
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
    if (memmem(data, len, "poison", 6) != NULL)
        kill(getpid(), SIGKILL);
    whole.object = dlsym(RTLD_NEXT, "json_loadb");
    return whole.function(data, len, flags, error);
}
