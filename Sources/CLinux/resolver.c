#define _GNU_SOURCE
#include "resolver.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <string.h>
#include <sys/socket.h>

enum { failed = -5 };

static void configure(res_state state, const struct CLinux_resolver *resolver) {
    /* A name of a URI is whole: search domains would lead it elsewhere. */
    state->options &= ~(unsigned long)(RES_DEFNAMES | RES_DNSRCH);
    state->options |= RES_NOALIASES;
    if (state->retrans > resolver->seconds) state->retrans = resolver->seconds;
    if (state->retry > resolver->attempts) state->retry = resolver->attempts;
    if (resolver->server_count == 0) return;
    state->retrans = resolver->seconds;
    state->retry = resolver->attempts;
    state->nscount = resolver->server_count < MAXNS ? resolver->server_count : MAXNS;
    for (int index = 0; index < state->nscount; index++) state->nsaddr_list[index] = resolver->servers[index];
}

static ssize_t send_error(int code, int *error) {
    switch (code) {
    case ETIMEDOUT:
    case ECONNRESET:
        return CLinux_resolver_no_answer;
    case ECONNREFUSED:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ESRCH:
        return CLinux_resolver_no_server;
    default:
        *error = code;
        return failed;
    }
}

ssize_t CLinux_resolver_query(const struct CLinux_resolver *resolver, const char *name, int type, uint8_t *answer,
                              size_t capacity, int *error) {
    struct __res_state state;
    memset(&state, 0, sizeof state);
    errno = 0;
    if (res_ninit(&state) != 0) {
        *error = errno;
        return failed;
    }
    configure(&state, resolver);
    uint8_t query[NS_PACKETSZ];
    ssize_t result = CLinux_resolver_bad_name;
    int length = res_nmkquery(&state, ns_o_query, name, ns_c_in, type, NULL, 0, NULL, query, sizeof query);
    if (length > 0) {
        errno = 0;
        result = res_nsend(&state, query, length, answer, capacity > NS_MAXMSG ? NS_MAXMSG : (int)capacity);
        if (result < 0) result = send_error(errno, error);
    }
    res_nclose(&state);
    return result;
}

static int address_error(int code, int *error) {
    int number = errno;
    switch (code) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return CLinux_resolver_no_name;
    case EAI_AGAIN:
    case EAI_FAIL:
        return CLinux_resolver_no_answer;
    case EAI_MEMORY:
        *error = ENOMEM;
        return failed;
    case EAI_SYSTEM:
        return (int)send_error(number, error);
    default:
        *error = EINVAL;
        return failed;
    }
}

int CLinux_resolver_addresses(const struct CLinux_resolver *resolver, const char *name, int family, uint8_t *addresses,
                              int count, int *error) {
    /* getaddrinfo(3) takes the calling thread's state, _res. */
    errno = 0;
    if (res_init() != 0) {
        *error = errno;
        return failed;
    }
    configure(&_res, resolver);
    /* One type of socket, or every address would come once for each. */
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *list = NULL;
    errno = 0;
    int code = getaddrinfo(name, NULL, &hints, &list);
    if (code != 0) return address_error(code, error);
    int found = 0;
    for (const struct addrinfo *entry = list; entry != NULL && found < count; entry = entry->ai_next) {
        if (entry->ai_family != family) continue;
        if (family == AF_INET) {
            memcpy(addresses + found * 4, &((const struct sockaddr_in *)entry->ai_addr)->sin_addr, 4);
        } else {
            memcpy(addresses + found * 16, &((const struct sockaddr_in6 *)entry->ai_addr)->sin6_addr, 16);
        }
        found++;
    }
    freeaddrinfo(list);
    return found == 0 ? CLinux_resolver_no_name : found;
}
