/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_bridge PART [name=value]...: measures one part and prints lines
 * "LABEL_name: figure". bench/run gives it its arguments.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task.h"
#include "timing.h"

#define NUMBER_MAX 100000000

static struct bench_web_task task = {
    .label = "runnel",
    .path = "/",
    .body = "@",
    .connections = 64,
    .window = 16,
    .ms = 1000,
    .repeats = 3,
    .count = 1000,
};

static const struct {
    const char *name;
    size_t *target;
} numbers[] = {
    {"connections", &task.connections},
    {"window", &task.window},
    {"rate", &task.rate},
    {"ms", &task.ms},
    {"repeats", &task.repeats},
    {"count", &task.count},
};

static const struct {
    const char *name;
    const char **target;
} texts[] = {
    {"label", &task.label}, {"address", &task.address}, {"path", &task.path},
    {"paths", &task.paths}, {"core", &task.core},       {"post", &task.post},
    {"body", &task.body},   {"header", &task.header},   {"out", &task.out},
};

static const struct {
    const char *name;
    void (*run)(const struct bench_web_task *task);
} parts[] = {
    {"get", bench_get},   {"events", bench_events}, {"light", bench_light},
    {"idle", bench_idle}, {"make", bench_make},
};

void bench_web_report(const struct bench_web_task *from, const char *name,
                      double figure)
{
    char text[128];
    snprintf(text, sizeof(text), "%s_%s", from->label, name);
    bench_say(text, figure);
}

double bench_web_cpu(const struct bench_web_task *from)
{
    double seconds = 0;
    for (size_t i = 0; i < from->pid_count; i++)
        seconds += bench_cpu(from->pids[i]);
    return seconds;
}

static size_t number(const char *name, const char *text, char **ret_end)
{
    unsigned long value = strtoul(text, ret_end, 10);
    if (*ret_end == text || value > NUMBER_MAX)
        bench_die("%s must be 0 to %d", name, NUMBER_MAX);
    return value;
}

static void take_pids(const char *text)
{
    for (char *end; *text != '\0'; text = *end == ',' ? end + 1 : end) {
        if (task.pid_count == BENCH_PIDS_MAX)
            bench_die("pids must be %d at most", BENCH_PIDS_MAX);
        task.pids[task.pid_count++] = (pid_t)number("pids", text, &end);
    }
}

static bool is_named(const char *arg, const char *name)
{
    size_t len = strlen(name);
    return strncmp(arg, name, len) == 0 && arg[len] == '=';
}

static void take_argument(const char *arg)
{
    const char *value = strchr(arg, '=');
    char *end;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (!is_named(arg, numbers[i].name))
            continue;
        *numbers[i].target = number(numbers[i].name, value + 1, &end);
        return;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!is_named(arg, texts[i].name))
            continue;
        *texts[i].target = value + 1;
        return;
    }
    if (!is_named(arg, "pids"))
        bench_die("there is no argument \"%s\"", arg);
    take_pids(value + 1);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        bench_die("usage: bench_bridge PART [name=value]...");
    for (int i = 2; i < argc; i++)
        take_argument(argv[i]);
    if (task.repeats == 0 || task.repeats > BENCH_REPEATS_MAX)
        bench_die("repeats must be 1 to %d", BENCH_REPEATS_MAX);
    if (task.connections == 0 || task.window == 0)
        bench_die("connections and window must be 1 at least");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].name, argv[1]) == 0) {
            parts[i].run(&task);
            return EXIT_SUCCESS;
        }
    }
    bench_die("there is no part \"%s\"", argv[1]);
}
