/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams in files that are not as they should be: runneld says which
 * stream it is, and does not start; a full disk refuses what is new,
 * and what was acknowledged is there, once; a folder that cannot be written is
 * refused. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <runnel/runnel.h>
#include <runnel/v1/events.pb-c.h>

#include "daemon.h"
#include "store_folder.h"

#define STREAMS_MAX 1000

static char folder[64];
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/runnel-files-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/runnel.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    /* Of a case that failed. */
    (void)umount2(folder, MNT_DETACH);
    return store_folder_remove(folder);
}

static void start(struct daemon *daemon)
{
    const char *const args[] = {"--data", folder, NULL};
    daemon_start(daemon, "runneld", args);
}

static void refuses(const char *why)
{
    const char *const args[] = {"--listen", "127.0.0.1:0", "--data", folder,
                                NULL};
    char log[4096];
    assert_int_equal(daemon_run("runneld", args, log, sizeof(log)), 1);
    if (strstr(log, why) == NULL)
        fail_msg("no \"%s\" in: %s", why, log);
}

static struct rnl_client *connect_to(const struct daemon *daemon)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client;
    options.address = daemon->address;
    assert_int_equal(rnl_client_create(&options, &client), RNL_OK);
    return client;
}

/* ---- batches ---- */

#define EVENTS 1000

static enum rnl_code send_batch(struct rnl_client *client, const char *stream,
                                uint64_t sequence)
{
    static uint8_t keys[EVENTS * 8];
    static uint32_t lengths[EVENTS];
    static uint32_t indexes[EVENTS];
    Runnel__V1__EventBatch batch = RUNNEL__V1__EVENT_BATCH__INIT;
    Runnel__V1__IngestBatchRequest request =
        RUNNEL__V1__INGEST_BATCH_REQUEST__INIT;
    for (uint32_t i = 0; i < EVENTS; i++) {
        char key[16];
        lengths[i] = (uint32_t)snprintf(key, sizeof(key), "key-%u", i);
        memcpy(keys + batch.keys.len, key, lengths[i]);
        batch.keys.len += lengths[i];
        indexes[i] = i;
    }
    batch.keys.data = keys;
    batch.key_lengths = lengths;
    batch.n_key_lengths = EVENTS;
    batch.key_indexes = indexes;
    batch.n_key_indexes = EVENTS;
    batch.stream = (char *)(uintptr_t)stream;
    batch.producer_id = (char *)(uintptr_t) "p";
    batch.producer_sequence = sequence;
    request.batch = &batch;
    size_t len = runnel__v1__ingest_batch_request__get_packed_size(&request);
    uint8_t *bytes = malloc(len);
    struct rnl_buffer answer = {0};
    assert_non_null(bytes);
    runnel__v1__ingest_batch_request__pack(&request, bytes);
    const struct rnl_request unary = {.data = bytes, .len = len};
    enum rnl_code code = rnl_call_unary(
        client, "runnel.v1.EventService/IngestBatch", &unary, &answer);
    rnl_buffer_fini(&answer);
    free(bytes);
    return code;
}

static void has_batches(struct rnl_client *client, const char *stream,
                        uint64_t count)
{
    struct rnl_stats *stats;
    assert_int_equal(rnl_stats_get(client, stream, 0, 1, &stats), RNL_OK);
    assert_int_equal(stats->windows[0].count, count * EVENTS);
    rnl_stats_destroy(stats);
}

static void make_stream(void)
{
    struct daemon daemon;
    start(&daemon);
    struct rnl_client *client = connect_to(&daemon);
    assert_int_equal(send_batch(client, "visits", 1), RNL_OK);
    rnl_client_destroy(client);
    assert_int_equal(daemon_stop(&daemon), 0);
}

/* ---- damage ---- */

#define FILE_MAX ((size_t)4 << 20)

static uint8_t *read_file(size_t *ret_len)
{
    uint8_t *bytes = malloc(FILE_MAX);
    int fd = open(path, O_RDONLY);
    assert_true(bytes != NULL && fd >= 0);
    ssize_t len = read(fd, bytes, FILE_MAX);
    assert_true(len > 0 && (size_t)len < FILE_MAX);
    assert_int_equal(close(fd), 0);
    *ret_len = (size_t)len;
    return bytes;
}

/* Changes a byte at a place behind the letters of a part, demands that the file
 * is refused, and changes it back. */
static void refuses_changed(const char *letters, size_t at, const char *why)
{
    size_t len;
    uint8_t *bytes = read_file(&len);
    uint8_t *part = memmem(bytes, len, letters, strlen(letters));
    assert_non_null(part);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    uint8_t byte = (uint8_t)(part[at] + 1);
    off_t place = part - bytes + (off_t)at;
    assert_int_equal(pwrite(fd, &byte, 1, place), 1);
    refuses(why);
    byte--;
    assert_int_equal(pwrite(fd, &byte, 1, place), 1);
    assert_int_equal(close(fd), 0);
    free(bytes);
}

