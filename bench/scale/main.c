/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operations on jobs cost as more and more jobs are stored, and what the
 * server's memory is then. bench/run jobs runs it against a runneld of its own:
 *
 *   bench_scale core=HOST:PORT pid=PID jobs=1000000 queued=100000
 *               watchers=10000
 *
 * Prints one line "name: figure" each: the server's processor time of an
 * operation, operations a second with 64 calls in flight, and its memory.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <runnel/call.h>
#include <runnel/v1/jobs.pb-c.h>

#define IN_FLIGHT   64
#define READS       20000
#define WRITES      5000
#define NEWEST      10000
#define STILL_MS    20
#define ID_LEN      26
#define PER_CLIENT  1000
#define CLIENTS_MAX 1000
#define WAIT_MS     60000

struct settings {
    const char *core;
    unsigned long pid;
    unsigned long jobs;
    unsigned long queued;
    unsigned long watchers;
};

static struct settings settings;

/* Ids of jobs, in the order of creation. */
static char (*ids)[ID_LEN + 1];
static size_t id_count;
static size_t id_cap;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_scale: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the server's time and memory ---- */

/* Processor time of all its threads, from the first field of schedstat. */
static double cpu_s(void)
{
    char path[320];
    double sum = 0;
    snprintf(path, sizeof(path), "/proc/%lu/task", settings.pid);
    DIR *tasks = opendir(path);
    const struct dirent *task;
    if (tasks == NULL)
        fail(path, "cannot be read");
    while ((task = readdir(tasks)) != NULL) {
        unsigned long long ns = 0;
        snprintf(path, sizeof(path), "/proc/%lu/task/%.16s/schedstat",
                 settings.pid, task->d_name);
        FILE *file = fopen(path, "re");
        if (file == NULL)
            continue;
        if (fscanf(file, "%llu", &ns) == 1)
            sum += (double)ns / 1e9;
        fclose(file);
    }
    closedir(tasks);
    return sum;
}

static double resident_mib(void)
{
    char path[64];
    char line[256];
    unsigned long kib = 0;
    snprintf(path, sizeof(path), "/proc/%lu/status", settings.pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail(path, "cannot be read");
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "VmRSS: %lu", &kib) == 1)
            break;
    }
    fclose(file);
    return (double)kib / 1024;
}

/* ---- unary calls, so many in flight ---- */

struct load {
    struct rnl_client *client;
    const char *method;
    /* Packs request number i. */
    size_t (*pack)(size_t i, uint8_t *out);
    /* Gets each answer; NULL: they are dropped. */
    void (*answer)(const uint8_t *data, size_t len);
    size_t count;
    size_t begun;
    size_t ended;
};

static void begin_next(struct load *load);

static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    struct load *load = arg;
    (void)call;
    if (load->answer != NULL)
        load->answer(data, len);
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    struct load *load = arg;
    if (status->code != RNL_OK)
        fail(load->method, status->message);
    rnl_call_destroy(call);
    load->ended++;
    begin_next(load);
}

static void begin_next(struct load *load)
{
    static uint8_t bytes[4096];
    struct rnl_call_options options = {
        .size = sizeof(options),
        .on_message = on_message,
        .on_end = on_end,
        .arg = load,
    };
    struct rnl_call *call;
    if (load->begun == load->count)
        return;
    size_t len = load->pack(load->begun++, bytes);
    if (rnl_call_start(load->client, load->method, &options, &call) != RNL_OK ||
        rnl_call_send(call, bytes, len) != RNL_OK)
        fail(load->method, "cannot be called");
    rnl_call_half_close(call);
}

/* Returns operations a second. */
static double run_load(struct load *load)
{
    double begin = now_s();
    for (int i = 0; i < IN_FLIGHT; i++)
        begin_next(load);
    while (load->ended < load->count) {
        if (rnl_client_poll(load->client, WAIT_MS) != RNL_OK)
            fail(load->method, "no answer");
    }
    return (double)load->count / (now_s() - begin);
}

/* ---- the operations ---- */

static const char *create_kind;

static size_t pack_create(size_t i, uint8_t *out)
{
    Runnel__V1__CreateJobRequest request = RUNNEL__V1__CREATE_JOB_REQUEST__INIT;
    Runnel__V1__Payload input = RUNNEL__V1__PAYLOAD__INIT;
    Runnel__V1__CreateJobRequest__LabelsEntry label =
        RUNNEL__V1__CREATE_JOB_REQUEST__LABELS_ENTRY__INIT;
    Runnel__V1__CreateJobRequest__LabelsEntry *labels[] = {&label};
    (void)i;
    input.content_case = RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    input.text = (char *)"the input of a small job: a prompt, a path, a row";
    label.key = (char *)"team";
    label.value = (char *)"blue";
    request.kind = (char *)create_kind;
    request.input = &input;
    request.labels = labels;
    request.n_labels = 1;
    return runnel__v1__create_job_request__pack(&request, out);
}

