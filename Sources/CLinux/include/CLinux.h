/* What Linux offers and Swift's Glibc module does not show: everything behind _GNU_SOURCE, and headers that the module
   map leaves out. Each wrapper is the system call of its name; it goes when the module shows the call itself. */
#ifndef SEKISHO_CLINUX_H
#define SEKISHO_CLINUX_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "datagrams.h"
#include "packet.h"
#include "resolver.h"

/* setns(2) with CLONE_NEWNET: the calling thread moves to the network namespace that the descriptor names. */
int CLinux_setns_net(int fd);

/* accept4(2) with SOCK_CLOEXEC | SOCK_NONBLOCK. */
int CLinux_accept(int fd);

/* SO_PEERCRED of a Unix socket: 0, or -1 and errno. */
int CLinux_peer_credentials(int fd, uid_t *uid, pid_t *pid);

/* signalfd(2) for SIGINT, SIGTERM and SIGHUP, which are blocked in the calling thread; close-on-exec, non-blocking. */
int CLinux_termination_signals(void);

/* CLOCK_BOOTTIME in nanoseconds. */
int64_t CLinux_boottime(void);

/* Nanoseconds since 1970 by CLOCK_REALTIME, which the administrator can set: for dates, never for durations. */
int64_t CLinux_realtime(void);

/* sd_notify(3) without its library: one datagram to the socket that NOTIFY_SOCKET names, a path or an abstract name
   written with @; nothing when there is none. */
void CLinux_notify_service(const char *state);

/* prctl(2): PR_SET_DUMPABLE 0, so that no core file and no other process of this user can show secrets. */
int CLinux_forbid_dumps(void);

/* prctl(2): PR_SET_PDEATHSIG, so that a child does not outlive the process that started it. */
int CLinux_die_with_parent(int signal);

/* Gives back what starting up touched of the program and its libraries and waiting does not need: their read-only pages
   (dl_iterate_phdr(3), madvise(2) MADV_DONTNEED). They come back from the page cache when they are touched again. */
void CLinux_release_program_pages(void);

/* capget(2): whether CAP_NET_ADMIN (12) or another capability is in the effective set of the calling thread. */
int CLinux_has_capability(int capability);

/* recvmsg(2) of one datagram without waiting, with the TTL or hop limit it came with (-1 unless IP_RECVTTL or
   IPV6_RECVHOPLIMIT is on): CMSG_DATA and its kin are macros, which Swift does not see. */
ssize_t CLinux_receive_with_hop_limit(int fd, void *buffer, size_t length, struct sockaddr_storage *source,
                                      int *hop_limit);

/* posix_spawn_file_actions_addclosefrom_np(3) on a posix_spawn_file_actions_t: the child closes this descriptor and
   every higher one. 0, or an errno. */
int CLinux_spawn_closes_from(void *actions, int first);

#endif
