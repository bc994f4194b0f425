/* SPDX-License-Identifier: Apache-2.0 */
/*
 * librunnel inside of a libuv loop: on_poll and on_timer move a uv_poll_t and
 * a uv_timer_t. Prints the events of a job as they come; nothing blocks.
 *
 *   event_loop JOB_ID [HOST:PORT]
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include <runnel/runnel.h>

struct link {
    struct rnl_client *client;
    uv_timer_t timer;
    /* A handle for each socket, since closing one takes a turn of the loop. */
    uv_poll_t *poll;
    int exit_status;
};

static void on_ready(uv_poll_t *handle, int status, int events)
{
    struct link *link = handle->data;
    rnl_client_process(link->client,
                       (status < 0 ? POLLERR : 0) |
                           ((events & UV_READABLE) != 0 ? POLLIN : 0) |
                           ((events & UV_WRITABLE) != 0 ? POLLOUT : 0));
}

static void on_timeout(uv_timer_t *timer)
{
    struct link *link = timer->data;
    rnl_client_process(link->client, 0);
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void on_poll(struct rnl_client *client, int fd, int events, void *arg)
{
    struct link *link = arg;
    (void)client;
    if (events == 0) { /* fd is about to be closed */
        uv_close((uv_handle_t *)link->poll, free_handle);
        link->poll = NULL;
        return;
    }
    if (link->poll == NULL) {
        link->poll = calloc(1, sizeof(*link->poll));
        if (link->poll == NULL ||
            uv_poll_init(link->timer.loop, link->poll, fd))
            abort();
        link->poll->data = link;
    }
    uv_poll_start(link->poll,
                  ((events & POLLIN) != 0 ? UV_READABLE : 0) |
                      ((events & POLLOUT) != 0 ? UV_WRITABLE : 0),
                  on_ready);
}

static void on_timer(struct rnl_client *client, int64_t timeout_ms, void *arg)
{
    struct link *link = arg;
    (void)client;
    if (timeout_ms < 0)
        uv_timer_stop(&link->timer);
    else
        uv_timer_start(&link->timer, on_timeout, (uint64_t)timeout_ms, 0);
}

static void on_event(struct rnl_watch *watch, const struct rnl_job_event *event,
                     void *arg)
{
    (void)watch;
    (void)arg;
    if (event->kind == RNL_JOB_EVENT_DELTA)
        fwrite(event->data, 1, event->len, stdout);
}

static void on_end(struct rnl_watch *watch,
                   const struct rnl_status_info *status, void *arg)
{
    struct link *link = arg;
    (void)watch;
    fprintf(stderr, "%s %s\n", rnl_code_name(status->code), status->message);
    link->exit_status = status->code != RNL_OK;
    uv_stop(link->timer.loop);
}

int main(int argc, char **argv)
{
    struct link link = {.exit_status = 1};
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_watch_options watch_options = RNL_OPTIONS_INIT(watch_options);
    struct rnl_watch *watch;
    options.address = argc > 2 ? argv[2] : NULL;
    options.on_poll = on_poll;
    options.on_timer = on_timer;
    options.arg = &link;
    watch_options.on_event = on_event;
    watch_options.on_end = on_end;
    watch_options.arg = &link;
    uv_timer_init(uv_default_loop(), &link.timer);
    link.timer.data = &link;
    if (argc < 2 || rnl_client_create(&options, &link.client) != RNL_OK)
        return 2;
    if (rnl_watch_start(link.client, argv[1], &watch_options, &watch) == RNL_OK)
        uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    rnl_client_destroy(link.client);
    uv_close((uv_handle_t *)&link.timer, NULL);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_loop_close(uv_default_loop());
    return link.exit_status;
}
