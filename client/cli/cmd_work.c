/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "llm_setup.h"
#include "program_task.h"
#include "work_loop.h"

#define KINDS_MAX        64
#define CONCURRENCY_MAX  1024
#define GRACE_MS_DEFAULT 10000

/* What the flags say; strings are those of argv. */
struct work_flags {
    const char *kinds[KINDS_MAX];
    struct cli_work_options work;
    struct cli_program program;
    struct cli_llm_setup llm;
    /* Owned. */
    char **argv;
};

/* --- the program --- */

static bool is_executable(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return false;
    if (S_ISREG(info.st_mode) && access(path, X_OK) == 0)
        return true;
    errno = EACCES;
    return false;
}

/* As execvp looks for it; a worker that cannot work at all must not take jobs.
 * Sets errno. */
static bool can_run(const char *name)
{
    const char *path = getenv("PATH");
    struct cli_buf file = {0};
    bool found = false;
    if (strchr(name, '/') != NULL)
        return is_executable(name);
    for (const char *at = path == NULL ? "/bin:/usr/bin" : path;
         !found && at != NULL; at = strchr(at, ':')) {
        at += *at == ':';
        cli_buf_reset(&file);
        cli_buf_printf(&file, "%.*s/%s", (int)strcspn(at, ":"), at, name);
        found = is_executable(cli_buf_str(&file));
    }
    cli_buf_fini(&file);
    if (!found)
        errno = ENOENT;
    return found;
}

static void set_argv(struct work_flags *flags, const struct cli_args *args)
{
    static const char *const shell[] = {"/bin/sh", "-c"};
    size_t skip = cli_args_has(args, "shell") ? 2 : 0;
    size_t count = skip + args->operand_count;
    flags->argv = cli_calloc(count + 1, sizeof(flags->argv[0]));
    for (size_t i = 0; i < count; i++)
        flags->argv[i] =
            cli_strdup(i < skip ? shell[i] : args->operands[i - skip]);
    flags->program.argv = flags->argv;
}

static int read_program(struct cli_context *context,
                        const struct cli_args *args, struct work_flags *flags)
{
    if (cli_args_has(args, "shell") && args->operand_count != 1)
        return cli_usage_error(context,
                               "--shell takes one operand, the command line");
    set_argv(flags, args);
    if (!can_run(flags->argv[0]))
        return cli_usage_error(context, "%s: %s", flags->argv[0],
                               strerror(errno));
    flags->program.content_type = cli_args_get(args, "content-type");
    flags->program.grace_ms = GRACE_MS_DEFAULT;
    flags->work.ops = &cli_program_ops;
    flags->work.arg = &flags->program;
    return cli_flag_duration(context, args, "grace", &flags->program.grace_ms);
}

/* --- a server of chat completions --- */

static int read_llm(struct cli_context *context, const struct cli_args *args,
                    struct work_flags *flags)
{
    flags->work.ops = &cli_llm_ops;
    flags->work.arg = &flags->llm.use;
    return cli_llm_setup_init(context, args, &flags->llm);
}

/* --- the command --- */

static int read_flags(struct cli_context *context, const struct cli_args *args,
                      struct work_flags *flags)
{
    const char *kind;
    size_t at = 0;
    int64_t concurrency = 1;
    while ((kind = cli_args_next(args, "kind", &at)) != NULL) {
        if (flags->work.kind_count == KINDS_MAX)
            return cli_usage_error(
                context, "--kind is given more than %d times", KINDS_MAX);
        flags->kinds[flags->work.kind_count++] = kind;
    }
    if (flags->work.kind_count == 0)
        return cli_usage_error(context, "--kind is missing: which jobs to do");
    flags->work.kinds = flags->kinds;
    flags->work.name = cli_args_get(args, "name");
    int status = cli_flag_integer(context, args, "concurrency", 1,
                                  CONCURRENCY_MAX, &concurrency);
    flags->work.concurrency = (uint32_t)concurrency;
    return status;
}

