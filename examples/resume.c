/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the output of a job in two parts: stops in the middle, forgets all but
 * one number, and goes on from there with another client, as a program that
 * was restarted does. The two parts joined are the whole, byte for byte.
 * (Within one client a watch resumes by itself when a connection is lost.)
 *
 *   resume [HOST:PORT]
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>

#include <runnel/runnel.h>

#define TEXT         "What was said once need not be said again."
#define FIRST_EVENTS 4

static struct rnl_client *make_client(const char *address)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client = NULL;
    options.address = address;
    if (rnl_client_create(&options, &client) != RNL_OK)
        fprintf(stderr, "%s\n", rnl_client_options_fault(&options));
    return client;
}

/* Appends the output after a sequence to out; stops after so many events
 * (0: at the end of the job). Returns the last sequence, 0 for an error. */
static uint64_t read_part(const char *address, const char *id, uint64_t after,
                          unsigned events, FILE *out)
{
    struct rnl_client *client = make_client(address);
    struct rnl_watch_options options = RNL_OPTIONS_INIT(options);
    struct rnl_watch *watch = NULL;
    const struct rnl_job_event *event = NULL;
    options.after_sequence = after;
    if (client == NULL)
        return 0;
    enum rnl_code code = rnl_watch_start(client, id, &options, &watch);
    for (unsigned i = 0; code == RNL_OK && (events == 0 || i < events); i++) {
        code = rnl_watch_next(watch, -1, &event);
        if (code != RNL_OK || event == NULL)
            break;
        if (event->kind == RNL_JOB_EVENT_DELTA)
            fwrite(event->data, 1, event->len, out);
    }
    uint64_t last = code == RNL_OK ? rnl_watch_sequence(watch) : 0;
    if (code != RNL_OK)
        fprintf(stderr, "%s\n", rnl_client_status(client)->message);
    rnl_client_destroy(client); /* with its watch */
    return last;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : NULL;
    struct rnl_client *client = make_client(address);
    const struct rnl_pair chunk = {"chunk_bytes", "5"};
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    struct rnl_job *job;
    char whole[sizeof(TEXT)] = "";
    FILE *out = fmemopen(whole, sizeof(whole), "w");
    if (client == NULL || out == NULL)
        return 1;
    spec.kind = "echo";
    spec.input = TEXT;
    spec.input_len = strlen(TEXT);
    spec.options = &chunk;
    spec.option_count = 1;
    if (rnl_job_create(client, &spec, &job) != RNL_OK) {
        fprintf(stderr, "%s\n", rnl_client_status(client)->message);
        return 1;
    }
    uint64_t last = read_part(address, job->id, 0, FIRST_EVENTS, out);
    fflush(out);
    printf("to event %llu: '%s'\n", (unsigned long long)last, whole);
    if (last > 0)
        last = read_part(address, job->id, last, 0, out);
    fclose(out);
    printf("to event %llu: '%s'\n", (unsigned long long)last, whole);
    rnl_job_destroy(job);
    rnl_client_destroy(client);
    return strcmp(whole, TEXT) == 0 ? 0 : 1;
}
