/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: a job of kind "primes" has a number as its input, and the primes up
 * to it as its output.  worker [HOST:PORT] */
#include <runnel/runnel.h>
#include <stdio.h>
#include <stdlib.h>

static struct rnl_work *work; /* The job in hand, or NULL. */
static unsigned long number, limit;

static void on_job(struct rnl_worker *worker, struct rnl_work *given,
                   const struct rnl_job *job, void *arg)
{
    char text[16];
    snprintf(text, sizeof(text), "%.*s", (int)job->input_len,
             job->input_len == 0 ? "" : (const char *)job->input);
    work = given, number = 1, limit = strtoul(text, NULL, 10);
    if (limit < 2 && rnl_work_fail(work, RNL_INVALID_ARGUMENT,
                                   "not a number above 1", false) == RNL_OK)
        work = NULL;
    (void)worker, (void)arg;
}

static void on_stop(struct rnl_worker *worker, struct rnl_work *stopped,
                    const char *reason, void *arg)
{
    rnl_work_release(stopped, NULL);
    work = NULL;
    (void)worker, (void)reason, (void)arg;
}

static void on_end(struct rnl_worker *worker,
                   const struct rnl_status_info *status, void *arg)
{
    (void)worker, (void)arg;
    exit(fprintf(stderr, "%s\n", status->message) > 0);
}

/* A slice of work: heartbeats and a cancel must not wait for long. */
static void step(void)
{
    char lines[4096];
    size_t len = 0;
    while (number < limit && len < sizeof(lines) - 32) {
        unsigned long factor = 2;
        for (number++; factor * factor <= number && number % factor; factor++)
            continue;
        if (factor * factor > number)
            len += (size_t)snprintf(lines + len, 32, "%lu\n", number);
    }
    if (rnl_work_output(work, lines, len) != RNL_OK)
        rnl_work_release(work, "memory is out"); /* For another to try. */
    else if (number < limit || rnl_work_complete(work, "text/plain") != RNL_OK)
        return;
    work = NULL;
}

int main(int argc, char **argv)
{
    struct rnl_client_options where = RNL_OPTIONS_INIT(where);
    struct rnl_worker_options what = RNL_OPTIONS_INIT(what);
    struct rnl_worker *worker;
    struct rnl_client *client;
    where.address = argc > 1 ? argv[1] : NULL;
    what.kinds = (const char *const[]){"primes"};
    what.kind_count = 1;
    what.on_job = on_job;
    what.on_stop = on_stop;
    what.on_end = on_end;
    if (rnl_client_create(&where, &client) != RNL_OK ||
        rnl_worker_start(client, &what, &worker) != RNL_OK)
        return 1;
    for (;;) {
        bool ready = work != NULL && rnl_work_writable(work);
        if (ready)
            step();
        rnl_client_poll(client, ready ? 0 : -1);
    }
}
