/* SPDX-License-Identifier: Apache-2.0 */
/* What subscribers cost to whom nothing is sent; and jobs to ask for. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "publisher.h"
#include "subscribers.h"
#include "task.h"
#include "timing.h"

/* Resident bytes of the task's processes. */
static double resident(const struct bench_web_task *task)
{
    double bytes = 0;
    for (size_t i = 0; i < task->pid_count; i++) {
        char path[64];
        unsigned long pages;
        snprintf(path, sizeof(path), "/proc/%ld/statm", (long)task->pids[i]);
        FILE *file = fopen(path, "r");
        if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
            bench_die("%s cannot be read", path);
        fclose(file);
        bytes += (double)pages * (double)sysconf(_SC_PAGESIZE);
    }
    return bytes;
}

void bench_idle(const struct bench_web_task *task)
{
    struct bench_publisher publisher;
    struct bench_subscribers subscribers;
    bench_publisher_init(&publisher, task, 0);
    char *path = bench_publisher_path(&publisher);
    double before = resident(task);
    bench_subscribers_init(&subscribers, task, path);
    double bytes = resident(task) - before;
    bench_web_report(task, "idle_kib",
                     bytes / 1024 / (double)task->connections);
    free(path);
}

void bench_make(const struct bench_web_task *task)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client;
    FILE *file = task->out != NULL ? fopen(task->out, "w") : NULL;
    options.address = task->core;
    if (file == NULL || rnl_client_create(&options, &client) != RNL_OK)
        bench_die("core= and out= must be given");
    for (size_t i = 0; i < task->count; i++) {
        struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
        struct rnl_job *job;
        spec.kind = "echo";
        spec.input = "hello, stream";
        spec.input_len = 13;
        spec.input_is_text = true;
        if (rnl_job_create(client, &spec, &job) != RNL_OK)
            bench_die("no job: %s", rnl_client_status(client)->message);
        fprintf(file, "/v1/jobs/%s\n", job->id);
        rnl_job_destroy(job);
    }
    if (fclose(file) != 0)
        bench_die("%s cannot be written", task->out);
    rnl_client_destroy(client);
}
