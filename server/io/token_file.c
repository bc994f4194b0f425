/* SPDX-License-Identifier: Apache-2.0 */
#include "token_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"

#define HASH_DIGITS ((size_t)2 * RNL_TOKEN_HASH_SIZE)

static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static bool read_hash(const char *text, uint8_t hash[RNL_TOKEN_HASH_SIZE])
{
    if (strlen(text) != HASH_DIGITS)
        return false;
    for (size_t i = 0; i < RNL_TOKEN_HASH_SIZE; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* NULL, or what is wrong. */
static const char *read_line(char *line, struct rnl_token_record *record)
{
    char *rest = line;
    char *hash = strsep(&rest, " \t");
    while (rest != NULL && (*rest == ' ' || *rest == '\t'))
        rest++;
    char *scopes = strsep(&rest, " \t");
    while (rest != NULL && (*rest == ' ' || *rest == '\t'))
        rest++;
    if (!read_hash(hash, record->hash))
        return "the first word must be a SHA-256 in 64 lower-case hex digits";
    if (scopes == NULL || !rnl_scopes_parse(scopes, &record->scopes))
        return "the second word must be scopes with commas, as jobs:read,work";
    if (rest == NULL || *rest == '\0' || strlen(rest) > RNL_TOKEN_NAME_MAX)
        return "a name of 1 to 64 bytes must follow the scopes";
    memcpy(record->name, rest, strlen(rest) + 1);
    memcpy(record->id, hash, RNL_TOKEN_ID_LEN);
    return NULL;
}

static const char *say(size_t number, const char *what)
{
    static char text[160];
    snprintf(text, sizeof(text), "line %zu: %s", number, what);
    return text;
}

static const char *read_lines(FILE *file, struct rnl_token_list *list)
{
    char line[RNL_TOKEN_FILE_LINE_MAX];
    for (size_t number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
        size_t len = strcspn(line, "\r\n");
        if (len == sizeof(line) - 1)
            return say(number, "is longer than 510 bytes");
        line[len] = '\0';
        if (len == 0 || line[0] == '#')
            continue;
        if (list->count == RNL_TOKENS_MAX)
            return say(number, "a server takes at most 1000 tokens");
        const char *wrong = read_line(line, &list->records[list->count]);
        if (wrong != NULL)
            return say(number, wrong);
        list->count++;
    }
    return ferror(file) ? "cannot be read" : NULL;
}

const char *rnl_token_file_read(const char *path,
                                struct rnl_token_list *ret_list)
{
    struct rnl_token_list list = {0};
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return strerror(errno);
    list.records = rnl_calloc(RNL_TOKENS_MAX, sizeof(list.records[0]));
    const char *wrong =
        list.records == NULL ? "memory is out" : read_lines(file, &list);
    fclose(file);
    if (wrong == NULL)
        *ret_list = list;
    else
        rnl_token_list_fini(&list);
    return wrong;
}

void rnl_token_list_fini(struct rnl_token_list *list)
{
    rnl_free(list->records);
    *list = (struct rnl_token_list){0};
}
