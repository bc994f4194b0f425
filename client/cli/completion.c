/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell completion. Each script carries the whole table of commands as case
 * branches, so that completing needs no run of the program.
 */
#include <string.h>

#include "command.h"

static void add_flag_words(struct cli_buf *buf, const struct cli_flag *flags)
{
    for (; flags && flags->name; flags++)
        cli_buf_printf(buf, " --%s", flags->name);
}

/* True when an earlier command has the same group. */
static bool group_seen(size_t index)
{
    const char *group = cli_commands[index]->group;
    for (size_t i = 0; i < index; i++) {
        if (cli_commands[i]->group &&
            strcmp(cli_commands[i]->group, group) == 0)
            return true;
    }
    return false;
}

static void add_first_words(struct cli_buf *buf)
{
    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *command = cli_commands[i];
        if (!command->group)
            cli_buf_printf(buf, " %s", command->name);
        else if (!group_seen(i))
            cli_buf_printf(buf, " %s", command->group);
    }
}

static void add_group_words(struct cli_buf *buf, const char *group)
{
    for (size_t i = 0; cli_commands[i]; i++) {
        if (cli_commands[i]->group &&
            strcmp(cli_commands[i]->group, group) == 0)
            cli_buf_printf(buf, " %s", cli_commands[i]->name);
    }
}

/* "job create" or "ingest". */
static void add_path(struct cli_buf *buf, const struct cli_command *command)
{
    if (command->group)
        cli_buf_printf(buf, "%s ", command->group);
    cli_buf_text(buf, command->name);
}

/* Branches "path --flag)" for flags that take a value. */
static void add_bash_values(struct cli_buf *buf, const char *path,
                            const struct cli_flag *flags)
{
    for (; flags && flags->name; flags++) {
        if (!flags->value)
            continue;
        /* Global flags: after any command. */
        cli_buf_printf(buf, path ? "    \"%s --%s\")" : "    *\"%s --%s\")",
                       path ? path : "", flags->name);
        if (flags->choices && flags->choices[0] != '@')
            cli_buf_printf(buf, " words=\"%s\" ;;\n", flags->choices);
        else if (flags->choices)
            cli_buf_text(buf, " files=1 ;;\n");
        else
            cli_buf_text(buf, " return ;;\n");
    }
}

static void add_bash_command(struct cli_buf *buf,
                             const struct cli_command *command)
{
    cli_buf_text(buf, "    \"");
    add_path(buf, command);
    cli_buf_text(buf, "\")\n        flags=\"");
    add_flag_words(buf, command->flags);
    add_flag_words(buf, cli_global_flags);
    cli_buf_text(buf, "\"\n");
    if (command->operand_choices && command->operand_choices[0] == '@')
        cli_buf_text(buf, "        files=1\n");
    else if (command->operand_choices)
        cli_buf_printf(buf, "        words=\"%s\"\n", command->operand_choices);
    cli_buf_text(buf, "        ;;\n");
}

static const char bash_head[] =
    "# Completion of runnel for bash, made by: runnel completion bash\n"
    "_runnel() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
    "    local prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local path=\"\" words=\"\" flags=\"\" files=\"\" i\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        [[ ${COMP_WORDS[i]} == -* ]] && break\n"
    "        case \"$path\" in\n";

static const char bash_tail[] =
    "    if [[ $cur == -* ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n"
    "        return\n"
    "    fi\n"
    "    [[ -n $files ]] && COMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "    COMPREPLY+=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "}\n"
    "complete -o filenames -F _runnel runnel\n";

/* The command's words end where it is complete: "" and groups go on. */
static void add_bash_path(struct cli_buf *buf)
{
    cli_buf_text(buf, "        \"\"");
    for (size_t i = 0; cli_commands[i]; i++) {
        if (cli_commands[i]->group && !group_seen(i))
            cli_buf_printf(buf, "|\"%s\"", cli_commands[i]->group);
    }
    cli_buf_text(buf, ") path=\"${path:+$path }${COMP_WORDS[i]}\" ;;\n"
                      "        *) break ;;\n        esac\n    done\n");
}

static void add_bash(struct cli_buf *buf)
{
    cli_buf_text(buf, bash_head);
    add_bash_path(buf);
    cli_buf_text(buf, "    case \"$path $prev\" in\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        struct cli_buf path = {0};
        add_path(&path, cli_commands[i]);
        add_bash_values(buf, cli_buf_str(&path), cli_commands[i]->flags);
        cli_buf_fini(&path);
    }
    add_bash_values(buf, NULL, cli_global_flags);
    cli_buf_text(buf, "    esac\n"
                      "    if [[ -n $words$files ]]; then\n"
                      "        [[ -n $files ]] && COMPREPLY=($(compgen -f -- "
                      "\"$cur\"))\n"
                      "        COMPREPLY+=($(compgen -W \"$words\" -- "
                      "\"$cur\"))\n"
                      "        return\n    fi\n    case \"$path\" in\n"
                      "    \"\") words=\"");
    add_first_words(buf);
    cli_buf_text(buf, "\" flags=\"");
    add_flag_words(buf, cli_global_flags);
    cli_buf_text(buf, "\" ;;\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        const char *group = cli_commands[i]->group;
        if (group && !group_seen(i)) {
            cli_buf_printf(buf, "    \"%s\") words=\"", group);
            add_group_words(buf, group);
            cli_buf_text(buf, "\" ;;\n");
        }
        add_bash_command(buf, cli_commands[i]);
    }
    cli_buf_text(buf, "    esac\n");
    cli_buf_text(buf, bash_tail);
}

