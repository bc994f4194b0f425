/* SPDX-License-Identifier: Apache-2.0 */
#include "name_list.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#define SEPARATORS ", "

#define LOWER    "abcdefghijklmnopqrstuvwxyz"
#define DIGITS   "0123456789"
#define PORT_MAX 65535

/* A host name has at most 253 bytes; with a scheme and a port an item has fewer
 * than these. */
#define ITEM_MAX 320

/* Of an item that an error repeats. */
#define ECHOED_MAX 128

const char *rnl_name_list_next(const char **at, size_t *ret_len)
{
    const char *item = *at + strspn(*at, SEPARATORS);
    *ret_len = strcspn(item, SEPARATORS);
    *at = item + *ret_len;
    return *ret_len > 0 ? item : NULL;
}

/* Copies the next item in lower case. False: there is none. What is too long is
 * cut, and then still too long for a host. */
static bool next_item(const char **at, char item[ITEM_MAX])
{
    size_t len;
    const char *text = rnl_name_list_next(at, &len);
    size_t kept = len < ITEM_MAX ? len : ITEM_MAX - 1;
    for (size_t i = 0; i < kept; i++)
        item[i] = (char)tolower((unsigned char)text[i]);
    item[kept] = '\0';
    return text != NULL;
}

/* --- hosts --- */

static bool is_ipv6(const char *text, size_t len)
{
    char inner[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (len < 2 || text[len - 1] != ']' || len - 2 >= sizeof(inner))
        return false;
    memcpy(inner, text + 1, len - 2);
    inner[len - 2] = '\0';
    return inet_pton(AF_INET6, inner, &address) == 1;
}

/* RFC 952 and 1123; an underscore is no letter of a host, but is met. */
static bool is_host(const char *text, size_t len)
{
    if (len > 0 && text[0] == '[')
        return is_ipv6(text, len);
    return len > 0 && len <= 253 && text[0] != '.' && text[0] != '-' &&
           strspn(text, LOWER DIGITS ".-_") >= len;
}

bool rnl_name_list_is_hosts(const char *list,
                            char ret_error[RNL_NAME_LIST_ERROR_MAX])
{
    char item[ITEM_MAX];
    while (next_item(&list, item)) {
        if (is_host(item, strlen(item)))
            continue;
        snprintf(ret_error, RNL_NAME_LIST_ERROR_MAX,
                 "\"%.*s\" must be a host: a name or an address ([...] around "
                 "IPv6), without scheme, port and path",
                 ECHOED_MAX, item);
        return false;
    }
    return true;
}

/* --- origins --- */

/* What follows the host: nothing, or ":" and a port. */
static bool is_port(const char *text)
{
    char *end;
    if (*text == '\0')
        return true;
    unsigned long port = strtoul(text + 1, &end, 10);
    return *text == ':' && strspn(text + 1, DIGITS) == strlen(text + 1) &&
           *end == '\0' && port >= 1 && port <= PORT_MAX;
}

static size_t host_len(const char *text)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
    return end != NULL ? (size_t)(end - text) + 1 : strcspn(text, ":/");
}

/* The scheme's own port is not in what browsers send. */
static void cut_own_port(char *item, char *port)
{
    bool is_own =
        (strncmp(item, "https:", 6) == 0 && strcmp(port, ":443") == 0) ||
        (strncmp(item, "http:", 5) == 0 && strcmp(port, ":80") == 0);
    if (is_own)
        *port = '\0';
}

static bool normalise_origin(char *item)
{
    if (strcmp(item, "*") == 0)
        return true;
    size_t scheme = strspn(item, LOWER DIGITS "+-.");
    if (scheme == 0 || strncmp(item + scheme, "://", 3) != 0)
        return false;
    char *host = item + scheme + 3;
    char *port = host + host_len(host);
    if (!is_host(host, (size_t)(port - host)) || !is_port(port))
        return false;
    cut_own_port(item, port);
    return true;
}

char *rnl_name_list_origins(const char *list,
                            char ret_error[RNL_NAME_LIST_ERROR_MAX])
{
    char item[ITEM_MAX];
    char *made = rnl_calloc(1, strlen(list) + 1);
    size_t len = 0;
    snprintf(ret_error, RNL_NAME_LIST_ERROR_MAX, "memory is out");
    while (made != NULL && next_item(&list, item)) {
        if (!normalise_origin(item)) {
            snprintf(ret_error, RNL_NAME_LIST_ERROR_MAX,
                     "\"%.*s\" must be an origin, SCHEME://HOST or "
                     "SCHEME://HOST:PORT without a path, or *",
                     ECHOED_MAX, item);
            rnl_free(made);
            return NULL;
        }
        if (len > 0)
            made[len++] = ',';
        memcpy(made + len, item, strlen(item) + 1);
        len += strlen(item);
    }
    return made;
}