static void take_created(const uint8_t *data, size_t len)
{
    Runnel__V1__CreateJobResponse *response =
        runnel__v1__create_job_response__unpack(NULL, len, data);
    if (response == NULL || id_count == id_cap)
        fail("CreateJob", "cannot be read");
    memcpy(ids[id_count++], response->job->id, ID_LEN + 1);
    runnel__v1__create_job_response__free_unpacked(response, NULL);
}

/* Those in front of it are deleted: the oldest go first, as by retention. */
static size_t deleted;

/* Spread over all that are stored, and other ones each time. */
static char *any_id(size_t i)
{
    return ids[deleted +
               i * UINT64_C(0x9E3779B97F4A7C15) % (id_count - deleted)];
}

/* The same among the newest, which is what people look at. */
static char *new_id(size_t i)
{
    size_t count = id_count - deleted < NEWEST ? id_count - deleted : NEWEST;
    return ids[id_count - 1 - i * UINT64_C(0x9E3779B97F4A7C15) % count];
}

static size_t pack_get_of(char *id, uint8_t *out)
{
    Runnel__V1__GetJobRequest request = RUNNEL__V1__GET_JOB_REQUEST__INIT;
    request.job_id = id;
    return runnel__v1__get_job_request__pack(&request, out);
}

static size_t pack_get(size_t i, uint8_t *out)
{
    return pack_get_of(any_id(i), out);
}

static size_t pack_get_new(size_t i, uint8_t *out)
{
    return pack_get_of(new_id(i), out);
}

static size_t pack_list_of(char *id, uint8_t *out)
{
    Runnel__V1__ListJobsRequest request = RUNNEL__V1__LIST_JOBS_REQUEST__INIT;
    request.page_size = 10;
    request.page_token = id;
    return runnel__v1__list_jobs_request__pack(&request, out);
}

static size_t pack_list(size_t i, uint8_t *out)
{
    return pack_list_of(any_id(i), out);
}

static size_t pack_list_new(size_t i, uint8_t *out)
{
    return pack_list_of(new_id(i), out);
}

static size_t pack_delete(size_t i, uint8_t *out)
{
    Runnel__V1__DeleteJobRequest request = RUNNEL__V1__DELETE_JOB_REQUEST__INIT;
    (void)i;
    request.job_id = ids[deleted++];
    return runnel__v1__delete_job_request__pack(&request, out);
}

/* Jobs that were created and have not ended, or their writing, would count for
 * the operation that comes next: waits until the server does nothing. */
static void settle(struct rnl_client *client)
{
    double used_s;
    do {
        double end_s = now_s() + STILL_MS / 1e3;
        used_s = cpu_s();
        while (now_s() < end_s)
            (void)rnl_client_poll(client, STILL_MS);
        used_s = cpu_s() - used_s;
    } while (used_s > STILL_MS / 1e3 / 100);
}

/* What one operation costs, in the server's processor time and in operations a
 * second with so many in flight. The first does not depend on what else the
 * machine does. */
static void operate(struct rnl_client *client, const char *method,
                    size_t (*pack)(size_t, uint8_t *), size_t count,
                    const char *label)
{
    struct load load = {
        .client = client,
        .method = method,
        .pack = pack,
        .answer = pack == pack_create ? take_created : NULL,
        .count = count,
    };
    settle(client);
    double begin_s = cpu_s();
    double rate = run_load(&load);
    double used_us = (cpu_s() - begin_s) * 1e6 / (double)count;
    if (label != NULL)
        printf("scale_%s_cpu_us: %.1f\nscale_%s_per_s: %.0f\n", label, used_us,
               label, rate);
    fflush(stdout);
}

/* ---- watchers ---- */

static struct rnl_client *clients[CLIENTS_MAX];
static size_t events_seen;

static void on_event(struct rnl_call *call, const uint8_t *data, size_t len,
                     void *arg)
{
    (void)call;
    (void)data;
    (void)len;
    (void)arg;
    events_seen++;
}

static void on_watch_end(struct rnl_call *call,
                         const struct rnl_status_info *status, void *arg)
{
    (void)call;
    (void)arg;
    fail("WatchJob", status->message);
}

static struct rnl_client *connect_client(void)
{
    struct rnl_client_options options = {.size = sizeof(options),
                                         .address = settings.core};
    struct rnl_client *client;
    if (rnl_client_create(&options, &client) != RNL_OK ||
        rnl_client_await_connected(client, WAIT_MS) != RNL_OK)
        fail(settings.core, "cannot connect");
    return client;
}

