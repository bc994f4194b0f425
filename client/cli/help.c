/* SPDX-License-Identifier: Apache-2.0 */
/* The help, made from the table of commands and laid out like a manual page. */
#include <string.h>

#include "command.h"
#include "text.h"

/* Column of the explanations. */
#define EXPLAIN_AT ((size_t)28)

/* Column at which explanations wrap. */
#define WRAP_AT ((size_t)79)

/* Adds text from column `indent` on, wrapped at blanks. The first line is
 * already there up to that column. */
static void add_wrapped(struct cli_buf *buf, const char *text, size_t indent)
{
    size_t column = indent;
    while (*text) {
        size_t len = strcspn(text, " ");
        size_t width = cli_text_width(text, len);
        if (column > indent && column + 1 + width > WRAP_AT) {
            cli_buf_text(buf, "\n");
            cli_buf_repeat(buf, " ", indent);
            column = indent;
        } else if (column > indent) {
            cli_buf_text(buf, " ");
            column++;
        }
        cli_buf_add(buf, text, len);
        column += width;
        text += len + (text[len] == ' ');
    }
    cli_buf_text(buf, "\n");
}

/* "  term      explanation", the explanation below a long term. */
static void add_entry(struct cli_buf *buf, const char *term,
                      const char *explanation)
{
    size_t width = cli_text_width(term, strlen(term));
    cli_buf_printf(buf, "  %s", term);
    if (2 + width + 2 > EXPLAIN_AT) {
        cli_buf_text(buf, "\n");
        cli_buf_repeat(buf, " ", EXPLAIN_AT);
    } else {
        cli_buf_repeat(buf, " ", EXPLAIN_AT - 2 - width);
    }
    add_wrapped(buf, explanation, EXPLAIN_AT);
}

static void add_flag(struct cli_buf *buf, const struct cli_flag *flag)
{
    struct cli_buf term = {0};
    struct cli_buf explanation = {0};
    if (flag->letter)
        cli_buf_printf(&term, "-%c, ", flag->letter);
    cli_buf_printf(&term, "--%s", flag->name);
    if (flag->value)
        cli_buf_printf(&term, " %s", flag->value);
    cli_buf_text(&explanation, flag->help);
    if (flag->choices && flag->choices[0] != '@')
        cli_buf_printf(&explanation, " (%s)", flag->choices);
    if (flag->repeats)
        cli_buf_text(&explanation, "; may be repeated");
    add_entry(buf, cli_buf_str(&term), cli_buf_str(&explanation));
    cli_buf_fini(&term);
    cli_buf_fini(&explanation);
}

static void add_flags(struct cli_buf *buf, const char *title,
                      const struct cli_flag *flags)
{
    if (!flags || !flags->name)
        return;
    cli_buf_printf(buf, "\n%s:\n", title);
    for (; flags->name; flags++)
        add_flag(buf, flags);
}

static void add_command(struct cli_buf *buf, const struct cli_command *command)
{
    cli_buf_text(buf, "usage: runnel ");
    if (command->group)
        cli_buf_printf(buf, "%s ", command->group);
    cli_buf_printf(buf, "%s [FLAGS]%s%s\n\n", command->name,
                   *command->operands ? " " : "", command->operands);
    add_wrapped(buf, command->summary, 0);
    if (command->details)
        cli_buf_printf(buf, "\n%s\n", command->details);
    add_flags(buf, "Flags", command->flags);
    if (command->examples)
        cli_buf_printf(buf, "\nExamples:\n%s\n", command->examples);
    add_flags(buf, "Global flags", cli_global_flags);
}

static void add_list(struct cli_buf *buf, const char *group)
{
    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *command = cli_commands[i];
        struct cli_buf term = {0};
        if (group && (!command->group || strcmp(command->group, group) != 0))
            continue;
        if (command->group)
            cli_buf_printf(&term, "%s ", command->group);
        cli_buf_text(&term, command->name);
        add_entry(buf, cli_buf_str(&term), command->summary);
        cli_buf_fini(&term);
    }
}

static const char program_tail[] =
    "\nEnvironment:\n"
    "  RUNNEL_CORE               HOST:PORT of the core, or unix:PATH\n"
    "  RUNNEL_TOKEN              bearer token; better here than in a flag,\n"
    "                            which every user of the machine can see\n"
    "  RUNNEL_TLS                speak TLS, when set to anything\n"
    "  RUNNEL_TLS_CA             trusted certificates, as --tls-ca\n"
    "  RUNNEL_TLS_NAME           name in the certificate, as --tls-name\n"
    "  NO_COLOR                  no colour, when set to anything\n"
    "\nExit status:\n"
    "  0    done; of a watched job: it succeeded\n"
    "  1    the operation failed\n"
    "  2    the command line is wrong\n"
    "  3    the core cannot be reached\n"
    "  4    no such job, stream or file\n"
    "  5    the watched job failed\n"
    "  6    the watched job was cancelled or expired\n"
    "  7    no token, or one that does not allow this\n"
    "  130  interrupted by Ctrl-C\n"
    "\nrunnel COMMAND --help explains a command, with examples.\n";

void cli_help_add(struct cli_buf *buf, const struct cli_command *command,
                  const char *group)
{
    if (command) {
        add_command(buf, command);
        return;
    }
    if (group) {
        cli_buf_printf(buf, "usage: runnel %s COMMAND\n\n%s\n\nCommands:\n",
                       group, cli_group_summary(group));
        add_list(buf, group);
        return;
    }
    cli_buf_text(buf, "usage: runnel COMMAND [FLAGS]\n\n"
                      "Streaming jobs and live statistics, from the command "
                      "line.\n\nCommands:\n");
    add_list(buf, NULL);
    add_flags(buf, "Global flags", cli_global_flags);
    cli_buf_text(buf, program_tail);
}
