/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are not as they should be: runneld says why it does not start,
 * and leaves them as they are; a full disk refuses what is new and loses
 * nothing. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runnel/runnel.h>

#include "daemon.h"
#include "store_folder.h"

#define INPUT_BYTES 20000
#define JOBS_MAX    2000

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
    const char *const args[] = {"--data", folder, "--durability", "normal",
                                NULL};
    daemon_start(daemon, "runneld", args);
}

/* Starts it and demands that it ends, with this in its log. */
static void refuses(const char *data, const char *why)
{
    const char *const args[] = {"--listen",     "127.0.0.1:0", "--data", data,
                                "--durability", "normal",      NULL};
    char log[4096];
    assert_int_equal(daemon_run("runneld", args, log, sizeof(log)), 1);
    if (strstr(log, why) == NULL)
        fail_msg("no \"%s\" in: %s", why, log);
}

/* ---- the file ---- */

static void make_database(void)
{
    struct daemon daemon;
    start(&daemon);
    assert_int_equal(daemon_stop(&daemon), 0);
}

/* Overwrites bytes of the file. */
static void patch(off_t at, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, len, at), len);
    assert_int_equal(close(fd), 0);
}

static size_t read_all(char *out, size_t cap)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t len = read(fd, out, cap);
    assert_true(len > 0);
    assert_int_equal(close(fd), 0);
    return (size_t)len;
}

/* Runs a refused start and demands that the file is as it was. */
static void refuses_untouched(const char *why)
{
    static char before[1 << 20];
    static char after[1 << 20];
    size_t len = read_all(before, sizeof(before));
    refuses(folder, why);
    assert_int_equal(read_all(after, sizeof(after)), len);
    assert_memory_equal(before, after, len);
}

/* The header of an SQLite file has the user version at byte 60 and the
 * application's id at byte 68, both big-endian. */
static void a_file_of_a_newer_version_is_refused(void **state)
{
    (void)state;
    make_database();
    patch(60, "\x00\x00\x00\x63", 4);
    refuses_untouched("newer version (99;");
}

static void a_file_of_another_program_is_refused(void **state)
{
    (void)state;
    make_database();
    patch(68, "\x00\x00\x00\x07", 4);
    refuses_untouched("database of another program");
}

static void a_damaged_file_is_refused(void **state)
{
    (void)state;
    make_database();
    char garbage[4096];
    memset(garbage, 'x', sizeof(garbage));
    patch(0, garbage, sizeof(garbage));
    refuses_untouched("not a database");
}

/* Damage behind the header is found when the file is open already: nothing may
 * have been written by then, and it is not called want of memory. The pages are
 * the roots of meta, job and job_trash, which SQLite gives in turn. */
static void a_file_with_a_damaged_page_is_refused(void **state)
{
    (void)state;
    static const off_t pages[] = {3, 4, 16};
    char garbage[4096];
    memset(garbage, 'x', sizeof(garbage));
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        make_database();
        patch((pages[i] - 1) * (off_t)sizeof(garbage), garbage,
              sizeof(garbage));
        refuses_untouched("malformed");
        assert_int_equal(unlink(path), 0);
    }
}

static void a_folder_that_is_in_use_is_refused(void **state)
{
    (void)state;
    struct daemon daemon;
    start(&daemon);
    refuses(folder, "another runneld is using this folder");
    assert_int_equal(daemon_stop(&daemon), 0);
}

static void a_folder_that_cannot_be_made_is_refused(void **state)
{
    (void)state;
    refuses("/proc/runnel", "/proc/runnel");
    refuses("/dev/null", "/dev/null");
}

/* Others do not get to see inputs and outputs. */
static void the_file_is_its_owners_alone(void **state)
{
    (void)state;
    struct stat info;
    make_database();
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void an_unknown_level_is_refused(void **state)
{
    (void)state;
    const char *const args[] = {"--durability", "eternal", NULL};
    char log[4096];
    assert_int_equal(daemon_run("runneld", args, log, sizeof(log)), 2);
    assert_non_null(strstr(log, "must be full, normal or memory"));
}

/* ---- a full disk ---- */

static char input[INPUT_BYTES];
static char ids[JOBS_MAX][32];

static struct rnl_client *connect_to(const struct daemon *daemon)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    struct rnl_client *client;
    options.address = daemon->address;
    assert_int_equal(rnl_client_create(&options, &client), RNL_OK);
    return client;
}

static enum rnl_code create_job(struct rnl_client *client, char ret_id[32])
{
    const struct rnl_pair options[] = {{"chunk_bytes", "4096"}};
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    struct rnl_job *job;
    spec.kind = "echo";
    spec.input = input;
    spec.input_len = sizeof(input);
    spec.options = options;
    spec.option_count = 1;
    enum rnl_code code = rnl_job_create(client, &spec, &job);
    if (code == RNL_OK) {
        snprintf(ret_id, 32, "%s", job->id);
        rnl_job_destroy(job);
    }
    return code;
}

