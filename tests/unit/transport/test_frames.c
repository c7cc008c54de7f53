/* What members say: frames in, frames out, and frames that break the rules. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

Test(frames, control_frames_arrive_whole_and_in_order) {
    struct rig rig;
    static uint8_t payload[SL_PAYLOAD_MAX];
    static const size_t LENGTHS[] = {0, 1, 16376, 16384, 16385, SL_PAYLOAD_MAX, 7};
    enum { COUNT = sizeof LENGTHS / sizeof LENGTHS[0] };
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_MANIFEST, payload, LENGTHS[i]), SL_OK);
        cr_assert_eq(sl_connection_send(bob->up, SL_FRAME_READY, payload, LENGTHS[i]), SL_OK);
    }
    cr_assert_eq(bob->frame_count, 0, "never from within the call");
    rig_until(&rig, &bob->frame_count, COUNT);
    rig_until(&rig, &alice->frame_count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert_eq(bob->frames[i].type, SL_FRAME_MANIFEST);
        cr_assert_eq(alice->frames[i].type, SL_FRAME_READY);
        cr_assert_eq(bob->frames[i].length, LENGTHS[i]);
        cr_assert_eq(alice->frames[i].length, LENGTHS[i]);
    }
    cr_assert_geq(bob->heard, COUNT);
    rig_finish(&rig);
}

Test(frames, pings_are_answered_inside) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    size_t heard = alice->heard;
    cr_assert_eq(sl_connection_ping(alice->up), SL_OK);
    rig_until(&rig, &alice->heard, heard + 1);
    cr_assert_eq(alice->frame_count + bob->frame_count, 0, "handlers see no ping");
    rig_finish(&rig);
}

/* What bob sends is the end of the connection, with that reason on both sides. */
static void check_breaks(const void *bytes, size_t length, const char *reason) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    rig_inject(bob, bytes, length);
    rig_until(&rig, &alice->downs, 1);
    cr_assert(strstr(alice->reason, reason) != NULL, "%s", alice->reason);
    rig_until(&rig, &bob->downs, 1);
    cr_assert(strstr(bob->reason, reason) != NULL, "told: %s", bob->reason);
    rig_until_empty(alice);
    rig_until_empty(bob);
    cr_assert_eq(alice->frame_count, 0);
    rig_finish(&rig);
}

static void put_raw_header(uint8_t out[SL_FRAME_HEADER_SIZE], uint32_t length, uint8_t type, uint8_t flags,
                           uint16_t reserved) {
    sl_put_u32(out, length);
    out[4] = type;
    out[5] = flags;
    sl_put_u16(out + 6, reserved);
}

Test(frames, a_frame_over_the_limit) {
    uint8_t header[SL_FRAME_HEADER_SIZE];
    put_raw_header(header, 0xffffffff, SL_FRAME_ROSTER, 0, 0);
    check_breaks(header, sizeof header, "");
    put_raw_header(header, SL_PAYLOAD_MAX + 1, SL_FRAME_ROSTER, 0, 0);
    check_breaks(header, sizeof header, "");
}

Test(frames, an_unknown_type_flags_and_reserved_bits) {
    uint8_t header[SL_FRAME_HEADER_SIZE];
    put_raw_header(header, 0, 0, 0, 0);
    check_breaks(header, sizeof header, "");
    put_raw_header(header, 0, 200, 0, 0);
    check_breaks(header, sizeof header, "");
    put_raw_header(header, 0, SL_FRAME_ROSTER, 1, 0);
    check_breaks(header, sizeof header, "");
    put_raw_header(header, 0, SL_FRAME_ROSTER, 0, 1);
    check_breaks(header, sizeof header, "");
}

Test(frames, frames_of_admission_after_it) {
    uint8_t header[SL_FRAME_HEADER_SIZE];
    put_raw_header(header, 0, SL_FRAME_HELLO, 0, 0);
    check_breaks(header, sizeof header, "unexpected hello");
    put_raw_header(header, 0, SL_FRAME_HELLO_ACK, 0, 0);
    check_breaks(header, sizeof header, "unexpected hello-ack");
}

Test(frames, an_answer_to_no_ping) {
    struct sl_buffer frame = {0}, payload = {0};
    uint8_t header[SL_FRAME_HEADER_SIZE];
    cr_assert_eq(sl_ping_encode(&payload, &(struct sl_ping){.number = 5}), SL_OK);
    put_raw_header(header, (uint32_t)payload.length, SL_FRAME_PONG, 0, 0);
    cr_assert_eq(sl_buffer_append(&frame, header, sizeof header), SL_OK);
    cr_assert_eq(sl_buffer_append(&frame, payload.data, payload.length), SL_OK);
    check_breaks(frame.data, frame.length, "answers no ping");
    sl_buffer_finish(&frame);
    sl_buffer_finish(&payload);
}

Test(frames, data_that_was_not_announced) {
    uint8_t frame[SL_DATA_HEADER_SIZE + 4] = {0};
    sl_frame_put_data_header(frame, &(struct sl_data_header){.transfer = 77, .length = 4});
    check_breaks(frame, sizeof frame, "transfer 77 was not announced");
}

Test(frames, data_whose_offset_overflows) {
    uint8_t frame[SL_DATA_HEADER_SIZE + 4] = {0};
    sl_frame_put_data_header(frame, &(struct sl_data_header){.transfer = 1, .offset = UINT64_MAX - 1, .length = 4});
    check_breaks(frame, sizeof frame, "");
}

