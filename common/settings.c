/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ENV_NAME_MAX 128

struct unit {
    const char *suffix;
    uint64_t factor;
};

static const struct unit byte_units[] = {
    {"", 1}, {"K", 1024}, {"M", 1024 * 1024}, {"G", 1024 * 1024 * 1024}};
static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}};
static const struct unit no_units[] = {{"", 1}};

static bool fail(struct rnl_settings *settings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(struct rnl_settings *settings, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(settings->error, sizeof(settings->error), format, args);
    va_end(args);
    return false;
}

static const struct unit *units_of(enum rnl_setting_type type,
                                   size_t *ret_count)
{
    if (type == RNL_SETTING_BYTES) {
        *ret_count = sizeof(byte_units) / sizeof(byte_units[0]);
        return byte_units;
    }
    if (type == RNL_SETTING_DURATION) {
        *ret_count = sizeof(duration_units) / sizeof(duration_units[0]);
        return duration_units;
    }
    *ret_count = 1;
    return no_units;
}

static bool parse_number(enum rnl_setting_type type, const char *text,
                         uint64_t *ret_value)
{
    if (!isdigit((unsigned char)*text))
        return false;
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    size_t count;
    const struct unit *units = units_of(type, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(end, units[i].suffix) == 0)
            return !__builtin_mul_overflow(number, units[i].factor, ret_value);
    return false;
}

/* Writes a number with the largest unit that leaves it whole. */
static void format_number(enum rnl_setting_type type, uint64_t number,
                          char *out, size_t cap)
{
    size_t count;
    const struct unit *units = units_of(type, &count);
    size_t best = 0;
    for (size_t i = 0; i < count; i++)
        if (number > 0 && number % units[i].factor == 0)
            best = i;
    snprintf(out, cap, "%llu%s",
             (unsigned long long)(number / units[best].factor),
             units[best].suffix);
}

static bool set_number(struct rnl_settings *settings,
                       const struct rnl_setting *setting, const char *origin,
                       const char *text)
{
    uint64_t number;
    char low[32], high[32];
    if (!parse_number(setting->type, text, &number)) {
        static const char *const wanted[] = {
            [RNL_SETTING_COUNT] = "a number",
            [RNL_SETTING_BYTES] = "a size such as 65536, 64K or 1M",
            [RNL_SETTING_DURATION] = "a time such as 250ms, 30s or 5m",
        };
        return fail(settings, "%s: must be %s, not \"%s\"", origin,
                    wanted[setting->type], text);
    }
    if (number < setting->min || number > setting->max) {
        format_number(setting->type, setting->min, low, sizeof(low));
        format_number(setting->type, setting->max, high, sizeof(high));
        return fail(settings, "%s: must be between %s and %s, not \"%s\"",
                    origin, low, high, text);
    }
    *(uint64_t *)setting->target = number;
    return true;
}

static bool set_flag(struct rnl_settings *settings,
                     const struct rnl_setting *setting, const char *origin,
                     const char *text)
{
    bool on = strcmp(text, "true") == 0;
    if (!on && strcmp(text, "false") != 0)
        return fail(settings, "%s: must be true or false, not \"%s\"", origin,
                    text);
    *(bool *)setting->target = on;
    return true;
}

static bool set_value(struct rnl_settings *settings,
                      const struct rnl_setting *setting, const char *origin,
                      const char *text)
{
    switch (setting->type) {
    case RNL_SETTING_TEXT:
        *(const char **)setting->target = text;
        return true;
    case RNL_SETTING_FLAG:
        return set_flag(settings, setting, origin, text);
    default:
        return set_number(settings, setting, origin, text);
    }
}

static const struct rnl_setting *find(const struct rnl_settings *settings,
                                      const char *name, size_t len)
{
    for (size_t i = 0; i < settings->count; i++) {
        const char *candidate = settings->table[i].name;
        if (strlen(candidate) == len && memcmp(candidate, name, len) == 0)
            return &settings->table[i];
    }
    return NULL;
}

/* --- the environment --- */

static void env_name(const struct rnl_settings *settings, const char *name,
                     char out[ENV_NAME_MAX])
{
    snprintf(out, ENV_NAME_MAX, "%s_%s", settings->env_prefix, name);
    for (char *at = out; *at != '\0'; at++)
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
}

static const char *env_value(char **environment, const char *name)
{
    size_t len = strlen(name);
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
            return *environment + len + 1;
    return NULL;
}

static bool load_environment(struct rnl_settings *settings, char **environment)
{
    for (size_t i = 0; i < settings->count; i++) {
        const struct rnl_setting *setting = &settings->table[i];
        char derived[ENV_NAME_MAX];
        env_name(settings, setting->name, derived);
        const char *name = setting->env != NULL ? setting->env : derived;
        const char *value = env_value(environment, name);
        if (value != NULL && !set_value(settings, setting, name, value))
            return false;
    }
    return true;
}

/* --- the file --- */

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    return text;
}

