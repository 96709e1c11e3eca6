/* The system's resolver, resolver(3) and getaddrinfo(3): its state is a struct full of macros and unions that Swift's
   Glibc module leaves out. Both calls block; each uses a state of its own or the calling thread's, read anew each time, so
   that a changed /etc/resolv.conf is seen. */
#ifndef SEKISHO_CLINUX_RESOLVER_H
#define SEKISHO_CLINUX_RESOLVER_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How name servers are asked. */
struct CLinux_resolver {
    const struct sockaddr_in *servers; /* instead of those of /etc/resolv.conf */
    int server_count;                  /* 0: those of /etc/resolv.conf; at most MAXNS, 3 */
    int seconds;                       /* to wait for one server; with resolv.conf's servers, the most */
    int attempts;                      /* rounds over all servers; with resolv.conf's servers, the most */
};

/* What became of a question; errno values are positive, these are below. */
enum {
    CLinux_resolver_no_answer = -1,  /* no server gave a usable answer, or none in time */
    CLinux_resolver_no_server = -2,  /* nobody to ask */
    CLinux_resolver_bad_name = -3,   /* the name cannot be asked for */
    CLinux_resolver_no_name = -4,    /* no such name, or no address of the family */
};

/* res_nmkquery(3) and res_nsend(3) for one name, class IN, without search domains: the whole answer, over TCP when it is
   too long for a datagram. res_nquery(3) does the same, but hides the length of an answer without records, and with it
   how long that may be believed.
   Octets written, or a negative value of the enumeration, or an error number through *error and -5. */
ssize_t CLinux_resolver_query(const struct CLinux_resolver *resolver, const char *name, int type, uint8_t *answer,
                              size_t capacity, int *error);

/* getaddrinfo(3) for the addresses of one family, without search domains: /etc/hosts and whatever else nsswitch.conf
   names. Addresses of 4 or 16 octets each, one behind the other, in the order of RFC 6724.
   How many, at most count; or as above. */
int CLinux_resolver_addresses(const struct CLinux_resolver *resolver, const char *name, int family, uint8_t *addresses,
                              int count, int *error);

#endif
