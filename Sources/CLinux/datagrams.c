#define _GNU_SOURCE
#include "datagrams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Datagrams of one sendmmsg(2). */
enum { batch = 64 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t fill(union address *to, const uint8_t *address, int width, uint16_t port) {
    if (width == 4) {
        to->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&to->v4.sin_addr, address, 4);
        return sizeof to->v4;
    }
    to->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&to->v6.sin6_addr, address, 16);
    return sizeof to->v6;
}

int CLinux_bind_datagrams(const uint8_t *address, int width, uint16_t port, int buffer) {
    union address local;
    socklen_t length = fill(&local, address, width, port);
    int fd = socket(local.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer) == 0 &&
        bind(fd, &local.any, length) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int CLinux_send_datagrams(int fd, const uint8_t *octets, const struct CLinux_datagram *datagrams, unsigned count) {
    struct mmsghdr messages[batch];
    struct iovec vectors[batch];
    union address addresses[batch];
    if (count > batch) count = batch;
    for (unsigned i = 0; i < count; i++) {
        vectors[i] = (struct iovec){(void *)(octets + datagrams[i].offset), datagrams[i].length};
        socklen_t length = fill(&addresses[i], datagrams[i].address, datagrams[i].width, datagrams[i].port);
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &addresses[i], .msg_namelen = length, .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    int sent;
    do sent = sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}
