#define _GNU_SOURCE
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Frames of one recvmmsg(2); more than this many are fetched by the next call. */
enum { batch = 64 };

static int set_options(int fd, int receive_buffer) {
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) return -1;
    /* FORCE goes beyond net.core.rmem_max and needs CAP_NET_ADMIN, which a recorder has no other use for. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) == 0) return 0;
    return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
}

static int open_steps(int fd, const char *interface, int receive_buffer, enum CLinux_packet_step *step) {
    *step = CLinux_packet_options;
    if (set_options(fd, receive_buffer) != 0) return -1;

    *step = CLinux_packet_interface;
    unsigned index = if_nametoindex(interface);
    if (index == 0) return -1;

    *step = CLinux_packet_bind;
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return -1;
    /* bind(2) succeeds on an interface that is down and leaves ENETDOWN for the next call. */
    int pending;
    socklen_t pending_length = sizeof pending;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &pending_length) != 0) return -1;
    if (pending != 0) {
        errno = pending;
        return -1;
    }

    *step = CLinux_packet_link_type;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) return -1;
    if (address.sll_hatype != ARPHRD_ETHER && address.sll_hatype != ARPHRD_LOOPBACK) {
        errno = EPROTONOSUPPORT;
        return -1;
    }

    /* A mirrored frame keeps the link address of its first destination; a network card would drop it otherwise. */
    *step = CLinux_packet_options;
    struct packet_mreq promiscuous = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
    return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous);
}

int CLinux_packet_open(const char *interface, int receive_buffer, enum CLinux_packet_step *step) {
    *step = CLinux_packet_socket;
    /* Protocol 0: nothing arrives before the socket is bound to its interface. */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    if (open_steps(fd, interface, receive_buffer, step) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int CLinux_packet_receive(int fd, uint8_t *buffer, size_t stride, struct CLinux_frame *frames, unsigned count) {
    struct mmsghdr messages[batch];
    struct iovec vectors[batch];
    union {
        char octets[CMSG_SPACE(sizeof(struct timespec))];
        struct cmsghdr aligned;
    } controls[batch];
    if (count > batch) count = batch;
    for (unsigned i = 0; i < count; i++) {
        vectors[i] = (struct iovec){.iov_base = buffer + i * stride, .iov_len = stride};
        messages[i].msg_hdr = (struct msghdr){
            .msg_iov = &vectors[i],
            .msg_iovlen = 1,
            .msg_control = controls[i].octets,
            .msg_controllen = sizeof controls[i].octets,
        };
    }
    /* MSG_TRUNC: msg_len is the length on the wire, however little of it the buffer takes. */
    int received = recvmmsg(fd, messages, count, MSG_DONTWAIT | MSG_TRUNC, NULL);
    for (int i = 0; i < received; i++) {
        struct timespec time = {0, 0};
        struct msghdr *header = &messages[i].msg_hdr;
        for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
            if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS)
                memcpy(&time, CMSG_DATA(control), sizeof time);
        }
        uint32_t length = messages[i].msg_len;
        frames[i] = (struct CLinux_frame){
            .captured = length < stride ? length : (uint32_t)stride,
            .length = length,
            .seconds = time.tv_sec,
            .nanoseconds = time.tv_nsec,
        };
    }
    return received;
}

int CLinux_packet_drops(int fd, uint32_t *drops) {
    struct tpacket_stats statistics;
    socklen_t length = sizeof statistics;
    if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length) != 0) return -1;
    *drops = statistics.tp_drops;
    return 0;
}
