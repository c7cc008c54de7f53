/* What a relay can do to a clear connection: nothing but end it. 10,000 connections, one move each: whatever the
 * handlers get is a prefix of what the other end sent, byte for byte, and every move is counted. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "meddler.h"

enum {
    TRIALS = 1250, /* of each of the 8 tests */
    CONTROLS = 4,
    RANGES = 2,
    RANGE = 700,
    HANDSHAKES = 2, /* HANDSHAKE frames of the dialler; the accepter's is one */
    IDLE_TURNS = 30 /* of the loop, and as long as QUIET: nothing more will happen by itself */
};

static const sl_time QUIET = 5 * SL_MILLISECOND;

/* What one end has got in this trial. */
struct book {
    uint32_t controls, ranges;
    uint8_t into[RANGES * RANGE];
};

struct trial {
    struct rig rig;
    struct meddler meddler;
    struct sl_block *block;
    struct book books[2];
    uint64_t number;
};

static struct trial *current;

static struct book *book_of(const struct rig_side *side) {
    return &current->books[side == &current->rig.sides[0] ? 0 : 1];
}

/* The payload of control frame `index` that `side` is to get; returns its length. */
static size_t put_payload(uint8_t out[64], const struct rig_side *receiver, uint32_t index) {
    size_t length = 13 + index * 17;
    memset(out, (int)(receiver->boot + index), length);
    sl_put_u64(out, current->number);
    sl_put_u32(out + 8, index);
    return length;
}

static enum sl_status handle_control(void *context, struct sl_connection *connection, enum sl_frame_type type,
                                     const uint8_t *payload, size_t length, struct sl_error *error) {
    struct rig_side *side = context;
    struct book *book = book_of(side);
    uint8_t wanted[64];
    (void)connection;
    (void)error;
    cr_assert_eq(type, SL_FRAME_CREDIT);
    cr_assert_lt(book->controls, CONTROLS);
    cr_assert_eq(length, put_payload(wanted, side, book->controls));
    cr_assert_eq(memcmp(payload, wanted, length), 0);
    book->controls++;
    return SL_OK;
}

/* Stands in for a receiver that knows what may come: like a node's, it complains of what may not. */
static enum sl_status handle_data(void *context, struct sl_connection *connection, const struct sl_data_header *header,
                                  uint8_t **out, struct sl_error *error) {
    struct book *book = book_of(context);
    (void)connection;
    if (header->transfer != book->ranges + 1 || header->length != RANGE || header->offset != book->ranges * RANGE)
        return sl_error_set(error, SL_FORMAT, "a transfer that was not agreed on");
    *out = book->into + header->offset;
    return SL_OK;
}

static enum sl_status handle_data_done(void *context, struct sl_connection *connection,
                                       const struct sl_data_header *header, struct sl_error *error) {
    struct book *book = book_of(context);
    (void)connection;
    (void)error;
    cr_assert_eq(memcmp(book->into + header->offset, current->block->data + header->offset, RANGE), 0);
    book->ranges++;
    return SL_OK;
}

static void handle_up(struct rig_side *side) {
    const struct rig_side *receiver = side == &current->rig.sides[0] ? &current->rig.sides[1] : &current->rig.sides[0];
    uint8_t payload[64];
    for (uint32_t i = 0; i < CONTROLS; i++) {
        size_t length = put_payload(payload, receiver, i);
        (void)sl_connection_send(side->up, SL_FRAME_CREDIT, payload, length);
    }
    for (uint32_t i = 0; i < RANGES; i++)
        (void)sl_connection_send_data(side->up, i + 1, current->block, i * RANGE, RANGE);
}

static void set_up(struct trial *trial, uint64_t seed) {
    current = trial;
    setenv("EVENT_PRECISE_TIMER", "1",
           1); /* or libevent's clock ticks every 4 ms, and each timer of 0 s waits for it */
    rig_init_pair(&trial->rig);
    for (size_t i = 0; i < 2; i++) {
        struct rig_side *side = &trial->rig.sides[i];
        side->listener.handshake_rate = 1e9;
        side->listener.handshake_burst = 1000000;
        rig_set_modes(side, SL_SECURITY_CLEAR, SL_SECURITY_CLEAR);
        side->log.level = SL_LOG_ERROR;
        side->on_up = handle_up;
        side->transport->handlers.control = handle_control;
        side->transport->handlers.data = handle_data;
        side->transport->handlers.data_done = handle_data_done;
    }
    trial->block = sl_block_create(RANGES * RANGE);
    for (size_t i = 0; i < RANGES * RANGE; i++)
        trial->block->data[i] = (uint8_t)(i * 31 + i / 256);
    meddler_init(&trial->meddler, &trial->rig, trial->rig.sides[1].port);
    sl_random_init(&trial->meddler.random, seed, 0);
}

