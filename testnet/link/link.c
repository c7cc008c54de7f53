// A bad cable, for kernels without netem: packets between a network device (a node's cable) and a TAP that this program
// makes (a port of the bridge) are delayed, lost or doubled, in each direction. Seeded: the same packets in the same
// order meet the same fate. It ends on SIGTERM, and the TAP with it.
//
//     link DEVICE TAP [--delay S] [--jitter S] [--loss SHARE] [--duplicate SHARE] [--seed N]
//
// It writes "ready" when packets can flow. Both devices are expected without segmentation offload.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    FRAME_MAX = 65550,
    WAITING_MAX = 1 << 18,     // frames a direction; what comes on top is lost, as in any queue
    BATCH = 64,                // frames read before those that are due are written again
    RECEIVE_BUFFER = 64 << 20, // bytes
};

#define NS_PER_S 1000000000

struct faults {
    double delay, jitter; // s
    double loss, duplicate;
    uint64_t seed;
};

// A frame that waits; the order of those that are due at the same time is that of their arrival.
struct frame {
    int64_t due; // ns
    uint64_t number;
    size_t size;
    uint8_t data[];
};

// A heap of frames, the first one due at its top.
struct direction {
    int from, to;
    struct frame **heap;
    size_t count;
    uint64_t taken;
    uint64_t random;
};

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

// xorshift64*, 0 … 1.
static double draw(struct direction *direction) {
    uint64_t x = direction->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    direction->random = x;
    return (double)((x * UINT64_C(0x2545F4914F6CDD1D)) >> 11) * 0x1p-53;
}

static bool is_before(const struct frame *a, const struct frame *b) {
    return a->due != b->due ? a->due < b->due : a->number < b->number;
}

static void push(struct direction *direction, struct frame *frame) {
    size_t at = direction->count++;
    while (at > 0 && is_before(frame, direction->heap[(at - 1) / 2])) {
        direction->heap[at] = direction->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    direction->heap[at] = frame;
}

static struct frame *pop(struct direction *direction) {
    struct frame *first = direction->heap[0];
    struct frame *last = direction->heap[--direction->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < direction->count && is_before(direction->heap[child + 1], direction->heap[child])) {
            child++;
        }
        if (child >= direction->count || !is_before(direction->heap[child], last)) {
            break;
        }
        direction->heap[at] = direction->heap[child];
        at = child;
    }
    direction->heap[at] = last;
    return first;
}

static void hold(struct direction *direction, const struct faults *faults, const uint8_t *data, size_t size) {
    struct frame *frame = direction->count < WAITING_MAX ? malloc(sizeof *frame + size) : NULL;
    if (frame == NULL) {
        return;
    }
    double delay = faults->delay + faults->jitter * (2 * draw(direction) - 1);
    *frame = (struct frame){.due = now() + (int64_t)(delay * NS_PER_S), .number = direction->taken++, .size = size};
    memcpy(frame->data, data, size);
    push(direction, frame);
}

static void take(struct direction *direction, const struct faults *faults) {
    static uint8_t data[FRAME_MAX];
    for (int i = 0; i < BATCH; i++) {
        ssize_t size = read(direction->from, data, sizeof data);
        if (size <= 0) {
            return;
        }
        if (draw(direction) < faults->loss) {
            continue;
        }
        hold(direction, faults, data, (size_t)size);
        if (draw(direction) < faults->duplicate) {
            hold(direction, faults, data, (size_t)size);
        }
    }
}

// Writes what is due; a frame that the device does not take is lost.
static void give(struct direction *direction) {
    while (direction->count > 0 && direction->heap[0]->due <= now()) {
        struct frame *frame = pop(direction);
        if (write(direction->to, frame->data, frame->size) < 0 && errno == EINTR) {
            push(direction, frame);
            continue;
        }
        free(frame);
    }
}

static void carry(struct direction *directions, const struct faults *faults) {
    for (;;) {
        struct pollfd polled[2] = {{.fd = directions[0].from, .events = POLLIN},
                                   {.fd = directions[1].from, .events = POLLIN}};
        int64_t wait = NS_PER_S;
        for (int i = 0; i < 2; i++) {
            give(&directions[i]);
            if (directions[i].count > 0 && directions[i].heap[0]->due - now() < wait) {
                wait = directions[i].heap[0]->due - now();
            }
        }
        struct timespec timeout = {0, wait < 0 ? 0 : wait % NS_PER_S};
        timeout.tv_sec = wait >= NS_PER_S ? 1 : 0;
        if (ppoll(polled, 2, &timeout, NULL) < 0 && errno != EINTR) {
            return;
        }
        for (int i = 0; i < 2; i++) {
            take(&directions[i], faults);
        }
    }
}

static int fail(const char *what) {
    fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
    return -1;
}

// A raw socket that sees what arrives at the device, not what we send there.
static int open_device(const char *name) {
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail("socket");
    }
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = (uint16_t)(ETH_P_ALL << 8), .sll_ifindex = (int)if_nametoindex(name)};
    struct packet_mreq all = {.mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    int yes = 1;
    int size = RECEIVE_BUFFER;
    if (address.sll_ifindex == 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        fail(name);
        close(fd);
        return -1;
    }
    return fd;
}

static int open_tap(const char *name) {
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return fail("/dev/net/tun");
    }
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(fd, TUNSETIFF, &request) != 0) {
        fail(name);
        close(fd);
        return -1;
    }
    return fd;
}

static bool read_faults(int count, char **arguments, struct faults *faults) {
    const struct option options[] = {
        {"delay", required_argument, NULL, 'd'}, {"jitter", required_argument, NULL, 'j'},
        {"loss", required_argument, NULL, 'l'},  {"duplicate", required_argument, NULL, 'u'},
        {"seed", required_argument, NULL, 's'},  {0}};
    for (int key; (key = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        double value = key == '?' ? 0 : strtod(optarg, NULL);
        switch (key) {
        case 'd':
            faults->delay = value;
            break;
        case 'j':
            faults->jitter = value;
            break;
        case 'l':
            faults->loss = value;
            break;
        case 'u':
            faults->duplicate = value;
            break;
        case 's':
            faults->seed = (uint64_t)value;
            break;
        default:
            return false;
        }
    }
    return count - optind == 2;
}

int main(int count, char **arguments) {
    struct faults faults = {0};
    if (!read_faults(count, arguments, &faults)) {
        fprintf(stderr,
                "usage: link DEVICE TAP [--delay S] [--jitter S] [--loss SHARE] [--duplicate SHARE] [--seed N]\n");
        return 64;
    }
    int device = open_device(arguments[optind]);
    int tap = device < 0 ? -1 : open_tap(arguments[optind + 1]);
    struct direction directions[2] = {{.from = device, .to = tap}, {.from = tap, .to = device}};
    bool ready = tap >= 0;
    for (int i = 0; ready && i < 2; i++) {
        directions[i].heap = malloc(WAITING_MAX * sizeof(struct frame *));
        directions[i].random = (2 * faults.seed + (uint64_t)i + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1;
        ready = directions[i].heap != NULL;
    }
    if (ready) {
        puts("ready");
        fflush(stdout);
        carry(directions, &faults);
    }
    return 1;
}