static enum sl_status refuse_control(struct rig_side *side, struct sl_error *error) {
    (void)side;
    return sl_error_set(error, SL_FORMAT, "I do not like\nthat \x80");
}

Test(frames, what_the_handler_refuses_closes_with_its_text) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    alice->on_control = refuse_control;
    cr_assert_eq(sl_connection_send(bob->up, SL_FRAME_CREDIT, "1", 1), SL_OK);
    cr_assert_eq(sl_connection_send(bob->up, SL_FRAME_CREDIT, "2", 1), SL_OK);
    rig_until(&rig, &bob->downs, 1);
    cr_assert_str_eq(bob->reason, "I do not like?that ?", "made plain for the wire");
    cr_assert_eq(alice->frame_count, 1, "nothing is delivered after the error");
    rig_finish(&rig);
}

Test(frames, bytes_one_by_one_make_the_same_frames) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    static uint8_t room[64];
    uint8_t frames[SL_FRAME_HEADER_SIZE + 3 + SL_DATA_HEADER_SIZE + 8];
    alice->into[1] = room;
    put_raw_header(frames, 3, SL_FRAME_CREDIT, 0, 0);
    memcpy(frames + SL_FRAME_HEADER_SIZE, "abc", 3);
    sl_frame_put_data_header(frames + SL_FRAME_HEADER_SIZE + 3,
                             &(struct sl_data_header){.transfer = 1, .offset = 4, .length = 8});
    memcpy(frames + SL_FRAME_HEADER_SIZE + 3 + SL_DATA_HEADER_SIZE, "12345678", 8);
    for (size_t i = 0; i < sizeof frames; i++) { /* a TLS record each */
        cr_assert_eq(sl_tls_write(&bob->up->tls, frames + i, 1, NULL), SL_OK);
        cr_assert(sl_socket_flush(&bob->up->socket));
        rig_turns(&rig, 2);
    }
    rig_until(&rig, &alice->frame_count, 2);
    cr_assert_eq(alice->frames[0].type, SL_FRAME_CREDIT);
    cr_assert_eq(alice->frames[1].offset, 4);
    cr_assert_eq(memcmp(room,
                        "\0\0\0\0"
                        "12345678\0",
                        13),
                 0);
    rig_finish(&rig);
}

Test(frames, too_many_unread_control_frames_close_the_connection) {
    struct rig rig;
    static uint8_t payload[SL_PAYLOAD_MAX];
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    event_del(&bob->up->read); /* bob does not read any more */
    enum sl_status status = SL_OK;
    size_t sent = 0;
    for (; status == SL_OK && sent < 1000; sent++) {
        alice->in_call = true;
        status = sl_connection_send(alice->up, SL_FRAME_MANIFEST, payload, sizeof payload);
        alice->in_call = false;
        if (status == SL_OK)
            rig_turns(&rig, 1);
    }
    cr_assert_eq(status, SL_LIMIT);
    cr_assert_leq(alice->up->writer.control.length - alice->up->writer.control_begin, SL_CONTROL_QUEUE_MAX);
    cr_assert_eq(alice->downs, 0, "never from within the call");
    cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_CREDIT, "x", 1), SL_CLOSED);
    rig_until(&rig, &alice->downs, 1);
    cr_assert(!alice->down_inside_call);
    cr_assert_str_eq(alice->reason, "the peer does not read");
    rig_finish(&rig);
}

Test(frames, a_queue_that_never_runs_empty_does_not_grow) {
    /* A member that pings all the time and takes the answers as slowly as it may. */
    static const uint8_t payload[1000];
    struct sl_writer writer;
    sl_writer_init(&writer);
    for (size_t i = 0; i < 20000; i++) {
        cr_assert_eq(sl_writer_add_control(&writer, SL_FRAME_PONG, payload, sizeof payload), SL_OK);
        if (i >= 100)
            writer.control_begin += SL_FRAME_HEADER_SIZE + sizeof payload; /* as when they are sent */
    }
    cr_assert_eq(writer.control.length - writer.control_begin, 100 * (SL_FRAME_HEADER_SIZE + sizeof payload));
    cr_assert_lt(writer.control.capacity, 1 << 20);
    sl_writer_finish(&writer);
}

Test(frames, a_payload_that_is_too_long_is_our_own_mistake) {
    struct rig rig;
    static uint8_t payload[SL_PAYLOAD_MAX + 1];
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0];
    cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_MANIFEST, payload, sizeof payload), SL_USAGE);
    rig_turns(&rig, 5);
    cr_assert_eq(alice->downs, 0);
    rig_finish(&rig);
}

/* Who asks for no frames, as a probe, is not hurt by those that come. */
Test(frames, handlers_that_are_not_there_are_passed_over) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_transport_handlers *handlers = &bob->transport->handlers;
    handlers->control = NULL;
    handlers->data = NULL;
    handlers->data_done = NULL;
    handlers->heard = NULL;
    struct sl_block *block = sl_block_create(4096);
    cr_assert_not_null(block);
    memset(block->data, 7, block->length);
    cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_READY, "anything", 8), SL_OK);
    cr_assert_eq(sl_connection_send_data(alice->up, 1, block, 0, block->length), SL_OK);
    rig_until_bytes(&rig, &bob->transport->counters.data_received, block->length);
    cr_assert_eq(bob->frame_count + bob->downs + alice->downs, 0);
    sl_block_unref(block);
    rig_finish(&rig);
}
