/* SPDX-License-Identifier: Apache-2.0 */
#include "sockaddr.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "settings.h"

#define HOST_MAX 256

const char *rnl_sockaddr_find(const char *text,
                              struct sockaddr_storage *ret_address,
                              socklen_t *ret_len)
{
    char host[HOST_MAX], service[8];
    uint16_t port;
    if (!rnl_settings_split_address(text, host, sizeof(host), &port))
        return "must be HOST:PORT or [HOST]:PORT";
    snprintf(service, sizeof(service), "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    int error = getaddrinfo(host, service, &hints, &found);
    if (error != 0)
        return gai_strerror(error);
    memcpy(ret_address, found->ai_addr, found->ai_addrlen);
    *ret_len = found->ai_addrlen;
    freeaddrinfo(found);
    return NULL;
}

bool rnl_sockaddr_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    return true;
}

void rnl_sockaddr_format(const struct sockaddr_storage *address,
                         char ret_text[RNL_SOCKADDR_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(ret_text, RNL_SOCKADDR_TEXT_MAX, "[%s]:%u", host,
                 ntohs(in6->sin6_port));
    } else if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(ret_text, RNL_SOCKADDR_TEXT_MAX, "%s:%u", host,
                 ntohs(in->sin_port));
    } else {
        snprintf(ret_text, RNL_SOCKADDR_TEXT_MAX, "local");
    }
}
