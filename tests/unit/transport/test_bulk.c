/* Tensor bytes: many, in turn, overtaken by control, cancelled, held back. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "rig.h"

enum { MIB = 1 << 20 };

static struct sl_block *make_block(size_t length, uint64_t seed) {
    struct sl_block *block = sl_block_create(length);
    cr_assert(block != NULL);
    for (size_t i = 0; i < length; i++)
        block->data[i] = (uint8_t)((i * 2654435761u + seed) >> 7);
    return block;
}

/* ---- the queue alone ---- */

Test(bulk_queue, ranges_take_turns_and_stay_in_order) {
    struct sl_bulk bulk = {0};
    struct sl_block *block = make_block(4 * SL_DATA_MAX, 1);
    cr_assert_eq(sl_bulk_add(&bulk, 1, block, 0, SL_DATA_MAX + 10), SL_OK);
    cr_assert_eq(sl_bulk_add(&bulk, 2, block, 5, 20), SL_OK);
    cr_assert_eq(sl_bulk_add(&bulk, 1, block, 3 * SL_DATA_MAX, 30), SL_OK);
    static const struct sl_data_header EXPECTED[] = {
        {.transfer = 1, .offset = 0, .length = SL_DATA_MAX},
        {.transfer = 2, .offset = 5, .length = 20},
        {.transfer = 1, .offset = SL_DATA_MAX, .length = 10},
        {.transfer = 1, .offset = 3 * SL_DATA_MAX, .length = 30},
    };
    for (size_t i = 0; i < 4; i++) {
        struct sl_data_header header;
        const uint8_t *data = NULL;
        sl_bulk_peek(&bulk, &header, &data);
        cr_assert_eq(header.transfer, EXPECTED[i].transfer, "frame %zu", i);
        cr_assert_eq(header.offset, EXPECTED[i].offset, "frame %zu", i);
        cr_assert_eq(header.length, EXPECTED[i].length, "frame %zu", i);
        cr_assert(data == block->data + header.offset);
        sl_bulk_advance(&bulk);
    }
    cr_assert(sl_bulk_is_empty(&bulk));
    cr_assert_eq(bulk.queued, 0);
    cr_assert(sl_block_is_sole(block));
    sl_block_unref(block);
}

Test(bulk_queue, adjoining_ranges_are_joined_and_bad_ones_refused) {
    struct sl_bulk bulk = {0};
    struct sl_data_header header;
    const uint8_t *data = NULL;
    struct sl_block *block = make_block(100, 1);
    cr_assert_eq(sl_bulk_add(&bulk, 1, block, 0, 40), SL_OK);
    cr_assert_eq(sl_bulk_add(&bulk, 1, block, 40, 60), SL_OK);
    cr_assert_eq(sl_bulk_add(&bulk, 1, block, 100, 1), SL_USAGE);
    cr_assert_eq(sl_bulk_add(&bulk, 1, block, 50, UINT64_MAX - 20), SL_USAGE);
    cr_assert_eq(sl_bulk_add(&bulk, 1, block, 0, 0), SL_USAGE);
    sl_bulk_peek(&bulk, &header, &data);
    cr_assert_eq(header.length, 100);
    sl_bulk_clear(&bulk);
    cr_assert(sl_block_is_sole(block));
    sl_block_unref(block);
}

Test(bulk_queue, any_of_three_transfers_can_be_cancelled) {
    for (uint32_t cancelled = 1; cancelled <= 3; cancelled++) {
        struct sl_bulk bulk = {0};
        struct sl_block *block = make_block(100, 1);
        uint32_t seen = 0;
        for (uint32_t i = 1; i <= 3; i++)
            cr_assert_eq(sl_bulk_add(&bulk, i, block, 0, 100), SL_OK);
        sl_bulk_cancel(&bulk, cancelled);
        sl_bulk_cancel(&bulk, 9);
        cr_assert_eq(bulk.queued, 200);
        for (size_t i = 0; i < 2; i++) {
            struct sl_data_header header;
            const uint8_t *data = NULL;
            sl_bulk_peek(&bulk, &header, &data);
            seen |= 1u << header.transfer;
            sl_bulk_advance(&bulk);
        }
        cr_assert_eq(seen, (2u | 4u | 8u) & ~(1u << cancelled));
        cr_assert(sl_bulk_is_empty(&bulk));
        cr_assert(sl_block_is_sole(block));
        sl_block_unref(block);
    }
}

