/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "command.h"

/* The command line while it is taken apart. */
struct parse {
    struct cli_args *args;
    struct cli_buf *error;
    char **argv;
    int argc;
    int at;
    bool flags_ended;
};

/* Letters to change, add or remove to get from a to b (Levenshtein), for
 * names of up to 31 letters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[32];
    size_t len = strlen(b);
    if (len > 31)
        return 32;
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= len; j++) {
            size_t change = diagonal + (a[i] != b[j - 1]);
            diagonal = row[j];
            size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < step ? change : step;
        }
    }
    return row[len];
}

/* Remembers the nearer of two names; what is further than 2 is no hint. */
static void nearer(const char *typed, const char *name, const char **best)
{
    size_t now = distance(typed, name);
    if (now <= 2 && (!*best || now < distance(typed, *best)))
        *best = name;
}

static bool same_group(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static const struct cli_flag *find_in(const struct cli_flag *flags,
                                      const char *name, size_t len)
{
    for (; flags && flags->name; flags++) {
        if (strlen(flags->name) == len && strncmp(flags->name, name, len) == 0)
            return flags;
        if (len == 1 && flags->letter == name[0])
            return flags;
    }
    return NULL;
}

static const struct cli_flag *find_flag(const struct cli_args *args,
                                        const char *name, size_t len)
{
    const struct cli_flag *flag = find_in(cli_global_flags, name, len);
    if (!flag && args->command)
        flag = find_in(args->command->flags, name, len);
    return flag;
}

/* Names of flags are whole, so that a new one never changes an old script. */
static bool unknown_flag(struct parse *p, const char *text, size_t name_len)
{
    const struct cli_command *command = p->args->command;
    const char *best = NULL;
    char name[32] = "";
    if (name_len < sizeof(name))
        memcpy(name, text + strspn(text, "-"), name_len);
    for (const struct cli_flag *f = cli_global_flags; f->name; f++)
        nearer(name, f->name, &best);
    for (const struct cli_flag *f = command ? command->flags : NULL;
         f && f->name; f++)
        nearer(name, f->name, &best);
    cli_buf_printf(p->error, "unknown flag %.*s",
                   (int)(name_len + strspn(text, "-")), text);
    if (best)
        cli_buf_printf(p->error, "; did you mean --%s?", best);
    else if (!command)
        cli_buf_text(p->error, "; a command comes before its flags");
    return false;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = choices; *at;) {
        size_t word = strcspn(at, " ");
        if (word == len && strncmp(at, value, len) == 0)
            return true;
        at += word + (at[word] == ' ');
    }
    return false;
}

static bool add_opt(struct parse *p, const struct cli_flag *flag,
                    const char *value)
{
    struct cli_args *args = p->args;
    if (flag->choices && flag->choices[0] != '@' &&
        !is_choice(flag->choices, value)) {
        cli_buf_printf(p->error, "--%s %s: must be one of: %s", flag->name,
                       value, flag->choices);
        return false;
    }
    if (!flag->repeats && cli_args_has(args, flag->name)) {
        cli_buf_printf(p->error, "--%s is given twice", flag->name);
        return false;
    }
    args->opts =
        cli_realloc(args->opts, (args->opt_count + 1) * sizeof(*args->opts));
    args->opts[args->opt_count++] = (struct cli_opt){flag, value};
    return true;
}

/* "--name", "--name=value", "--name value", "-n value". */
static bool take_flag(struct parse *p, const char *text)
{
    const char *name = text + (text[1] == '-' ? 2 : 1);
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    bool is_short = text[1] != '-';
    const struct cli_flag *flag = NULL;
    if (!is_short || len == 1)
        flag = find_flag(p->args, name, len);
    if (!flag || is_short != (len == 1))
        return unknown_flag(p, text, len);
    if (!flag->value && value) {
        cli_buf_printf(p->error, "--%s takes no value", flag->name);
        return false;
    }
    if (flag->value && !value) {
        if (p->at == p->argc) {
            cli_buf_printf(p->error, "--%s needs a value: --%s %s", flag->name,
                           flag->name, flag->value);
            return false;
        }
        value = p->argv[p->at++];
    }
    return add_opt(p, flag, value ? value : "");
}

