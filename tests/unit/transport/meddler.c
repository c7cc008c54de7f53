#include "meddler.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/tags.h"

/* ---- bytes ---- */

static void pass(struct meddler_way *way, const uint8_t *bytes, size_t length) {
    /* Loopback takes whatever a test sends through it, so this does not block. */
    if (way->other->fd >= 0 && length > 0)
        (void)send(way->other->fd, bytes, length, MSG_NOSIGNAL);
    way->meddler->moved += length;
}

static void close_way(struct meddler_way *way) {
    if (way->fd >= 0) {
        event_del(&way->readable);
        close(way->fd);
    }
    way->fd = -1;
    way->frames = 0;
    sl_buffer_finish(&way->gathered);
    sl_buffer_finish(&way->past);
    sl_buffer_finish(&way->held);
}

void meddler_cut(struct meddler *meddler) {
    close_way(&meddler->ways[0]);
    close_way(&meddler->ways[1]);
}

static void keep(struct sl_buffer *buffer, const uint8_t *bytes, size_t length) {
    sl_buffer_clear(buffer);
    cr_assert_eq(sl_buffer_append(buffer, bytes, length), SL_OK);
}

/* ---- moves ---- */

/* Some bytes that are not what stands there. */
static void overwrite(struct sl_random *random, uint8_t *bytes, size_t length) {
    size_t from = (size_t)sl_random_below(random, length);
    size_t count = 1 + (size_t)sl_random_below(random, length - from);
    bytes[from] ^= (uint8_t)(1 + sl_random_below(random, 255));
    for (size_t i = 1; i < count; i++)
        bytes[from + i] = (uint8_t)sl_random_u32(random);
}

static void cut_out(struct meddler_way *way, const uint8_t *frame, size_t length) {
    struct sl_random *random = &way->meddler->random;
    size_t from = (size_t)sl_random_below(random, length);
    size_t count = 1 + (size_t)sl_random_below(random, length - from);
    pass(way, frame, from);
    pass(way, frame + from + count, length - from - count);
}

static void inject(struct meddler_way *way, bool well_formed) {
    struct sl_random *random = &way->meddler->random;
    uint8_t bytes[128];
    size_t length = 1 + (size_t)sl_random_below(random, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)sl_random_u32(random);
    if (well_formed) {
        uint32_t payload = 16 + (uint32_t)sl_random_below(random, 64);
        sl_frame_put_header(bytes,
                            &(struct sl_frame_header){.length = payload,
                                                      .type = (enum sl_frame_type)(1 + sl_random_below(random, 20))});
        length = SL_FRAME_HEADER_SIZE + payload + SL_TAG_SIZE;
    }
    pass(way, bytes, length);
}

static void meddle(struct meddler_way *way, uint8_t *frame, size_t length) {
    struct meddler *meddler = way->meddler;
    struct sl_random *random = &meddler->random;
    meddler->done = true;
    switch (meddler->move) {
    case MEDDLER_NOTHING:
        break;
    case MEDDLER_FLIP:
        frame[sl_random_below(random, length)] ^= (uint8_t)(1u << sl_random_below(random, 8));
        break;
    case MEDDLER_OVERWRITE:
        overwrite(random, frame, length);
        break;
    case MEDDLER_CUT_OUT:
        cut_out(way, frame, length);
        return;
    case MEDDLER_TRUNCATE:
        pass(way, frame, (size_t)sl_random_below(random, length));
        meddler_cut(meddler);
        return;
    case MEDDLER_DROP:
        return;
    case MEDDLER_REPEAT:
        pass(way, frame, length);
        break;
    case MEDDLER_REPLAY:
        pass(way, way->past.length > 0 ? way->past.data : frame, way->past.length > 0 ? way->past.length : length);
        break;
    case MEDDLER_REFLECT:
        if (way->other->past.length > 0)
            pass(way, way->other->past.data, way->other->past.length);
        else
            inject(way, true);
        break;
    case MEDDLER_SWAP:
        keep(&way->held, frame, length);
        return;
    case MEDDLER_INJECT:
        inject(way, true);
        break;
    case MEDDLER_INJECT_NOISE:
        inject(way, false);
        break;
    }
    pass(way, frame, length);
}

