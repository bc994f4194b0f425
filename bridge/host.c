/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "name_list.h"

#define IPV6_PREFIX_BYTES 8

/* The name without its port; brackets stay. */
static size_t name_len(const char *host, size_t len)
{
    if (len > 0 && host[0] == '[') {
        const char *end = memchr(host, ']', len);
        return end != NULL ? (size_t)(end - host) + 1 : len;
    }
    const char *colon = memchr(host, ':', len);
    return colon != NULL ? (size_t)(colon - host) : len;
}

static bool equals(const char *name, size_t len, const char *wanted)
{
    return len == strlen(wanted) && strncasecmp(name, wanted, len) == 0;
}

static bool ends_with(const char *name, size_t len, const char *end)
{
    size_t end_len = strlen(end);
    return len > end_len && equals(name + len - end_len, end_len, end);
}

static bool is_loopback_address(const char *name, size_t len)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    if (len >= sizeof(text))
        return false;
    memcpy(text, name, len);
    text[len] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 &&
           ntohl(address.s_addr) >> 24 == 127;
}

bool rnl_host_is_loopback(const char *host, size_t len)
{
    len = name_len(host, len);
    /* What it mostly is comes first: the rest is dearer. */
    return equals(host, len, "127.0.0.1") || equals(host, len, "localhost") ||
           ends_with(host, len, ".localhost") || equals(host, len, "[::1]") ||
           is_loopback_address(host, len);
}

bool rnl_host_is_listed(const char *list, const char *host, size_t len)
{
    const char *item;
    size_t item_len;
    len = name_len(host, len);
    while (list != NULL &&
           (item = rnl_name_list_next(&list, &item_len)) != NULL) {
        if (item_len == len && strncasecmp(item, host, len) == 0)
            return true;
    }
    return false;
}

size_t rnl_host_client(const struct sockaddr *address, const void **ret_bytes)
{
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 =
            (const struct sockaddr_in6 *)(const void *)address;
        *ret_bytes = &in6->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ? 0 : IPV6_PREFIX_BYTES;
    }
    const struct sockaddr_in *in =
        (const struct sockaddr_in *)(const void *)address;
    if (address->sa_family != AF_INET ||
        ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
        return 0;
    *ret_bytes = &in->sin_addr;
    return sizeof(in->sin_addr);
}