static void watch(struct rnl_client *client, const char *id)
{
    uint8_t bytes[256];
    Runnel__V1__WatchJobRequest request = RUNNEL__V1__WATCH_JOB_REQUEST__INIT;
    struct rnl_call_options options = {
        .size = sizeof(options),
        .on_message = on_event,
        .on_end = on_watch_end,
    };
    struct rnl_call *call;
    request.job_id = (char *)id;
    size_t len = runnel__v1__watch_job_request__pack(&request, bytes);
    if (rnl_call_start(client, "runnel.v1.JobService/WatchJob", &options,
                       &call) != RNL_OK ||
        rnl_call_send(call, bytes, len) != RNL_OK)
        fail("WatchJob", "cannot be called");
    rnl_call_half_close(call);
}

/* One watcher each of the newest jobs; each has one event so far. */
static void watch_all(void)
{
    size_t client_count = (settings.watchers + PER_CLIENT - 1) / PER_CLIENT;
    double begin = now_s();
    for (size_t i = 0; i < settings.watchers; i++) {
        if (i % PER_CLIENT == 0)
            clients[i / PER_CLIENT] = connect_client();
        watch(clients[i / PER_CLIENT], ids[id_count - 1 - i]);
    }
    while (events_seen < settings.watchers) {
        for (size_t i = 0; i < client_count; i++)
            (void)rnl_client_poll(clients[i], 0);
        if (now_s() - begin > WAIT_MS / 1e3)
            fail("WatchJob", "events are missing");
    }
}

/* ---- all ---- */

static void level(struct rnl_client *client, size_t count)
{
    static const struct {
        const char *name;
        const char *method;
        size_t (*pack)(size_t, uint8_t *);
        size_t count;
    } operations[] = {
        {"get", "runnel.v1.JobService/GetJob", pack_get, READS},
        {"get_new", "runnel.v1.JobService/GetJob", pack_get_new, READS},
        {"list_10", "runnel.v1.JobService/ListJobs", pack_list, READS},
        {"list_10_new", "runnel.v1.JobService/ListJobs", pack_list_new, READS},
        {"create_and_run", "runnel.v1.JobService/CreateJob", pack_create,
         WRITES},
        {"delete_oldest", "runnel.v1.JobService/DeleteJob", pack_delete,
         WRITES},
    };
    char label[64];
    create_kind = "echo";
    if (id_count - deleted < count)
        operate(client, "runnel.v1.JobService/CreateJob", pack_create,
                count - (id_count - deleted), NULL);
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        snprintf(label, sizeof(label), "%zu_%s", count, operations[i].name);
        operate(client, operations[i].method, operations[i].pack,
                operations[i].count, label);
    }
    printf("scale_%zu_resident_mib: %.0f\n", count, resident_mib());
}

static void read_settings(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        if (value == NULL)
            fail(argv[i], "must be name=value");
        size_t len = (size_t)(value++ - argv[i]);
        unsigned long number = strtoul(value, NULL, 10);
        if (strncmp(argv[i], "core", len) == 0)
            settings.core = value;
        else if (strncmp(argv[i], "pid", len) == 0)
            settings.pid = number;
        else if (strncmp(argv[i], "jobs", len) == 0)
            settings.jobs = number;
        else if (strncmp(argv[i], "queued", len) == 0)
            settings.queued = number;
        else if (strncmp(argv[i], "watchers", len) == 0)
            settings.watchers = number;
        else
            fail(argv[i], "no such setting");
    }
    if (settings.core == NULL || settings.pid == 0 ||
        settings.watchers > settings.queued ||
        settings.watchers > (size_t)PER_CLIENT * CLIENTS_MAX)
        fail("settings", "core=, pid=, jobs=, queued=, watchers= (<= queued)");
}

int main(int argc, char **argv)
{
    read_settings(argc, argv);
    struct rnl_client *client = connect_client();
    id_cap = settings.jobs + settings.queued + (size_t)20 * WRITES;
    ids = calloc(id_cap, sizeof(ids[0]));
    if (ids == NULL)
        fail("ids", "memory is out");
    printf("scale_empty_resident_mib: %.0f\n", resident_mib());
    create_kind = "nobody";
    if (settings.queued > 0) {
        operate(client, "runnel.v1.JobService/CreateJob", pack_create,
                settings.queued, "queued_create");
        printf("scale_queued_%lu_resident_mib: %.0f\n", settings.queued,
               resident_mib());
        watch_all();
        printf("scale_queued_%lu_watched_%lu_resident_mib: %.0f\n",
               settings.queued, settings.watchers, resident_mib());
        fflush(stdout);
        for (size_t k = 0; k < CLIENTS_MAX; k++)
            rnl_client_destroy(clients[k]);
        id_count = 0;
    }
    for (size_t count = 100; count <= settings.jobs; count *= 10)
        level(client, count);
    rnl_client_destroy(client);
    free(ids);
    return EXIT_SUCCESS;
}