static bool load_line(struct rnl_settings *settings, const char *path,
                      int number, char *line)
{
    line = trim(line);
    if (*line == '\0' || *line == '#')
        return true;
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return fail(settings, "%s:%d: must be \"name = value\"", path, number);
    *equals = '\0';
    char *name = trim(line);
    const struct rnl_setting *setting = find(settings, name, strlen(name));
    if (setting == NULL)
        return fail(settings, "%s:%d: there is no setting \"%s\"", path, number,
                    name);
    char origin[RNL_SETTINGS_ERROR_MAX / 2];
    snprintf(origin, sizeof(origin), "%s:%d: %s", path, number, name);
    return set_value(settings, setting, origin, trim(equals + 1));
}

static bool read_file(struct rnl_settings *settings, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail(settings, "%s: %s", path, strerror(errno));
    char *text = malloc(RNL_SETTINGS_FILE_BYTES_MAX + 1);
    if (text == NULL) {
        fclose(file);
        return fail(settings, "%s: out of memory", path);
    }
    size_t len = fread(text, 1, RNL_SETTINGS_FILE_BYTES_MAX + 1, file);
    bool broken = ferror(file) != 0;
    fclose(file);
    settings->file_text = text;
    if (broken)
        return fail(settings, "%s: cannot be read", path);
    if (len > RNL_SETTINGS_FILE_BYTES_MAX)
        return fail(settings, "%s: must have at most %d bytes", path,
                    RNL_SETTINGS_FILE_BYTES_MAX);
    text[len] = '\0';
    return true;
}

static bool load_file(struct rnl_settings *settings, const char *path)
{
    if (!read_file(settings, path))
        return false;
    int number = 1;
    char *line = settings->file_text;
    while (line != NULL) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (!load_line(settings, path, number++, line))
            return false;
        line = next;
    }
    return true;
}

/* --- the command line --- */

/* What belongs to every program, and is looked for before all else. */
struct command_line {
    const char *config;
    bool help;
    bool version;
    bool check;
};

/* Whether argv[*index] is the option name; a value may be in the next
 * argument, which is then skipped. *ret_value is NULL when there is none. */
static bool option_value(int argc, char **argv, int *index, const char *name,
                         const char **ret_value)
{
    const char *arg = argv[*index];
    size_t len = strlen(name);
    if (strncmp(arg, "--", 2) != 0 || strncmp(arg + 2, name, len) != 0)
        return false;
    if (arg[2 + len] == '=') {
        *ret_value = arg + 2 + len + 1;
        return true;
    }
    if (arg[2 + len] != '\0')
        return false;
    *ret_value = *index + 1 < argc ? argv[++*index] : NULL;
    return true;
}

static bool take_flag(struct rnl_settings *settings, const char *arg)
{
    bool on = strncmp(arg, "no-", 3) != 0;
    const char *name = on ? arg : arg + 3;
    const struct rnl_setting *setting = find(settings, name, strlen(name));
    if (setting == NULL || setting->type != RNL_SETTING_FLAG)
        return false;
    *(bool *)setting->target = on;
    return true;
}

static bool take_setting(struct rnl_settings *settings, int argc, char **argv,
                         int *index)
{
    const char *arg = argv[*index];
    if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0')
        return fail(settings, "unexpected argument \"%s\"", arg);
    if (take_flag(settings, arg + 2))
        return true;
    size_t len = strcspn(arg + 2, "=");
    const struct rnl_setting *setting = find(settings, arg + 2, len);
    if (setting == NULL)
        return fail(settings, "there is no option \"%.*s\"", (int)(len + 2),
                    arg);
    const char *value = NULL;
    option_value(argc, argv, index, setting->name, &value);
    char origin[ENV_NAME_MAX];
    snprintf(origin, sizeof(origin), "--%s", setting->name);
    if (value == NULL)
        return fail(settings, "%s: needs a value", origin);
    return set_value(settings, setting, origin, value);
}

/* Reads the command line twice: first for the file's name, since the file is
 * applied first, then for the settings. */
