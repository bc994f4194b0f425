/* SPDX-License-Identifier: Apache-2.0 */
/* Into a file of another name first: a backup that is there is whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "core.h"
#include "text.h"

struct backup {
    struct cli_context *context;
    /* "FILE.XXXXXX". */
    char *draft;
    int fd;
    /* errno of a write that failed. */
    int error;
    uint64_t bytes;
    int percent;
};

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, data, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        data += put;
        len -= (size_t)put;
    }
    return true;
}

/* A note for each tenth, when there are several. */
static void note(struct backup *backup, uint64_t total)
{
    int percent = total == 0 ? 0 : (int)(backup->bytes * 100 / total);
    if (percent < backup->percent + 10 || backup->bytes == total ||
        total < ((uint64_t)64 << 20))
        return;
    backup->percent = percent;
    cli_note(backup->context, "%d %%", percent);
}

static bool on_piece(void *arg, const void *data, size_t len,
                     uint64_t total_bytes)
{
    struct backup *backup = arg;
    if (!write_all(backup->fd, data, len)) {
        backup->error = errno;
        return false;
    }
    backup->bytes += len;
    note(backup, total_bytes);
    return true;
}

static int fail_file(const struct backup *backup, const char *path, int error)
{
    cli_error(backup->context, "%s: %s", path, strerror(error));
    return CLI_EXIT_ERROR;
}

/* The new name must outlive a loss of power too. */
static void sync_folder(const char *path)
{
    char *folder = cli_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder] = '\0';
    int fd = open(slash == NULL ? "." : folder, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    cli_free(folder);
}

static int finish(struct backup *backup, const char *path)
{
    if (fsync(backup->fd) != 0)
        return fail_file(backup, backup->draft, errno);
    if (rename(backup->draft, path) != 0)
        return fail_file(backup, path, errno);
    sync_folder(path);
    if (backup->context->json) {
        json_t *answer =
            json_pack("{s:s,s:o}", "file", path, "bytes",
                      json_sprintf("%llu", (unsigned long long)backup->bytes));
        cli_print_json(answer);
        return CLI_EXIT_OK;
    }
    struct cli_buf text = {0};
    cli_text_add_bytes(&text, (double)backup->bytes);
    printf("%s, %s\n", path, cli_buf_str(&text));
    cli_buf_fini(&text);
    return CLI_EXIT_OK;
}

static int copy(struct backup *backup, const char *path)
{
    int status = cli_core_backup(backup->context, on_piece, backup);
    if (backup->error != 0)
        return fail_file(backup, backup->draft, backup->error);
    if (status == CLI_EXIT_OK)
        status = finish(backup, path);
    if (status != CLI_EXIT_OK)
        (void)unlink(backup->draft);
    return status;
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    const char *path = args->operands[0];
    struct backup backup = {.context = context};
    if (!cli_args_has(args, "force") && access(path, F_OK) == 0) {
        cli_error(context, "%s is there already; --force replaces it", path);
        return CLI_EXIT_ERROR;
    }
    size_t size = strlen(path) + sizeof(".XXXXXX");
    backup.draft = cli_calloc(1, size);
    snprintf(backup.draft, size, "%s.XXXXXX", path);
    /* Only its owner may read it. */
    backup.fd = mkostemp(backup.draft, O_CLOEXEC);
    if (backup.fd < 0) {
        int status = fail_file(&backup, path, errno);
        cli_free(backup.draft);
        return status;
    }
    cli_interrupt_catch();
    int status = copy(&backup, path);
    if (backup.error != 0)
        (void)unlink(backup.draft);
    close(backup.fd);
    cli_free(backup.draft);
    return status;
}

static const struct cli_flag flags[] = {
    {.name = "force", .help = "replace the file if it is there", .letter = 'f'},
    {0},
};

const struct cli_command cli_admin_backup = {
    .group = "admin",
    .name = "backup",
    .operands = "FILE",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .summary = "Copy the store into a file, while it is in use",
    .details = "The file appears when it is whole. As runnel.db in a folder "
               "of its own it is a store: runneld --data FOLDER.",
    .examples = "  $ runnel admin backup runnel-$(date +%F).db",
    .flags = flags,
    .run = run,
};
