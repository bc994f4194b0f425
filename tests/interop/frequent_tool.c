/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frequent items to and from Apache DataSketches' format, for
 * test_frequent.py:
 *
 *     frequent_tool write ENTRIES < keys > sketch    a key a line
 *     frequent_tool read < sketch                    total, offset, and
 *                                                    "lower upper key" lines
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frequent_datasketches.h"
#include "hash.h"

#define INPUT_MAX (64u << 20)
#define SEED      1

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void add(struct rnl_frequent *frequent, const char *key, size_t len)
{
    bool may_purge;
    struct rnl_frequent_item item = {
        .hash = rnl_hash(key, len, SEED),
        .count = 1,
        .key = (const uint8_t *)key,
        .key_len = (uint32_t)len,
    };
    if (rnl_frequent_bump(frequent, item.hash, 1))
        return;
    if (rnl_frequent_reserve(frequent, 1, len, &may_purge) != RNL_OK)
        die("memory is out");
    rnl_frequent_add(frequent, &item);
}

static void write_sketch(size_t entries)
{
    struct rnl_frequent frequent;
    char line[RNL_FREQUENT_KEY_MAX + 2];
    uint64_t total = 0;
    rnl_frequent_init(&frequent, entries);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        add(&frequent, line, strcspn(line, "\n"));
        total++;
    }
    size_t len = rnl_frequent_datasketches_len(&frequent);
    uint8_t *bytes = malloc(len);
    if (bytes == NULL ||
        rnl_frequent_datasketches_write(&frequent, total, bytes) != RNL_OK)
        die("memory is out");
    fwrite(bytes, 1, len, stdout);
    free(bytes);
    rnl_frequent_fini(&frequent);
}

static void read_sketch(void)
{
    struct rnl_frequent frequent;
    uint64_t total;
    uint8_t *bytes = malloc(INPUT_MAX);
    if (bytes == NULL)
        die("memory is out");
    size_t len = fread(bytes, 1, INPUT_MAX, stdin);
    rnl_frequent_init(&frequent, 2);
    enum rnl_code code =
        rnl_frequent_datasketches_read(&frequent, SEED, bytes, len, &total);
    if (code != RNL_OK)
        die(rnl_code_name((int)code));
    printf("%" PRIu64 "\n%" PRIu64 "\n", total, frequent.offset);
    for (size_t i = 0; i < rnl_frequent_slots(&frequent); i++) {
        const struct rnl_frequent_entry *entry = &frequent.entries[i];
        if (frequent.hashes[i] != 0)
            printf("%" PRIu64 " %" PRIu64 " %.*s\n", entry->count,
                   rnl_frequent_upper(&frequent, entry), (int)entry->key_len,
                   (const char *)rnl_frequent_key(&frequent, entry));
    }
    free(bytes);
    rnl_frequent_fini(&frequent);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "write") == 0)
        write_sketch((size_t)strtoul(argv[2], NULL, 10));
    else if (argc == 2 && strcmp(argv[1], "read") == 0)
        read_sketch();
    else
        die("usage: frequent_tool write ENTRIES | read");
    return 0;
}
