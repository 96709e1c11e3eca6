/* Sends media packets into an interface and prints what that cost the kernel per packet.

       bench-pump DEVICE MAC SOURCE DESTINATION PORT FLOWS PACKETS [RELAY]

   The frames go to the Ethernet address MAC. Flow i has source and destination port PORT + 2 i, or, when PORT is -, those
   of line i of the standard input. The flows take turns, so that no packet finds the element of the one before it in a
   cache.

   With veth, sendmmsg() of this thread carries each packet through the whole gateway, in the same context and on the
   same CPU, up to where it is dropped. What does not happen there happens in that CPU's ksoftirqd. Both are counted:
   kernel cycles where the CPU lets us, else kernel instructions, else CPU time.

   RELAY is the process of a relay in user space, on the same CPU: what its threads take, in user mode too, is counted
   with the rest, until a second after the last packet was sent. Its sockets must have room for all of them. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <linux/perf_event.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    /* RTP with 20 ms of G.711: 12 octets of header, 160 of sound. */
    PAYLOAD = 172,
    FRAME = sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(struct udphdr) + PAYLOAD,
    BATCH = 64,
    /* Threads of a relay. */
    THREADS = 64,
};

static void fail(const char *what)
{
    fprintf(stderr, "bench-pump: %s: %s\n", what, strerror(errno));
    exit(1);
}

struct counter {
    const char *unit;
    uint32_t type;
    uint64_t config;
};