/* ---- over the wire ---- */

/* A control frame after every 128 KiB that arrived: each must find its way between. */
static void answer_now_and_then(struct rig_side *side) {
    if (side->frame_count % 2 == 0)
        cr_assert_eq(sl_connection_send(side->up, SL_FRAME_CREDIT, "now", 3), SL_OK);
}

/* How many bytes of bulk arrived before the first control frame. */
static uint64_t bytes_before_control(const struct rig_side *side) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < side->frame_count && side->frames[i].type == SL_FRAME_DATA; i++)
        bytes += side->frames[i].length;
    return bytes;
}

Test(bulk, sixty_four_mebibytes_both_ways_with_control_in_between) {
    enum { LENGTH = 64 * MIB };
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *from_alice = make_block(LENGTH, 1), *from_bob = make_block(LENGTH, 2);
    alice->into[2] = malloc(LENGTH);
    bob->into[1] = malloc(LENGTH);
    alice->on_data = bob->on_data = answer_now_and_then;
    cr_assert_eq(sl_connection_send_data(alice->up, 1, from_alice, 0, LENGTH), SL_OK);
    cr_assert_eq(sl_connection_send_data(bob->up, 2, from_bob, 0, LENGTH), SL_OK);
    rig_until_bytes(&rig, &alice->data_bytes, LENGTH);
    rig_until_bytes(&rig, &bob->data_bytes, LENGTH);
    cr_assert_eq(memcmp(alice->into[2], from_bob->data, LENGTH), 0);
    cr_assert_eq(memcmp(bob->into[1], from_alice->data, LENGTH), 0);
    cr_assert_lt(bytes_before_control(alice), LENGTH / 4, "control overtakes bulk");
    cr_assert_lt(bytes_before_control(bob), LENGTH / 4, "control overtakes bulk");
    cr_assert(sl_block_is_sole(from_alice), "the reference is dropped when the last frame is out");
    struct sl_transport_counters counters;
    sl_transport_counters(alice->transport, &counters);
    cr_assert_eq(counters.data_sent, LENGTH);
    cr_assert_eq(counters.data_received, LENGTH);
    cr_assert_lt(counters.bytes_sent, LENGTH + LENGTH / 100, "one per cent of frames and records at most");
    sl_block_unref(from_alice);
    sl_block_unref(from_bob);
    free(alice->into[2]);
    free(bob->into[1]);
    rig_finish(&rig);
}

Test(bulk, a_full_frame_is_four_full_records) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *block = make_block(SL_DATA_MAX, 1);
    static uint8_t room[SL_DATA_MAX];
    bob->into[1] = room;
    uint64_t before = bob->transport->shared.bytes_received;
    cr_assert_eq(sl_connection_send_data(alice->up, 1, block, 0, SL_DATA_MAX), SL_OK);
    rig_until_bytes(&rig, &bob->data_bytes, SL_DATA_MAX);
    /* A record's overhead: 5 bytes of header, the content type, 16 of tag. */
    cr_assert_eq(bob->transport->shared.bytes_received - before, SL_FRAME_MAX + 4 * (5 + 1 + 16));
    sl_block_unref(block);
    rig_finish(&rig);
}

Test(bulk, without_a_destination_it_is_read_and_thrown_away) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *block = make_block(MIB, 1);
    cr_assert_eq(sl_connection_send_data(alice->up, 3, block, 0, MIB), SL_OK);
    rig_until(&rig, &bob->offered, 2);
    cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_CREDIT, "x", 1), SL_OK);
    rig_until(&rig, &bob->frame_count, 1);
    cr_assert_eq(bob->frames[0].type, SL_FRAME_CREDIT, "the stream stays in step");
    cr_assert_eq(bob->data_bytes, 0);
    sl_block_unref(block);
    rig_finish(&rig);
}

