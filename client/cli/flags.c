/* SPDX-License-Identifier: Apache-2.0 */
#include "flags.h"

#include <stdlib.h>
#include <string.h>

int cli_flag_size(const struct cli_context *context,
                  const struct cli_args *args, const char *name,
                  uint64_t *ret_bytes)
{
    static const char units[] = "KMGT";
    const char *text = cli_args_get(args, name);
    if (!text)
        return CLI_EXIT_OK;
    size_t digits = strspn(text, "0123456789");
    const char *unit =
        text[digits] == '\0' ? NULL : strchr(units, text[digits]);
    bool valid = digits > 0 && digits <= 15 &&
                 (text[digits] == '\0' || (unit && text[digits + 1] == '\0'));
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    uint64_t number = valid ? strtoull(text, NULL, 10) : 0;
    if (!valid || number > UINT64_MAX >> shift)
        return cli_usage_error(context,
                               "--%s %s: must be a size such as 65536, 64K or "
                               "16M",
                               name, text);
    *ret_bytes = number << shift;
    return CLI_EXIT_OK;
}

/* The name is copied into the same block as "name\0value". */
static struct rnl_pair cut_pair(const char *text, size_t name_len)
{
    char *copy = cli_strdup(text);
    copy[name_len] = '\0';
    return (struct rnl_pair){copy, copy + name_len + 1};
}

int cli_flag_pairs(const struct cli_context *context,
                   const struct cli_args *args, const char *name,
                   struct rnl_pair **ret_pairs, size_t *ret_count)
{
    struct rnl_pair *pairs = NULL;
    size_t count = 0;
    size_t at = 0;
    for (const char *text; (text = cli_args_next(args, name, &at));) {
        size_t name_len = strcspn(text, "=");
        if (name_len == 0 || text[name_len] == '\0') {
            cli_pairs_free(pairs, count);
            return cli_usage_error(context, "--%s %s: write name=value", name,
                                   text);
        }
        pairs = cli_realloc(pairs, (count + 1) * sizeof(*pairs));
        pairs[count++] = cut_pair(text, name_len);
    }
    *ret_pairs = pairs;
    *ret_count = count;
    return CLI_EXIT_OK;
}

void cli_pairs_free(struct rnl_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cli_free((char *)pairs[i].key);
    cli_free(pairs);
}
