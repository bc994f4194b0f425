/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends lines "KEY VALUE" of the standard input into a statistics stream as
 * events, then prints what the stream says of them.
 *
 *   printf 'a 1\nb 2\na 3\n' | ingest [STREAM] [HOST:PORT]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <runnel/runnel.h>

static struct rnl_client *client;

static int fail(const char *what, const struct rnl_status_info *status)
{
    fprintf(stderr, "%s: %s (%s)\n", what, status->message,
            rnl_code_name(status->code));
    return 1;
}

/* False when an event was not taken; rnl_ingest_status tells why. */
static bool send_lines(struct rnl_ingest *ingest)
{
    char line[512];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        size_t key_len = strcspn(line, " \t\n");
        struct rnl_event event = {
            .key = line,
            .key_len = key_len,
            .has_value = line[key_len] == ' ' || line[key_len] == '\t',
            .value = strtod(line + key_len, NULL),
        };
        if (rnl_ingest_event(ingest, &event) != RNL_OK)
            return false;
    }
    return true;
}

static int print_stats(const char *stream)
{
    struct rnl_stats *stats;
    if (rnl_stats_get(client, stream, 0, 5, &stats) != RNL_OK)
        return fail("no statistics", rnl_client_status(client));
    const struct rnl_window_stats *all = &stats->windows[0];
    printf("%llu events, %.0f keys, mean %g\n", (unsigned long long)all->count,
           all->unique_keys.value, all->value.mean);
    for (size_t i = 0; i < all->top_key_count; i++)
        printf("%8llu  %s\n", (unsigned long long)all->top_keys[i].count,
               all->top_keys[i].key);
    rnl_stats_destroy(stats);
    return 0;
}

int main(int argc, char **argv)
{
    const char *stream = argc > 1 ? argv[1] : "example";
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_ingest_options ingest_options = RNL_OPTIONS_INIT(ingest_options);
    struct rnl_ingest *ingest;
    options.address = argc > 2 ? argv[2] : NULL;
    if (rnl_client_create(&options, &client) != RNL_OK) {
        fprintf(stderr, "%s\n", rnl_client_options_fault(&options));
        return 1;
    }
    /* Wait for the core to keep up, as long as it takes. */
    ingest_options.block_ms = -1;
    if (rnl_ingest_open(client, stream, &ingest_options, &ingest) != RNL_OK)
        return fail("cannot ingest", rnl_client_status(client));
    if (!send_lines(ingest))
        return fail("an event was refused", rnl_ingest_status(ingest));
    if (rnl_ingest_drain(ingest, 30000) != RNL_OK)
        return fail("not all was counted", rnl_client_status(client));
    rnl_ingest_destroy(ingest);
    int status = print_stats(stream);
    rnl_client_destroy(client);
    return status;
}