/* zsh runs bash's completion functions. */
static void add_zsh(struct cli_buf *buf)
{
    cli_buf_text(buf, "#compdef runnel\n"
                      "# Completion of runnel for zsh, made by: "
                      "runnel completion zsh\n"
                      "autoload -U +X bashcompinit && bashcompinit\n");
    add_bash(buf);
}

/* In single quotes of fish: ' and \ are escaped. */
static void add_fish_quoted(struct cli_buf *buf, const char *text)
{
    cli_buf_text(buf, "'");
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            cli_buf_text(buf, "\\");
        cli_buf_add(buf, text, 1);
    }
    cli_buf_text(buf, "'");
}

static void add_fish_flags(struct cli_buf *buf, const char *condition,
                           const struct cli_flag *flags)
{
    for (; flags && flags->name; flags++) {
        cli_buf_printf(buf, "complete -c runnel%s -l %s", condition,
                       flags->name);
        if (flags->letter)
            cli_buf_printf(buf, " -s %c", flags->letter);
        if (flags->value)
            cli_buf_text(buf, flags->choices && flags->choices[0] == '@'
                                  ? " -r -F"
                                  : " -x");
        if (flags->choices && flags->choices[0] != '@')
            cli_buf_printf(buf, " -a '%s'", flags->choices);
        cli_buf_text(buf, " -d ");
        add_fish_quoted(buf, flags->help);
        cli_buf_text(buf, "\n");
    }
}

static void add_fish_word(struct cli_buf *buf, const char *condition,
                          const char *word, const char *help)
{
    cli_buf_printf(buf, "complete -c runnel -n '%s' -a %s -d ", condition,
                   word);
    add_fish_quoted(buf, help);
    cli_buf_text(buf, "\n");
}

/* One command: its own word, then its flags where that word was given. */
static void add_fish_command(struct cli_buf *buf,
                             const struct cli_command *command)
{
    struct cli_buf condition = {0};
    if (command->group)
        cli_buf_printf(&condition,
                       "__runnel_at %s; and test (count (commandline -opc)) "
                       "-eq 2",
                       command->group);
    else
        cli_buf_text(&condition, "__fish_use_subcommand");
    add_fish_word(buf, cli_buf_str(&condition), command->name,
                  command->summary);
    cli_buf_reset(&condition);
    cli_buf_text(&condition, " -n '__runnel_at ");
    add_path(&condition, command);
    cli_buf_text(&condition, "'");
    if (command->operand_choices)
        cli_buf_printf(
            buf, "complete -c runnel%s %s%s%s\n", cli_buf_str(&condition),
            command->operand_choices[0] == '@' ? "-F" : "-a '",
            command->operand_choices[0] == '@' ? "" : command->operand_choices,
            command->operand_choices[0] == '@' ? "" : "'");
    add_fish_flags(buf, cli_buf_str(&condition), command->flags);
    cli_buf_fini(&condition);
}

static void add_fish(struct cli_buf *buf)
{
    cli_buf_text(buf,
                 "# Completion of runnel for fish, made by: "
                 "runnel completion fish\n"
                 "function __runnel_at\n"
                 "    set -l words (commandline -opc)\n"
                 "    test (count $words) -gt (count $argv); or return 1\n"
                 "    for i in (seq (count $argv))\n"
                 "        test $words[(math $i + 1)] = $argv[$i]; or return 1\n"
                 "    end\n"
                 "end\n"
                 "complete -c runnel -f\n");
    add_fish_flags(buf, "", cli_global_flags);
    for (size_t i = 0; cli_commands[i]; i++) {
        if (cli_commands[i]->group && !group_seen(i))
            add_fish_word(buf, "__fish_use_subcommand", cli_commands[i]->group,
                          cli_group_summary(cli_commands[i]->group));
        add_fish_command(buf, cli_commands[i]);
    }
}

bool cli_completion_add(struct cli_buf *buf, const char *shell)
{
    if (strcmp(shell, "bash") == 0)
        add_bash(buf);
    else if (strcmp(shell, "zsh") == 0)
        add_zsh(buf);
    else if (strcmp(shell, "fish") == 0)
        add_fish(buf);
    else
        return false;
    return true;
}