static void handle_frame(struct meddler_way *way, uint8_t *frame, size_t length) {
    struct meddler *meddler = way->meddler;
    size_t direction = way == &meddler->ways[0] ? 0 : 1;
    size_t number = way->frames++;
    if (meddler->move != MEDDLER_NOTHING && direction == meddler->direction && number == meddler->frame) {
        meddle(way, frame, length);
    } else {
        pass(way, frame, length);
        pass(way, way->held.data, way->held.length);
        sl_buffer_finish(&way->held);
        if (number == 0 || sl_random_below(&meddler->random, 2) == 0)
            keep(&way->past, frame, length);
    }
}

/* ---- the loop ---- */

static void handle_readable(evutil_socket_t fd, short what, void *context) {
    struct meddler_way *way = context;
    uint8_t bytes[65536];
    (void)what;
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0) {
        event_del(&way->readable);
        if (way->other->fd >= 0)
            shutdown(way->other->fd, SHUT_WR);
        return;
    }
    cr_assert_eq(sl_buffer_append(&way->gathered, bytes, (size_t)got), SL_OK);
    while (way->gathered.length >= SL_FRAME_HEADER_SIZE) {
        size_t tag = way->gathered.data[4] == SL_FRAME_HANDSHAKE ? 0 : SL_TAG_SIZE;
        size_t length = SL_FRAME_HEADER_SIZE + sl_get_u32(way->gathered.data) + tag;
        if (way->gathered.length < length)
            return;
        handle_frame(way, way->gathered.data, length);
        if (way->gathered.length >= length) /* else it was cut */
            sl_buffer_consume(&way->gathered, length);
    }
}

static void open_way(struct meddler *meddler, size_t index, int fd) {
    struct meddler_way *way = &meddler->ways[index];
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *way = (struct meddler_way){.meddler = meddler, .other = &meddler->ways[1 - index], .fd = fd};
    event_assign(&way->readable, event_get_base(&meddler->acceptable), fd, EV_READ | EV_PERSIST, handle_readable, way);
    event_add(&way->readable, NULL);
}

static void handle_acceptable(evutil_socket_t fd, short what, void *context) {
    struct meddler *meddler = context;
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(meddler->to), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)what;
    meddler_cut(meddler);
    int near = accept4(fd, NULL, NULL, SOCK_CLOEXEC), far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(near >= 0 && far >= 0);
    cr_assert_eq(connect(far, (const struct sockaddr *)&to, sizeof to), 0);
    open_way(meddler, 0, near);
    open_way(meddler, 1, far);
}

void meddler_init(struct meddler *meddler, struct rig *rig, uint16_t to) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    *meddler = (struct meddler){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .to = to};
    meddler->ways[0].fd = meddler->ways[1].fd = -1;
    cr_assert_eq(bind(meddler->listener, (struct sockaddr *)&at, length), 0);
    cr_assert_eq(listen(meddler->listener, 8), 0);
    cr_assert_eq(getsockname(meddler->listener, (struct sockaddr *)&at, &length), 0);
    snprintf(meddler->address, sizeof meddler->address, "127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    event_assign(&meddler->acceptable, rig->base, meddler->listener, EV_READ | EV_PERSIST, handle_acceptable, meddler);
    event_add(&meddler->acceptable, NULL);
}

void meddler_finish(struct meddler *meddler) {
    meddler_cut(meddler);
    event_del(&meddler->acceptable);
    close(meddler->listener);
}

void meddler_plan(struct meddler *meddler, enum meddler_move move, size_t direction, size_t frame) {
    meddler->move = move;
    meddler->direction = direction;
    meddler->frame = frame;
    meddler->done = false;
}
