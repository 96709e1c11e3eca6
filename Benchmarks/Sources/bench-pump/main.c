/* Sends media packets into an interface and prints what that cost the kernel per packet.

       bench-pump DEVICE MAC SOURCE DESTINATION PORT FLOWS PACKETS

   The frames go to the Ethernet address MAC. Flow i has source and destination port PORT + 2 i; the flows take turns,
   so that no packet finds the element of the one before it in a cache.

   With veth, sendmmsg() of this thread carries each packet through the whole gateway, in the same context and on the
   same CPU, up to where it is dropped. What does not happen there happens in that CPU's ksoftirqd. Both are counted:
   kernel cycles where the CPU lets us, else kernel instructions, else CPU time. */
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

static int open_counter(const struct counter *counter, pid_t thread)
{
    struct perf_event_attr attributes = {
        .type = counter->type,
        .size = sizeof attributes,
        .config = counter->config,
        .exclude_user = 1,
        .exclude_hv = 1,
    };
    return (int)syscall(SYS_perf_event_open, &attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t read_counter(int counter)
{
    uint64_t value;
    if (read(counter, &value, sizeof value) != sizeof value)
        fail("reading a counter");
    return value;
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
                  in_addr_t destination, uint16_t port)
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
    *udp = (struct udphdr){.source = htons(port), .dest = htons(port), .len = htons(sizeof *udp + PAYLOAD)};
    memset(udp + 1, 0xd5, PAYLOAD);
    /* The pseudo-header of RFC 768 first. Connection tracking passes a wrong sum by, and a socket drops it. */
    uint32_t sum = IPPROTO_UDP + sizeof *udp + PAYLOAD;
    udp->check = checksum(add(add(sum, &ip->saddr, 8), udp, sizeof *udp + PAYLOAD));
}

int main(int count, char **arguments)
{
    if (count != 8) {
        fprintf(stderr, "usage: bench-pump DEVICE MAC SOURCE DESTINATION PORT FLOWS PACKETS\n");
        return 2;
    }
    const char *device = arguments[1];
    const struct ether_addr *to = ether_aton(arguments[2]);
    in_addr_t source = inet_addr(arguments[3]), destination = inet_addr(arguments[4]);
    uint16_t port = (uint16_t)atoi(arguments[5]);
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
    for (long i = 0; i < flows; i++)
        build(frames + i * FRAME, &from, to, source, destination, (uint16_t)(port + 2 * i));

    const struct counter *kind = counters;
    int own = open_counter(kind, 0);
    while (own < 0 && kind + 1 < counters + sizeof counters / sizeof *counters)
        own = open_counter(++kind, 0);
    int left = open_counter(kind, ksoftirqd(cpu));
    if (own < 0 || left < 0)
        fail("perf_event_open");

    uint64_t before = read_counter(own) + read_counter(left);
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
    uint64_t after = read_counter(own) + read_counter(left);
    printf("%s %.2f\n", kind->unit, (double)(after - before) / (double)packets);
    return 0;
}
