/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of keeping events as they came: the bytes of every batch appended
 * to a file, without and with a wait for the disk after each group. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "parts.h"
#include "timing.h"

/* Batches between two waits: 131,000 events, what 10 ms bring. */
#define GROUP 16

#define COLUMNS 6

static void append(int fd, const struct rnl_meter_batch *batch)
{
    size_t events = batch->event_count;
    const struct iovec columns[COLUMNS] = {
        {(void *)(uintptr_t)batch->keys, batch->keys_len},
        /* Most lengths are varints of one byte on the wire. */
        {(void *)(uintptr_t)batch->key_lengths, batch->key_count},
        {(void *)(uintptr_t)batch->key_indexes, events * 4},
        {(void *)(uintptr_t)batch->values, events * 8},
        {(void *)(uintptr_t)batch->latencies_ms, events * 4},
        {(void *)(uintptr_t)batch->time_offsets_ms, events * 4},
    };
    size_t len = 0;
    for (size_t i = 0; i < COLUMNS; i++)
        len += columns[i].iov_len;
    if (writev(fd, columns, COLUMNS) != (ssize_t)len)
        bench_die("the file cannot be written");
}

/* By the clock: what waits for a disk takes no CPU. */
static double append_all(const struct bench_task *task, bool sync)
{
    char path[] = "bench-append-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0)
        bench_die("no file can be made here");
    unlink(path);
    double from = bench_now();
    for (size_t i = 0; i < task->batches->count; i++) {
        append(fd, &task->batches->batches[i]);
        if (sync && i % GROUP == GROUP - 1 && fdatasync(fd) != 0)
            bench_die("the disk cannot be waited for");
    }
    if (sync && fdatasync(fd) != 0)
        bench_die("the disk cannot be waited for");
    double took = bench_now() - from;
    close(fd);
    return took;
}

void bench_append(const struct bench_task *task)
{
    double times[2][BENCH_REPEATS_MAX];
    for (size_t i = 0; i < task->repeats; i++) {
        times[0][i] = append_all(task, false);
        times[1][i] = append_all(task, true);
    }
    double count = (double)task->event_count;
    bench_report(task, "append_events_per_s",
                 count / bench_median(times[0], task->repeats));
    bench_report(task, "append_sync_events_per_s",
                 count / bench_median(times[1], task->repeats));
}
