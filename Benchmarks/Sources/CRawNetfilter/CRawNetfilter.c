#include "CRawNetfilter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

/* Elements in one message: its nested attribute has a length of 16 bits. */
#define PER_MESSAGE 500
/* Octets of a message with so many, amply. */
#define MESSAGE_OCTETS (PER_MESSAGE * 96 + 512)

/* One message about the elements from `first` on. Returns where the next one begins. */
static char *append(CRawNetfilter_map *map, char *place, uint16_t type, uint16_t flags, int first, int count)
{
    uint32_t inside = htonl(0x0A010002), outside = htonl(0x0A020002);
    struct nftnl_set *set = nftnl_set_alloc();
    nftnl_set_set_str(set, NFTNL_SET_TABLE, map->table);
    nftnl_set_set_str(set, NFTNL_SET_NAME, map->map);
    for (int i = first; i < first + count; i++) {
        struct nftnl_set_elem *element = nftnl_set_elem_alloc();
        uint8_t key[16] = {0};
        uint16_t near = htons((uint16_t)(1024 + i % 60000)), far = htons((uint16_t)(1024 + i / 60000));
        memcpy(key, &inside, 4);
        memcpy(key + 4, &near, 2);
        memcpy(key + 8, &outside, 4);
        memcpy(key + 12, &far, 2);
        nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key, sizeof key);
        if (type == NFT_MSG_NEWSETELEM) {
            nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, &outside, sizeof outside);
            nftnl_set_elem_set_u64(element, NFTNL_SET_ELEM_TIMEOUT, TIMEOUT_MS);
        }
        nftnl_set_elem_add(set, element);
    }
    struct nlmsghdr *header = nftnl_nlmsg_build_hdr(place, type, NFPROTO_NETDEV, flags, map->sequence++);
    nftnl_set_elems_nlmsg_build_payload(header, set);
    nftnl_set_free(set);
    return place + NLMSG_ALIGN(header->nlmsg_len);
}

/* Sends what stands between the two places as one batch, of which the last message asks for an answer. */
static int commit(CRawNetfilter_map *map, char *start, char *end)
{
    int octets = 64 << 20;
    setsockopt(mnl_socket_get_fd(map->socket), SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof octets);
    if (mnl_socket_sendto(map->socket, start, (size_t)(end - start)) < 0)
        return -errno;
    char answer[8192];
    ssize_t length = mnl_socket_recvfrom(map->socket, answer, sizeof answer);
    if (length < 0 || mnl_cb_run(answer, (size_t)length, 0, mnl_socket_get_portid(map->socket), NULL, NULL) < 0)
        return -errno;
    return 0;
}

static int batch(CRawNetfilter_map *map, char *buffer, int deletes, int first, int count)
{
    char *place = buffer + NLMSG_ALIGN(nftnl_batch_begin(buffer, map->sequence++)->nlmsg_len);
    for (int done = 0; deletes && done < count; done += PER_MESSAGE)
        place = append(map, place, NFT_MSG_DELSETELEM, 0, first + done,
                       count - done < PER_MESSAGE ? count - done : PER_MESSAGE);
    for (int done = 0; done < count; done += PER_MESSAGE) {
        int isLast = count - done <= PER_MESSAGE;
        place = append(map, place, NFT_MSG_NEWSETELEM, NLM_F_CREATE | (isLast ? NLM_F_ACK : 0), first + done,
                       isLast ? count - done : PER_MESSAGE);
    }
    place += NLMSG_ALIGN(nftnl_batch_end(place, map->sequence++)->nlmsg_len);
    return commit(map, buffer, place);
}

static char *room(int count) { return malloc((size_t)(2 * (count / PER_MESSAGE + 1)) * MESSAGE_OCTETS + 4096); }

int CRawNetfilter_fill(CRawNetfilter_map *map, int count)
{
    char *buffer = room(count);
    int result = buffer ? batch(map, buffer, 0, 0, count) : -ENOMEM;
    free(buffer);
    return result;
}

int CRawNetfilter_renew(CRawNetfilter_map *map, int count, int together)
{
    char *buffer = room(together);
    int result = buffer ? 0 : -ENOMEM;
    for (int first = 0; first < count && result == 0; first += together)
        result = batch(map, buffer, 1, first, count - first < together ? count - first : together);
    free(buffer);
    return result;
}
