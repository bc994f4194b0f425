/* SPDX-License-Identifier: Apache-2.0 */
/*
 * librunnel inside of a poll(2) loop that also does something else: it copies
 * lines of the standard input into jobs, and prints what the jobs say, all at
 * once and in one thread.
 *
 *   poll_loop [HOST:PORT]
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <runnel/runnel.h>

/* Jobs whose end is awaited. */
static unsigned running;

static void on_event(struct rnl_watch *watch, const struct rnl_job_event *event,
                     void *arg)
{
    (void)watch;
    (void)arg;
    if (event->kind == RNL_JOB_EVENT_DELTA)
        fwrite(event->data, 1, event->len, stdout);
    fflush(stdout);
}

static void on_end(struct rnl_watch *watch,
                   const struct rnl_status_info *status, void *arg)
{
    (void)arg;
    running--;
    if (status->code != RNL_OK)
        fprintf(stderr, "a watch ended: %s\n", status->message);
    rnl_watch_destroy(watch);
}

/* Creating blocks for a moment; a loop that must not would use call.h. */
static void start_job(struct rnl_client *client, const char *line, size_t len)
{
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    struct rnl_watch_options options = RNL_OPTIONS_INIT(options);
    struct rnl_job *job;
    struct rnl_watch *watch;
    spec.kind = "echo";
    spec.input = line;
    spec.input_len = len;
    options.on_event = on_event;
    options.on_end = on_end;
    if (rnl_job_create(client, &spec, &job) != RNL_OK) {
        fprintf(stderr, "%s\n", rnl_client_status(client)->message);
        return;
    }
    running += rnl_watch_start(client, job->id, &options, &watch) == RNL_OK;
    rnl_job_destroy(job);
}

/* False at the end of the input. */
static bool read_input(struct rnl_client *client)
{
    char text[4096];
    ssize_t len = read(STDIN_FILENO, text, sizeof(text));
    if (len > 0)
        start_job(client, text, (size_t)len);
    return len > 0;
}

int main(int argc, char **argv)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client;
    bool more = true;
    options.address = argc > 1 ? argv[1] : NULL;
    if (rnl_client_create(&options, &client) != RNL_OK)
        return 1;
    while (more || running > 0) {
        /* poll skips an fd of -1. */
        struct pollfd fds[] = {
            {.fd = rnl_client_fd(client),
             .events = (short)rnl_client_events(client)},
            {.fd = more ? STDIN_FILENO : -1, .events = POLLIN},
        };
        int count = poll(fds, 2, (int)rnl_client_timeout_ms(client));
        rnl_client_process(client, count > 0 ? fds[0].revents : 0);
        if (count > 0 && fds[1].revents != 0)
            more = read_input(client);
    }
    rnl_client_destroy(client);
    return 0;
}