static const struct counter counters[] = {
    {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {"ns", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
};

static int open_counter(const struct counter *counter, pid_t thread, int exclude_user)
{
    struct perf_event_attr attributes = {
        .type = counter->type,
        .size = sizeof attributes,
        .config = counter->config,
        .exclude_user = (unsigned)exclude_user,
        .exclude_hv = 1,
    };
    return (int)syscall(SYS_perf_event_open, &attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t read_counters(const int *counters, int count)
{
    uint64_t sum = 0, value;
    for (int i = 0; i < count; i++) {
        if (read(counters[i], &value, sizeof value) != sizeof value)
            fail("reading a counter");
        sum += value;
    }
    return sum;
}

/* The thread that does what is left over of a CPU's packet work. */
static pid_t ksoftirqd(int cpu)
{
    char wanted[32], path[300], name[32];
    snprintf(wanted, sizeof wanted, "ksoftirqd/%d\n", cpu);
    pid_t found = 0;
    DIR *directory = opendir("/proc");
    for (struct dirent *entry; !found && directory && (entry = readdir(directory));) {
        pid_t pid = atoi(entry->d_name);
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        FILE *file = pid > 0 ? fopen(path, "r") : NULL;
        if (!file)
            continue;
        if (fgets(name, sizeof name, file) && strcmp(name, wanted) == 0)
            found = pid;
        fclose(file);
    }
    closedir(directory);
    if (!found) {
        errno = ESRCH;
        fail(wanted);
    }
    return found;
}

/* The threads of a process; returns how many. */
static int threads_of(const char *process, pid_t *threads)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/task", process);
    int count = 0;
    DIR *directory = opendir(path);
    if (!directory)
        fail(path);
    for (struct dirent *entry; count < THREADS && (entry = readdir(directory));)
        if (atoi(entry->d_name) > 0)
            threads[count++] = atoi(entry->d_name);
    closedir(directory);
    return count;
}

static uint32_t add(uint32_t sum, const void *data, size_t length)
{
    for (size_t i = 0; i < length; i += 2)
        sum += (uint32_t)((const uint8_t *)data)[i] << 8 | ((const uint8_t *)data)[i + 1];
    return sum;
}

static uint16_t checksum(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static void build(uint8_t *frame, const struct ether_addr *from, const struct ether_addr *to, in_addr_t source,
                  in_addr_t destination, const uint16_t ports[2])
{
    struct ether_header *ethernet = (struct ether_header *)frame;
    struct iphdr *ip = (struct iphdr *)(ethernet + 1);
    struct udphdr *udp = (struct udphdr *)(ip + 1);
    memset(frame, 0, FRAME);
    memcpy(ethernet->ether_dhost, to, ETH_ALEN);
    memcpy(ethernet->ether_shost, from, ETH_ALEN);
    ethernet->ether_type = htons(ETHERTYPE_IP);
    *ip = (struct iphdr){.version = 4, .ihl = 5, .tot_len = htons(FRAME - sizeof *ethernet), .ttl = 64,
                         .protocol = IPPROTO_UDP, .saddr = source, .daddr = destination};
    ip->check = checksum(add(0, ip, sizeof *ip));
    *udp = (struct udphdr){
        .source = htons(ports[0]), .dest = htons(ports[1]), .len = htons(sizeof *udp + PAYLOAD)};
    /* RTP version 2, G.711 with A-law (RFC 3550 section 5.1, RFC 3551), silence. */
    uint8_t *payload = (uint8_t *)(udp + 1);
    memset(payload, 0xd5, PAYLOAD);
    payload[0] = 0x80;
    payload[1] = 8;
    /* The pseudo-header of RFC 768 first. Connection tracking passes a wrong sum by, and a socket drops it. */
    uint32_t sum = IPPROTO_UDP + sizeof *udp + PAYLOAD;
    udp->check = checksum(add(add(sum, &ip->saddr, 8), udp, sizeof *udp + PAYLOAD));
}

int main(int count, char **arguments)
{
    if (count != 8 && count != 9) {
        fprintf(stderr, "usage: bench-pump DEVICE MAC SOURCE DESTINATION PORT FLOWS PACKETS [RELAY]\n");
        return 2;
    }
    const char *device = arguments[1];
    const struct ether_addr *to = ether_aton(arguments[2]);
    in_addr_t source = inet_addr(arguments[3]), destination = inet_addr(arguments[4]);
    int listed = strcmp(arguments[5], "-") == 0;
    long flows = atol(arguments[6]), packets = atol(arguments[7]);
    if (!to || flows < 1 || packets < 1) {
        errno = EINVAL;
        fail("arguments");
    }

    int cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0)
        fail("sched_setaffinity");

    int output = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    struct ifreq request = {0};
    strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
    if (output < 0 || ioctl(output, SIOCGIFHWADDR, &request) != 0)
        fail(device);
    struct ether_addr from;
    memcpy(&from, request.ifr_hwaddr.sa_data, sizeof from);
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IP), .sll_ifindex = (int)if_nametoindex(device)};
    int bypass = 1;
    if (setsockopt(output, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass) != 0 ||
        bind(output, (struct sockaddr *)&address, sizeof address) != 0)
        fail("packet socket");

    uint8_t *frames = malloc((size_t)flows * FRAME);
    if (!frames)
        fail("memory");
    for (long i = 0; i < flows; i++) {
        uint16_t port = (uint16_t)(atoi(arguments[5]) + 2 * i), ports[2] = {port, port};
        if (listed && scanf("%" SCNu16 " %" SCNu16, &ports[0], &ports[1]) != 2) {
            errno = EINVAL;
            fail("ports");
        }
        build(frames + i * FRAME, &from, to, source, destination, ports);
    }

    const struct counter *kind = counters;
    int opened[THREADS + 2], open = 0;
    opened[0] = open_counter(kind, 0, 1);
    while (opened[0] < 0 && kind + 1 < counters + sizeof counters / sizeof *counters)
        opened[0] = open_counter(++kind, 0, 1);
    opened[1] = open_counter(kind, ksoftirqd(cpu), 1);
    pid_t threads[THREADS];
    int relay = count == 9 ? threads_of(arguments[8], threads) : 0;
    for (int i = 0; i < relay; i++)
        opened[2 + i] = open_counter(kind, threads[i], 0);
    for (; open < relay + 2; open++)
        if (opened[open] < 0)
            fail("perf_event_open");

    uint64_t before = read_counters(opened, open);
    for (long sent = 0; sent < packets;) {
        struct mmsghdr messages[BATCH] = {0};
        struct iovec vectors[BATCH];
        unsigned batch = packets - sent < BATCH ? (unsigned)(packets - sent) : BATCH;
        for (unsigned i = 0; i < batch; i++) {
            vectors[i] = (struct iovec){frames + (sent + i) % flows * FRAME, FRAME};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
        }
        int done = sendmmsg(output, messages, batch, 0);
        if (done < 0 && errno != ENOBUFS)
            fail("sendmmsg");
        sent += done > 0 ? done : 0;
    }
    if (relay)
        sleep(1);
    uint64_t after = read_counters(opened, open);
    printf("%s %.2f\n", kind->unit, (double)(after - before) / (double)packets);
    return 0;
}
