/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creates a job and prints its output as it comes. Ctrl-C cancels the job.
 *
 *   watch_job [TEXT] [HOST:PORT]
 */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <runnel/runnel.h>

static struct rnl_client *client;

/* The one function that a signal handler may call. */
static void on_signal(int number)
{
    (void)number;
    rnl_client_interrupt(client);
}

static int fail(const char *what)
{
    const struct rnl_status_info *status = rnl_client_status(client);
    fprintf(stderr, "%s: %s (%s)\n", what, status->message,
            rnl_code_name(status->code));
    for (size_t i = 0; i < status->violation_count; i++)
        fprintf(stderr, "  %s %s\n", status->violations[i].field,
                status->violations[i].description);
    return 1;
}

static enum rnl_code create(const char *text, struct rnl_job **ret_job)
{
    const struct rnl_pair options[] = {{"chunk_bytes", "4"}, {"pace_ms", "20"}};
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    spec.kind = "echo";
    spec.input = text;
    spec.input_len = strlen(text);
    spec.input_is_text = true;
    spec.options = options;
    spec.option_count = 2;
    return rnl_job_create(client, &spec, ret_job);
}

/* Returns the state in which the job ended, or RNL_JOB_UNSPECIFIED. */
static enum rnl_job_state print_output(struct rnl_watch *watch)
{
    enum rnl_job_state state = RNL_JOB_UNSPECIFIED;
    const struct rnl_job_event *event;
    while (rnl_watch_next(watch, -1, &event) == RNL_OK && event != NULL) {
        if (event->kind == RNL_JOB_EVENT_DELTA) {
            fwrite(event->data, 1, event->len, stdout);
            fflush(stdout);
        } else if (event->kind == RNL_JOB_EVENT_STATE) {
            state = event->state;
        }
    }
    return rnl_job_state_terminal(state) ? state : RNL_JOB_UNSPECIFIED;
}

int main(int argc, char **argv)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_job *job;
    struct rnl_watch *watch;
    options.address = argc > 2 ? argv[2] : NULL;
    options.agent = "watch_job/1";
    if (rnl_client_create(&options, &client) != RNL_OK) {
        fprintf(stderr, "%s\n", rnl_client_options_fault(&options));
        return 1;
    }
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    if (create(argc > 1 ? argv[1] : "Hello from Runnel.\n", &job) != RNL_OK)
        return fail("cannot create a job");
    if (rnl_watch_start(client, job->id, NULL, &watch) != RNL_OK)
        return fail("cannot watch");
    enum rnl_job_state state = print_output(watch);
    if (rnl_client_status(client)->code == RNL_CANCELLED &&
        rnl_job_cancel(client, job->id, "Ctrl-C", NULL) == RNL_OK)
        state = print_output(watch);
    if (state != RNL_JOB_SUCCEEDED)
        fprintf(stderr, "the job ended %s: %s\n", rnl_job_state_name(state),
                rnl_client_status(client)->message);
    rnl_watch_destroy(watch);
    rnl_job_destroy(job);
    rnl_client_destroy(client);
    return state == RNL_JOB_SUCCEEDED ? 0 : 1;
}