static void tear_down(struct trial *trial) {
    meddler_finish(&trial->meddler);
    sl_block_unref(trial->block);
    rig_finish(&trial->rig);
}

static bool is_whole(const struct book *book) {
    return book->controls == CONTROLS && book->ranges == RANGES;
}

static bool is_over(const struct rig *rig) {
    for (size_t i = 0; i < rig->count; i++)
        if (rig->sides[i].transport->connections != NULL || rig->sides[i].transport->closed != NULL ||
            rig->sides[i].transport->dials != NULL)
            return false;
    return true;
}

/* How often any end has noticed something, by whatever name. */
static uint64_t noticed(const struct rig *rig) {
    uint64_t count = 0;
    for (size_t i = 0; i < rig->count; i++) {
        const struct sl_transport_counters *counters = &rig->sides[i].transport->counters;
        count += counters->bad_tags + counters->incomplete + counters->refused + rig->sides[i].failures;
    }
    return count;
}

/* One connection. True: all that was sent has arrived and the ends parted with a goodbye. */
static bool run(struct trial *trial) {
    struct rig *rig = &trial->rig;
    uint64_t before = trial->meddler.moved;
    size_t idle = 0;
    sl_time quiet_since = sl_clock_monotonic();
    trial->number++;
    memset(trial->books, 0, sizeof trial->books);
    cr_assert_eq(sl_transport_dial(rig->sides[0].transport, (const char *[]){trial->meddler.address}, 1, "bob"), SL_OK);
    while (!is_over(rig)) {
        event_base_loop(rig->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        if (trial->meddler.moved != before) {
            quiet_since = sl_clock_monotonic();
            idle = 0;
        }
        idle++;
        before = trial->meddler.moved;
        if (is_whole(&trial->books[0]) && is_whole(&trial->books[1]) && rig->sides[0].up != NULL)
            sl_connection_close(rig->sides[0].up, "done");
        if (idle > IDLE_TURNS && sl_clock_monotonic() - quiet_since > QUIET)
            meddler_cut(&trial->meddler);
    }
    meddler_cut(&trial->meddler);
    return is_whole(&trial->books[0]) && is_whole(&trial->books[1]);
}

static void check_moves(const enum meddler_move *moves, size_t move_count, uint64_t seed) {
    static struct trial trial;
    set_up(&trial, seed);
    cr_assert(run(&trial), "without a move all arrives");
    cr_assert_eq(noticed(&trial.rig), 0);
    struct sl_random random;
    sl_random_init(&random, seed, 1);
    for (size_t i = 0; i < TRIALS; i++) {
        size_t direction = (size_t)sl_random_below(&random, 2);
        size_t handshakes = direction == 0 ? HANDSHAKES : 1;
        /* HELLO, HELLO_ACK and what the handlers get; the last is left alone, or nothing would follow that shows a
         * frame left out. One move in eight is at the handshake. */
        size_t frame = sl_random_below(&random, 8) == 0
                           ? (size_t)sl_random_below(&random, handshakes)
                           : handshakes + (size_t)sl_random_below(&random, 2 + CONTROLS + RANGES - 1);
        uint64_t before = noticed(&trial.rig);
        meddler_plan(&trial.meddler, moves[sl_random_below(&random, move_count)], direction, frame);
        bool whole = run(&trial);
        cr_assert(trial.meddler.done, "trial %zu: the move was not made", i);
        /* Bytes of the handshake that TLS ignores (the version of a record, RFC 8446, 5.1) may change and change
         * nothing: then all has arrived as it was sent. */
        bool ignored = frame < handshakes && whole;
        cr_assert(ignored || noticed(&trial.rig) > before, "trial %zu: move %d, direction %zu, frame %zu", i,
                  (int)trial.meddler.move, direction, frame);
    }
    tear_down(&trial);
}

#define TEST_MOVES(name, seed, ...)                                                                                    \
    Test(meddler, name) {                                                                                              \
        static const enum meddler_move MOVES[] = {__VA_ARGS__};                                                        \
        check_moves(MOVES, sizeof MOVES / sizeof MOVES[0], seed);                                                      \
    }

TEST_MOVES(flipped_bits, 1, MEDDLER_FLIP)
TEST_MOVES(overwritten_bytes, 2, MEDDLER_OVERWRITE)
TEST_MOVES(left_out, 3, MEDDLER_CUT_OUT, MEDDLER_DROP)
TEST_MOVES(truncated, 4, MEDDLER_TRUNCATE)
TEST_MOVES(repeated, 5, MEDDLER_REPEAT, MEDDLER_REPLAY)
TEST_MOVES(reordered, 6, MEDDLER_SWAP)
TEST_MOVES(injected, 7, MEDDLER_INJECT, MEDDLER_INJECT_NOISE)
TEST_MOVES(reflected, 8, MEDDLER_REFLECT)
