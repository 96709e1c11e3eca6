/* Capture by packet(7): the headers and macros of AF_PACKET and recvmmsg(2) that Swift's Glibc module leaves out. */
#ifndef SEKISHO_CLINUX_PACKET_H
#define SEKISHO_CLINUX_PACKET_H

#include <stdint.h>
#include <sys/types.h>

/* One frame as recvmmsg(2) delivered it. */
struct CLinux_frame {
    uint32_t captured;    /* octets in the buffer */
    uint32_t length;      /* octets on the wire, link header included */
    int64_t seconds;      /* CLOCK_REALTIME at which the kernel saw it */
    int64_t nanoseconds;
};

/* What went wrong in CLinux_packet_open. */
enum CLinux_packet_step {
    CLinux_packet_socket,      /* socket(2): EPERM without CAP_NET_RAW */
    CLinux_packet_options,     /* setsockopt(2) */
    CLinux_packet_interface,   /* if_nametoindex(3): ENODEV */
    CLinux_packet_bind,        /* bind(2) and what it leaves behind: ENETDOWN */
    CLinux_packet_link_type    /* EPROTONOSUPPORT: frames without an Ethernet header */
};

/* A non-blocking packet socket that gets every frame of one Ethernet interface, in both directions and whoever it is
   addressed to, with the kernel's time and room for receive_buffer octets. The descriptor, or -1, errno and the step. */
int CLinux_packet_open(const char *interface, int receive_buffer, enum CLinux_packet_step *step);

/* recvmmsg(2) without waiting: up to count frames, the n-th at buffer + n * stride with at most stride octets of it.
   How many, or -1 and errno. */
int CLinux_packet_receive(int fd, uint8_t *buffer, size_t stride, struct CLinux_frame *frames, unsigned count);

/* PACKET_STATISTICS: frames that the kernel dropped for want of room since the last call. 0, or -1 and errno. */
int CLinux_packet_drops(int fd, uint32_t *drops);

#endif