static void all_are_there(struct rnl_client *client, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct rnl_job *job;
        assert_int_equal(rnl_job_get(client, ids[i], true, &job), RNL_OK);
        assert_int_equal(job->input_len, sizeof(input));
        assert_memory_equal(job->input, input, sizeof(input));
        rnl_job_destroy(job);
    }
}

static size_t fill(struct rnl_client *client)
{
    size_t count = 0;
    enum rnl_code code;
    while ((code = create_job(client, ids[count])) == RNL_OK) {
        count++;
        assert_true(count < JOBS_MAX);
    }
    assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
    return count;
}

/* Both the job whose group failed and those that are refused until the next
 * try hear why. */
static void expect_reason(struct rnl_client *client)
{
    const struct rnl_status_info *status = rnl_client_status(client);
    assert_non_null(strstr(status->message, "disk is full"));
    assert_int_equal(status->retry_delay_ms, 1000);
}

/* A store that was refused a group tries again after a second, and until then
 * refuses new jobs. */
static void create_when_ready(struct rnl_client *client, char ret_id[32])
{
    enum rnl_code code;
    for (int left = 100; left > 0; left--) {
        if ((code = create_job(client, ret_id)) == RNL_OK)
            return;
        assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
        (void)rnl_client_poll(client, 100);
    }
    fail_msg("there is room, and no job is taken");
}

static void expect_store(struct rnl_client *client, bool stalled)
{
    struct rnl_server_info *info;
    assert_int_equal(rnl_server_info_get(client, &info), RNL_OK);
    assert_int_equal(info->store_stalled, stalled);
    assert_true(info->store_disk_bytes > 0 && info->store_commits > 0);
    if (stalled) {
        assert_non_null(strstr(info->store_error, "full"));
        assert_true(info->store_failed_commits > 0);
    } else {
        assert_string_equal(info->store_error, "");
    }
    rnl_server_info_destroy(info);
}

static void expect_in_log(const struct daemon *daemon, const char *event)
{
    static char log[1 << 16];
    daemon_read_log(daemon, log, sizeof(log));
    assert_non_null(strstr(log, event));
}

static bool keep_nothing(void *arg, const void *data, size_t len,
                         uint64_t total_bytes)
{
    (void)arg;
    (void)data;
    (void)len;
    (void)total_bytes;
    return true;
}

/* A copy must not take the last room. */
static void backup_is_refused(struct rnl_client *client)
{
    struct rnl_backup_options options = RNL_OPTIONS_INIT(options);
    options.on_piece = keep_nothing;
    assert_int_equal(rnl_admin_backup(client, &options),
                     RNL_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(rnl_client_status(client)->message, "stay free"));
}

static void a_full_disk_refuses_and_loses_nothing(void **state)
{
    (void)state;
    struct daemon daemon;
    if (mount("tmpfs", folder, "tmpfs", 0, "size=2m,mode=700") != 0) {
        print_message("no tmpfs can be mounted here: %s\n", strerror(errno));
        skip();
    }
    memset(input, 'd', sizeof(input));
    start(&daemon);
    struct rnl_client *client = connect_to(&daemon);
    size_t count = fill(client);
    assert_true(count > 2);
    expect_reason(client);
    assert_int_equal(create_job(client, ids[count]), RNL_RESOURCE_EXHAUSTED);
    expect_reason(client);
    expect_store(client, true);
    backup_is_refused(client);
    all_are_there(client, count);
    assert_int_equal(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=64m"),
                     0);
    create_when_ready(client, ids[count++]);
    expect_store(client, false);
    expect_in_log(&daemon, "event=store_failed");
    expect_in_log(&daemon, "event=store_writable");
    rnl_client_destroy(client);
    daemon_signal(&daemon, SIGKILL);
    assert_int_equal(daemon_wait(&daemon), -1);

    start(&daemon);
    client = connect_to(&daemon);
    all_are_there(client, count);
    rnl_client_destroy(client);
    assert_int_equal(daemon_stop(&daemon), 0);
    assert_int_equal(umount(folder), 0);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_of_a_newer_version_is_refused),
        TEST(a_file_of_another_program_is_refused),
        TEST(a_damaged_file_is_refused),
        TEST(a_file_with_a_damaged_page_is_refused),
        TEST(a_folder_that_is_in_use_is_refused),
        TEST(a_folder_that_cannot_be_made_is_refused),
        TEST(the_file_is_its_owners_alone),
        TEST(an_unknown_level_is_refused),
        TEST(a_full_disk_refuses_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