static void a_damaged_stream_is_refused_by_name(void **state)
{
    (void)state;
    make_stream();
    refuses_changed("RMTR", 20, "event stream visits is damaged");
    refuses_changed("RDIG", 40, "event stream visits is damaged");
    refuses_changed("RPRD", 6, "event stream visits is damaged");
    struct daemon daemon;
    start(&daemon);
    struct rnl_client *client = connect_to(&daemon);
    has_batches(client, "visits", 1);
    rnl_client_destroy(client);
    assert_int_equal(daemon_stop(&daemon), 0);
}

/* The byte after the letters is the version. */
static void a_stream_of_a_newer_version_is_refused(void **state)
{
    (void)state;
    make_stream();
    refuses_changed("RMTR", 4, "visits was written by a newer version");
}

/* ---- the disk ---- */

static bool mount_small(void)
{
    if (mount("tmpfs", folder, "tmpfs", 0, "size=2m,mode=700") == 0)
        return true;
    print_message("no tmpfs can be mounted here: %s\n", strerror(errno));
    return false;
}

static const char *name_of(size_t at)
{
    static char name[32];
    snprintf(name, sizeof(name), "s%zu", at);
    return name;
}

/* Each stream that is made takes some of the disk; the last does not fit. */
static size_t fill(struct rnl_client *client)
{
    size_t count = 0;
    enum rnl_code code;
    while ((code = send_batch(client, name_of(count), 1)) == RNL_OK)
        assert_true(++count < STREAMS_MAX);
    assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
    assert_int_equal(rnl_client_status(client)->retry_delay_ms, 1000);
    return count;
}

static void send_when_ready(struct rnl_client *client, const char *stream)
{
    for (int left = 100; left > 0; left--) {
        enum rnl_code code = send_batch(client, stream, 1);
        if (code == RNL_OK)
            return;
        assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
        (void)rnl_client_poll(client, 100);
    }
    fail_msg("there is room, and no batch is taken");
}

/* librunnel's ingest waits by itself until there is room. */
static void ingest_over_full(struct rnl_client *client)
{
    struct rnl_ingest *ingest;
    const struct rnl_event event = {.key = "k", .key_len = 1};
    assert_int_equal(rnl_ingest_open(client, "waits", NULL, &ingest), RNL_OK);
    assert_int_equal(rnl_ingest_event(ingest, &event), RNL_OK);
    assert_int_equal(rnl_ingest_drain(ingest, 300), RNL_DEADLINE_EXCEEDED);
    assert_int_equal(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=64m"),
                     0);
    assert_int_equal(rnl_ingest_drain(ingest, DAEMON_DEADLINE_MS), RNL_OK);
    rnl_ingest_destroy(ingest);
}

static void a_full_disk_refuses_and_counts_once(void **state)
{
    (void)state;
    struct daemon daemon;
    if (!mount_small())
        skip();
    start(&daemon);
    struct rnl_client *client = connect_to(&daemon);
    size_t count = fill(client);
    assert_true(count > 2);
    for (size_t i = 0; i < count; i++)
        has_batches(client, name_of(i), 1);
    ingest_over_full(client);
    send_when_ready(client, name_of(count));
    rnl_client_destroy(client);
    daemon_signal(&daemon, SIGKILL);
    assert_int_equal(daemon_wait(&daemon), -1);

    start(&daemon);
    client = connect_to(&daemon);
    for (size_t i = 0; i <= count; i++)
        has_batches(client, name_of(i), 1);
    struct rnl_stats *stats;
    assert_int_equal(rnl_stats_get(client, "waits", 0, 1, &stats), RNL_OK);
    assert_int_equal(stats->windows[0].count, 1);
    rnl_stats_destroy(stats);
    rnl_client_destroy(client);
    assert_int_equal(daemon_stop(&daemon), 0);
    assert_int_equal(umount(folder), 0);
}

static void a_folder_that_is_read_only_is_refused(void **state)
{
    (void)state;
    struct daemon daemon;
    if (!mount_small())
        skip();
    make_stream();
    assert_int_equal(
        mount("tmpfs", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    refuses("Read-only file system");
    assert_int_equal(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, NULL), 0);
    start(&daemon);
    struct rnl_client *client = connect_to(&daemon);
    has_batches(client, "visits", 1);
    rnl_client_destroy(client);
    assert_int_equal(daemon_stop(&daemon), 0);
    assert_int_equal(umount(folder), 0);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_damaged_stream_is_refused_by_name),
        TEST(a_stream_of_a_newer_version_is_refused),
        TEST(a_full_disk_refuses_and_counts_once),
        TEST(a_folder_that_is_read_only_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