Test(bulk, cancelling_forgets_what_is_queued_of_that_transfer_alone) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *large = make_block(32 * MIB, 1), *small = make_block(MIB, 2);
    bob->into[1] = malloc(32 * MIB);
    bob->into[2] = malloc(MIB);
    cr_assert_eq(sl_connection_send_data(alice->up, 1, large, 0, 32 * MIB), SL_OK);
    cr_assert_eq(sl_connection_send_data(alice->up, 2, small, 0, MIB), SL_OK);
    rig_until(&rig, &bob->frame_count, 1);
    sl_connection_cancel_data(alice->up, 1);
    cr_assert(sl_block_is_sole(large), "a cancelled block is given back at once");
    uint64_t of_small = 0;
    for (size_t i = 0; of_small < MIB; i++) {
        rig_until(&rig, &bob->frame_count, i + 1);
        of_small += bob->frames[i].transfer == 2 ? bob->frames[i].length : 0;
    }
    cr_assert_eq(memcmp(bob->into[2], small->data, MIB), 0);
    cr_assert_lt(bob->data_bytes, 24 * MIB);
    cr_assert_eq(alice->downs + bob->downs, 0);
    sl_block_unref(large);
    sl_block_unref(small);
    free(bob->into[1]);
    free(bob->into[2]);
    rig_finish(&rig);
}

Test(bulk, a_peer_that_does_not_read_costs_a_bounded_amount_of_memory) {
    enum { LENGTH = 64 * MIB };
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *block = make_block(LENGTH, 1);
    bob->into[1] = malloc(LENGTH);
    event_del(&bob->up->read);
    cr_assert_eq(sl_connection_send_data(alice->up, 1, block, 0, LENGTH), SL_OK);
    uint64_t sent = UINT64_MAX;
    while (sent != alice->transport->shared.bytes_sent) { /* until the kernel's buffers are full, too */
        sent = alice->transport->shared.bytes_sent;
        rig_turns(&rig, 50);
    }
    cr_assert_lt(sent, LENGTH, "the kernel must not hold it all, or this tests nothing");
    cr_assert_leq(sl_socket_unsent(&alice->up->socket), SL_SCRATCH_SIZE);
    cr_assert_leq(alice->up->socket.unsent.capacity, 2 * SL_SCRATCH_SIZE);
    cr_assert_gt(alice->up->writer.bulk.queued, LENGTH / 2, "what was not sent was not encrypted either");
    cr_assert_eq(alice->transport->shared.send.owner, NULL);
    for (size_t i = 0; i < 1000 && sl_socket_unsent(&alice->up->socket) == 0; i++) /* more than epoll asks for */
        cr_assert_eq(sl_writer_run(&alice->up->writer, &alice->up->carrier, NULL), SL_OK);
    size_t unsent = sl_socket_unsent(&alice->up->socket);
    cr_assert_gt(unsent, 0);
    for (size_t i = 0; i < 4; i++) /* nothing is encrypted while older ciphertext waits */
        cr_assert_eq(sl_writer_run(&alice->up->writer, &alice->up->carrier, NULL), SL_OK);
    cr_assert_leq(sl_socket_unsent(&alice->up->socket), unsent);
    /* What GnuTLS says by itself meanwhile takes its place behind what waits. */
    cr_assert_eq(gnutls_session_key_update(alice->up->tls.session, 0), 0);
    cr_assert_gt(sl_socket_unsent(&alice->up->socket), unsent);
    cr_assert_eq(alice->transport->shared.send.owner, NULL);
    event_add(&bob->up->read, NULL);
    rig_until_bytes(&rig, &bob->data_bytes, LENGTH);
    cr_assert_eq(memcmp(bob->into[1], block->data, LENGTH), 0);
    sl_block_unref(block);
    free(bob->into[1]);
    rig_finish(&rig);
}

Test(bulk, key_updates_in_the_middle_change_nothing) {
    enum { LENGTH = 8 * MIB, UPDATES = 5 };
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *block = make_block(LENGTH, 1);
    bob->into[1] = malloc(LENGTH);
    cr_assert_eq(sl_connection_send_data(alice->up, 1, block, 0, LENGTH), SL_OK);
    for (size_t i = 1; i <= UPDATES; i++) {
        rig_until(&rig, &bob->frame_count, i * 4);
        /* The message, and the peer's answer, which it gives while it reads. */
        cr_assert_eq(gnutls_session_key_update(alice->up->tls.session, GNUTLS_KU_PEER), 0);
        cr_assert(sl_socket_flush(&alice->up->socket));
    }
    rig_until_bytes(&rig, &bob->data_bytes, LENGTH);
    cr_assert_eq(memcmp(bob->into[1], block->data, LENGTH), 0);
    cr_assert_eq(sl_connection_send(bob->up, SL_FRAME_CREDIT, "x", 1), SL_OK);
    rig_until(&rig, &alice->frame_count, 1);
    cr_assert_eq(alice->downs + bob->downs, 0);
    sl_block_unref(block);
    free(bob->into[1]);
    rig_finish(&rig);
}