static int run(struct cli_context *context, const struct cli_args *args)
{
    struct work_flags flags = {0};
    int status = read_flags(context, args, &flags);
    if (status == CLI_EXIT_OK)
        status = cli_llm_setup_wanted(args)
                     ? read_llm(context, args, &flags)
                     : read_program(context, args, &flags);
    if (status == CLI_EXIT_OK)
        status = cli_work_loop(context, &flags.work);
    for (size_t i = 0; flags.argv != NULL && flags.argv[i] != NULL; i++)
        cli_free(flags.argv[i]);
    cli_free(flags.argv);
    cli_llm_setup_fini(&flags.llm);
    return status;
}

static const struct cli_flag work_flags[] = {
    {.name = "kind",
     .value = "KIND",
     .help = "kind of job to do; may be repeated",
     .repeats = true},
    {.name = "concurrency",
     .value = "N",
     .help = "jobs at once, 1 to 1024; default 1"},
    {.name = "shell", .help = "CMD is a command line for /bin/sh"},
    {.name = "content-type",
     .value = "TYPE",
     .help = "media type of the output, application/json for example"},
    {.name = "grace",
     .value = "DUR",
     .help = "from SIGTERM to SIGKILL for a job that is stopped; default 10s"},
    {.name = "name", .value = "NAME", .help = "of this worker, for people"},
    {.name = "openai-base-url",
     .value = "URL",
     .help = "in place of CMD: where a server of chat completions is, "
             "https://api.openai.com/v1 for example [OPENAI_BASE_URL]"},
    {.name = "model",
     .value = "MODEL",
     .help = "of that server: a job can choose, the first is "
             "the default",
     .repeats = true},
    {.name = "any-model", .help = "a job can choose every model of the server"},
    {.name = "openai-key-file",
     .value = "FILE",
     .help = "its first line is the server's key [OPENAI_API_KEY]",
     .choices = "@file"},
    {.name = "openai-ca-file",
     .value = "FILE",
     .help = "certificates to trust in place of the system's",
     .choices = "@file"},
    {.name = "connect-timeout",
     .value = "DUR",
     .help = "for the connection to the server; default 10s"},
    {.name = "first-byte-timeout",
     .value = "DUR",
     .help = "until the server's answer begins; default 5m, 0: none"},
    {.name = "idle-timeout",
     .value = "DUR",
     .help = "between two pieces of its answer; default 2m, 0: none"},
    {.name = "wait-max",
     .value = "DUR",
     .help = "longest Retry-After of the server that an attempt waits for; "
             "default 1m"},
    {0},
};

const struct cli_command cli_work = {
    .name = "work",
    .operands = "--kind KIND (-- CMD [ARG...] | --openai-base-url URL)",
    .operand_count_max = (size_t)-1,
    .summary = "Do jobs of a kind, with any program or a language model",
    .details =
        "CMD is run for each job, without a shell: the input is its stdin, its "
        "stdout is the output as it comes, each line of its stderr is a line "
        "of "
        "the log, but for \"::progress DONE/TOTAL UNIT\". Exit status 0 is "
        "success, 75 a failure that may pass, all else one that does not. A "
        "job that is cancelled gets SIGTERM, and SIGKILL after --grace, it and "
        "all of its process group.\n\n"
        "RUNNEL_JOB_ID, RUNNEL_ATTEMPT, RUNNEL_KIND, RUNNEL_CONTENT_TYPE, and "
        "RUNNEL_OPTION_name and RUNNEL_LABEL_name for each option and label "
        "are "
        "in its environment.\n\n"
        "With --openai-base-url, the server there does the jobs by its chat "
        "completions, OpenAI's interface: a job's input is what the user says, "
        "or as application/json a list of messages or a whole request; the "
        "answer is the output as it comes. The key is never a flag. "
        "docs/jobs.md lists the options of such a job.\n\n"
        "SIGTERM or Ctrl-C lets the jobs in hand end and takes no new ones; a "
        "second one stops them, and they go to other workers.",
    .examples = "  $ runnel work --kind upper -- tr a-z A-Z\n"
                "  $ runnel work --kind sum --concurrency 4 --shell -- \\\n"
                "        'sha256sum | cut -c-64'\n"
                "  $ runnel work --kind llm --concurrency 16 \\\n"
                "        --openai-base-url http://127.0.0.1:11434/v1 "
                "--model llama3.2",
    .flags = work_flags,
    .run = run,
};