static bool scan(struct rnl_settings *settings, int argc, char **argv,
                 struct command_line *ret_line, bool apply)
{
    for (int i = 1; i < argc; i++) {
        const char *value;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            ret_line->help = true;
        } else if (strcmp(argv[i], "--version") == 0) {
            ret_line->version = true;
        } else if (strcmp(argv[i], "--check-config") == 0) {
            ret_line->check = true;
        } else if (option_value(argc, argv, &i, "config", &value)) {
            if (value == NULL)
                return fail(settings, "--config: needs a value");
            ret_line->config = value;
        } else if (apply && !take_setting(settings, argc, argv, &i)) {
            return false;
        }
    }
    return true;
}

static bool load_all(struct rnl_settings *settings, int argc, char **argv,
                     char **environment, struct command_line *line)
{
    char config_env[ENV_NAME_MAX];
    env_name(settings, "config", config_env);
    if (line->config == NULL)
        line->config = env_value(environment, config_env);
    if (line->config != NULL && !load_file(settings, line->config))
        return false;
    return load_environment(settings, environment) &&
           scan(settings, argc, argv, line, true);
}

enum rnl_settings_result rnl_settings_load(struct rnl_settings *settings,
                                           int argc, char **argv,
                                           char **environment)
{
    struct command_line line = {0};
    if (!scan(settings, argc, argv, &line, false))
        return RNL_SETTINGS_ERROR;
    if (line.help) {
        rnl_settings_print_help(settings, stdout);
        return RNL_SETTINGS_DONE;
    }
    if (line.version) {
        printf("%s %s\n", settings->program, settings->version);
        return RNL_SETTINGS_DONE;
    }
    if (!load_all(settings, argc, argv, environment, &line))
        return RNL_SETTINGS_ERROR;
    return line.check ? RNL_SETTINGS_CHECK : RNL_SETTINGS_RUN;
}

void rnl_settings_fini(struct rnl_settings *settings)
{
    free(settings->file_text);
    settings->file_text = NULL;
}

/* --- help --- */

static void print_default(const struct rnl_setting *setting, FILE *out)
{
    char number[32];
    if (setting->secret)
        return;
    switch (setting->type) {
    case RNL_SETTING_TEXT:
        if (*(const char **)setting->target != NULL)
            fprintf(out, " [%s]", *(const char **)setting->target);
        return;
    case RNL_SETTING_FLAG:
        fprintf(out, " [%s]", *(bool *)setting->target ? "true" : "false");
        return;
    default:
        format_number(setting->type, *(uint64_t *)setting->target, number,
                      sizeof(number));
        fprintf(out, " [%s]", number);
    }
}

static void print_setting(const struct rnl_settings *settings,
                          const struct rnl_setting *setting, FILE *out)
{
    char derived[ENV_NAME_MAX];
    env_name(settings, setting->name, derived);
    fprintf(out, "  --%s", setting->name);
    if (setting->placeholder != NULL)
        fprintf(out, " %s", setting->placeholder);
    fprintf(out, "  (%s)\n      %s",
            setting->env != NULL ? setting->env : derived, setting->help);
    print_default(setting, out);
    fputc('\n', out);
}

void rnl_settings_print_help(const struct rnl_settings *settings, FILE *out)
{
    fprintf(out, "Usage: %s [OPTION...]\n%s\n\n", settings->program,
            settings->summary);
    fprintf(out, "Each option can also be given by the environment variable "
                 "in brackets, or as a line\n\"name = value\" of the "
                 "configuration file; the first of the three counts.\n\n");
    for (size_t i = 0; i < settings->count; i++)
        print_setting(settings, &settings->table[i], out);
    fprintf(out,
            "  --config FILE  (%s_CONFIG)\n"
            "      The configuration file.\n"
            "  --check-config\n      Check the settings and exit.\n"
            "  --help\n  --version\n",
            settings->env_prefix);
}

/* --- helpers for values --- */

const char *rnl_settings_read_secret(const char *path, char *out, size_t cap)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return strerror(errno);
    size_t len = fread(out, 1, cap, file);
    fclose(file);
    size_t line_len = 0;
    while (line_len < len && out[line_len] != '\n' && out[line_len] != '\r')
        line_len++;
    if (line_len == cap)
        return "is too long";
    out[line_len] = '\0';
    return line_len == 0 ? "its first line is empty" : NULL;
}

bool rnl_settings_split_address(const char *text, char *host, size_t cap,
                                uint16_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return false;
    const char *start = text;
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        start++;
        len -= 2;
    } else if (memchr(text, ':', len) != NULL) {
        return false; /* An IPv6 address without brackets. */
    }
    uint64_t port;
    if (len == 0 || len >= cap ||
        !parse_number(RNL_SETTING_COUNT, colon + 1, &port) || port > UINT16_MAX)
        return false;
    memcpy(host, start, len);
    host[len] = '\0';
    *ret_port = (uint16_t)port;
    return true;
}
