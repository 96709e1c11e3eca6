#include "CRawNetfilter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#define TIMEOUT_MS 3600000

struct CRawNetfilter_map {
    struct mnl_socket *socket;
    const char *table;
    const char *map;
    uint32_t sequence;
};

CRawNetfilter_map *CRawNetfilter_open(const char *table, const char *name)
{
    CRawNetfilter_map *map = calloc(1, sizeof *map);
    if (!map)
        return NULL;
    map->table = table;
    map->map = name;
    map->sequence = 1;
    map->socket = mnl_socket_open(NETLINK_NETFILTER);
    if (map->socket && mnl_socket_bind(map->socket, 0, MNL_SOCKET_AUTOPID) == 0)
        return map;
    free(map);
    return NULL;
}

static int change(CRawNetfilter_map *map, uint16_t type, uint16_t flags, uint32_t address, uint16_t port, int count)
{
    char buffer[65536];
    struct mnl_nlmsg_batch *batch = mnl_nlmsg_batch_start(buffer, sizeof buffer);
    nftnl_batch_begin(mnl_nlmsg_batch_current(batch), map->sequence++);
    mnl_nlmsg_batch_next(batch);

    struct nftnl_set *set = nftnl_set_alloc();
    nftnl_set_set_str(set, NFTNL_SET_TABLE, map->table);
    nftnl_set_set_str(set, NFTNL_SET_NAME, map->map);
    for (int i = 0; i < count; i++) {
        struct nftnl_set_elem *element = nftnl_set_elem_alloc();
        uint8_t key[8] = {0};
        uint16_t network = htons((uint16_t)(port + i));
        memcpy(key, &address, 4);
        memcpy(key + 4, &network, 2);
        nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key, sizeof key);
        if (type == NFT_MSG_NEWSETELEM) {
            nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, &address, sizeof address);
            nftnl_set_elem_set_u64(element, NFTNL_SET_ELEM_TIMEOUT, TIMEOUT_MS);
        }
        nftnl_set_elem_add(set, element);
    }
    struct nlmsghdr *header = nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(batch), type, NFPROTO_NETDEV,
                                                    (uint16_t)(flags | NLM_F_ACK), map->sequence++);
    nftnl_set_elems_nlmsg_build_payload(header, set);
    nftnl_set_free(set);
    mnl_nlmsg_batch_next(batch);
    nftnl_batch_end(mnl_nlmsg_batch_current(batch), map->sequence++);
    mnl_nlmsg_batch_next(batch);

    int result = 0;
    if (mnl_socket_sendto(map->socket, mnl_nlmsg_batch_head(batch), mnl_nlmsg_batch_size(batch)) < 0)
        result = -errno;
    mnl_nlmsg_batch_stop(batch);
    if (result == 0) {
        char answer[8192];
        ssize_t length = mnl_socket_recvfrom(map->socket, answer, sizeof answer);
        if (length < 0 || mnl_cb_run(answer, (size_t)length, 0, mnl_socket_get_portid(map->socket), NULL, NULL) < 0)
            result = -errno;
    }
    return result;
}

int CRawNetfilter_add(CRawNetfilter_map *map, uint32_t address, uint16_t port, int count)
{
    return change(map, NFT_MSG_NEWSETELEM, NLM_F_CREATE, address, port, count);
}

int CRawNetfilter_delete(CRawNetfilter_map *map, uint32_t address, uint16_t port, int count)
{
    return change(map, NFT_MSG_DELSETELEM, 0, address, port, count);
}
