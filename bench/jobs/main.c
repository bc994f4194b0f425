/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_jobs PART [name=value]...: measures one part and prints lines
 * "LABEL_name: figure". bench/run gives it its arguments.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "timing.h"

#define COUNT_MAX 100000000

static struct bench_task task = {
    .label = "runnel",
    .connections = 1,
    .in_flight = 64,
    .count = 100000,
    .repeats = 3,
};

static const struct {
    const char *name;
    size_t *target;
} numbers[] = {
    {"connections", &task.connections},
    {"in_flight", &task.in_flight},
    {"count", &task.count},
    {"repeats", &task.repeats},
};

static const struct {
    const char *name;
    const char **target;
} texts[] = {
    {"label", &task.label},
    {"address", &task.address},
    {"path", &task.path},
};

static const struct {
    const char *name;
    void (*run)(const struct bench_task *task);
} parts[] = {
    {"unary", bench_unary},     {"stream", bench_stream},
    {"cycles", bench_cycles},   {"beanstalkd", bench_beanstalkd},
    {"redis", bench_redis},     {"sqlite", bench_sqlite},
    {"delta", bench_delta},     {"fanout", bench_fanout},
    {"catchup", bench_catchup},
};

static size_t number(const char *name, const char *text, size_t max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value == 0 || value > max)
        bench_die("%s must be 1 to %zu", name, max);
    return value;
}

static void take_argument(const char *arg)
{
    const char *equals = strchr(arg, '=');
    if (equals == NULL)
        bench_die("%s is no name=value", arg);
    size_t len = (size_t)(equals - arg);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (len == strlen(numbers[i].name) &&
            memcmp(arg, numbers[i].name, len) == 0) {
            *numbers[i].target = number(numbers[i].name, equals + 1, COUNT_MAX);
            return;
        }
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (len == strlen(texts[i].name) &&
            memcmp(arg, texts[i].name, len) == 0) {
            *texts[i].target = equals + 1;
            return;
        }
    }
    if (len != 3 || memcmp(arg, "pid", 3) != 0)
        bench_die("there is no argument \"%s\"", arg);
    task.pid = (long)number("pid", equals + 1, COUNT_MAX);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        bench_die("usage: bench_jobs PART [name=value]...");
    for (int i = 2; i < argc; i++)
        take_argument(argv[i]);
    if (task.repeats > BENCH_REPEATS_MAX)
        bench_die("repeats must be 1 to %d", BENCH_REPEATS_MAX);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].name, argv[1]) == 0) {
            parts[i].run(&task);
            return EXIT_SUCCESS;
        }
    }
    bench_die("there is no part \"%s\"", argv[1]);
}