static bool unknown_command(struct parse *p, const char *word)
{
    const char *group = p->args->group;
    const char *best = NULL;
    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *command = cli_commands[i];
        if (same_group(command->group, group))
            nearer(word, command->name, &best);
        else if (!group)
            nearer(word, command->group, &best);
    }
    cli_buf_printf(p->error, "unknown command \"%s%s%s\"", group ? group : "",
                   group ? " " : "", word);
    if (best)
        cli_buf_printf(p->error, "; did you mean \"%s%s%s\"?",
                       group ? group : "", group ? " " : "", best);
    return false;
}

/* The first word or two name the command. */
static bool take_command_word(struct parse *p, const char *word)
{
    struct cli_args *args = p->args;
    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *command = cli_commands[i];
        if (same_group(command->group, args->group) &&
            strcmp(command->name, word) == 0) {
            args->command = command;
            return true;
        }
    }
    for (size_t i = 0; !args->group && cli_commands[i]; i++) {
        if (cli_commands[i]->group &&
            strcmp(cli_commands[i]->group, word) == 0) {
            args->group = cli_commands[i]->group;
            return true;
        }
    }
    return unknown_command(p, word);
}

/* "runnel admin token list" is "runnel token list". */
static bool is_admin_prefix(const struct parse *p, const char *word)
{
    return !p->args->group && strcmp(word, "admin") == 0 && p->at < p->argc &&
           strcmp(p->argv[p->at], "token") == 0;
}

static bool take_operand(struct parse *p, const char *word)
{
    struct cli_args *args = p->args;
    if (!args->command && is_admin_prefix(p, word))
        return true;
    if (!args->command)
        return take_command_word(p, word);
    args->operands = cli_realloc(args->operands, (args->operand_count + 1) *
                                                     sizeof(*args->operands));
    args->operands[args->operand_count++] = word;
    return true;
}

static bool check_operands(struct parse *p)
{
    const struct cli_command *command = p->args->command;
    size_t count = p->args->operand_count;
    if (!command || cli_args_has(p->args, "help"))
        return true;
    if (count >= command->operand_count_min &&
        count <= command->operand_count_max)
        return true;
    if (count > command->operand_count_max)
        cli_buf_printf(p->error, "unexpected \"%s\"",
                       p->args->operands[command->operand_count_max]);
    else
        cli_buf_text(p->error, "something is missing");
    cli_buf_printf(p->error, "; usage: runnel %s%s%s%s%s",
                   command->group ? command->group : "",
                   command->group ? " " : "", command->name,
                   *command->operands ? " " : "", command->operands);
    return false;
}

/* "-" is stdin, "-15" a number: no flag is a digit. */
static bool looks_like_flag(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && !strchr("0123456789.", word[1]);
}

bool cli_args_parse(int argc, char **argv, struct cli_args *ret_args,
                    struct cli_buf *error)
{
    *ret_args = (struct cli_args){0};
    struct parse p = {
        .args = ret_args, .error = error, .argv = argv, .argc = argc, .at = 1};
    while (p.at < argc) {
        const char *word = argv[p.at++];
        bool ok = true;
        if (!p.flags_ended && strcmp(word, "--") == 0)
            p.flags_ended = true;
        else if (!p.flags_ended && looks_like_flag(word))
            ok = take_flag(&p, word);
        else
            ok = take_operand(&p, word);
        if (!ok)
            return false;
    }
    return check_operands(&p);
}

void cli_args_fini(struct cli_args *args)
{
    cli_free(args->opts);
    cli_free(args->operands);
    *args = (struct cli_args){0};
}

const char *cli_args_get(const struct cli_args *args, const char *name)
{
    /* A name that the command does not have is a mistake of this program. */
    assert(!args->command || find_flag(args, name, strlen(name)));
    for (size_t i = args->opt_count; i-- > 0;) {
        if (strcmp(args->opts[i].flag->name, name) == 0)
            return args->opts[i].value;
    }
    return NULL;
}

bool cli_args_has(const struct cli_args *args, const char *name)
{
    return cli_args_get(args, name) != NULL;
}

const char *cli_args_next(const struct cli_args *args, const char *name,
                          size_t *at)
{
    while (*at < args->opt_count) {
        const struct cli_opt *opt = &args->opts[(*at)++];
        if (strcmp(opt->flag->name, name) == 0)
            return opt->value;
    }
    return NULL;
}
