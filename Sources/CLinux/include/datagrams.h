/* Datagrams by the batch: sendmmsg(2) and struct mmsghdr are behind _GNU_SOURCE, which Swift's Glibc module is not. */
#ifndef SEKISHO_CLINUX_DATAGRAMS_H
#define SEKISHO_CLINUX_DATAGRAMS_H

#include <stdint.h>
#include <sys/types.h>

/* One datagram that is to be sent: where it lies in a buffer and where it goes. */
struct CLinux_datagram {
    uint32_t offset;
    uint32_t length;
    uint16_t port;        /* host byte order */
    uint16_t width;       /* octets of the address: 4 or 16 */
    uint8_t address[16];  /* network byte order */
};

/* A UDP socket on an address of 4 or 16 octets, with buffers of that many octets each way as far as the system lets
   it have them; close-on-exec, non-blocking. The descriptor, or -1 and errno. */
int CLinux_bind_datagrams(const uint8_t *address, int width, uint16_t port, int buffer);

/* sendmmsg(2) without waiting, 64 at most: how many were handed to the network, or -1 and errno, which is about the first.
   Fewer than count: the one behind them could not be sent, and the next call says why. */
int CLinux_send_datagrams(int fd, const uint8_t *octets, const struct CLinux_datagram *datagrams, unsigned count);

#endif
