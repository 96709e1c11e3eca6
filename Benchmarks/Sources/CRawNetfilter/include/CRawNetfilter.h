/* The peer of `gate.*`: the smallest program that adds elements to an nftables map with libnftnl and libmnl. */
#ifndef SEKISHO_CRAWNETFILTER_H
#define SEKISHO_CRAWNETFILTER_H

#include <stdint.h>

typedef struct CRawNetfilter_map CRawNetfilter_map;

/* A map `type ipv4_addr . inet_service : ipv4_addr; flags timeout` of the netdev family. NULL when no socket is to be
   had. The names are not copied. */
CRawNetfilter_map *CRawNetfilter_open(const char *table, const char *map);

/* Adds `count` elements, port, port + 1 and so on, in one transaction, and waits for the kernel's answer. The address
   is in network order and is also the data. Returns 0 or a negative errno. */
int CRawNetfilter_add(CRawNetfilter_map *map, uint32_t address, uint16_t port, int count);

/* Deletes them likewise. */
int CRawNetfilter_delete(CRawNetfilter_map *map, uint32_t address, uint16_t port, int count);

/* Adds `count` elements to a map `type ipv4_addr . inet_service . ipv4_addr . inet_service : ipv4_addr; flags timeout;
   counter`, all in one transaction. Returns 0 or a negative errno. */
int CRawNetfilter_fill(CRawNetfilter_map *map, int count);

/* Deletes and adds those elements, so many together in each transaction. */
int CRawNetfilter_renew(CRawNetfilter_map *map, int count, int together);

#endif
