/* A joiner in a full mesh has three donors: what they say alike one of them gives; what they do not, the median is of.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "peer.h"

enum { DONORS = 3 };

static struct peer donors[DONORS];
static uint64_t latest; /* round that they are in */
static const uint64_t BYTES = PEER_ELEMENTS * sizeof(float);

static void turn_all(void) {
    for (size_t i = 0; i < DONORS; i++)
        peer_turn(&donors[i]);
}

#define UNTIL(condition)                                                                                               \
    do {                                                                                                               \
        sl_time limit_ = sl_clock_monotonic() + 60 * SL_SECOND;                                                        \
        while (!(condition)) {                                                                                         \
            cr_assert_lt(sl_clock_monotonic(), limit_, "%s", #condition);                                              \
            turn_all();                                                                                                \
        }                                                                                                              \
    } while (0)

static size_t count_frames(enum sl_frame_type type) {
    size_t count = 0;
    for (size_t i = 0; i < DONORS; i++)
        count += donors[i].frames[type];
    return count;
}

static void tell_all(uint64_t number) {
    for (size_t i = 0; i < DONORS; i++)
        peer_tell_progress(&donors[i], number, false);
}

static void refuse(struct peer *donor) {
    struct sl_buffer payload = {0};
    cr_assert_eq(sl_cancel_encode(&payload, &(struct sl_cancel){.transfer = 0}), SL_OK);
    peer_send(donor, SL_FRAME_CANCEL, &payload);
    sl_buffer_finish(&payload);
}

/* bob comes when they are in round 5, and asks those who entered a later one first. When all have refused once, they
 * all are in the same round, and he asks the three together. */
static void begin(const char *round) {
    static const char *const names[] = {"alice", "carol", "dave"};
    peer_init(&donors[0], names[0], round, false);
    peer_run_node(&donors[0]);
    for (size_t i = 0; i < DONORS; i++) {
        if (i > 0)
            peer_init_guest(&donors[i], &donors[0], names[i]);
        peer_connect(&donors[i]);
    }
    for (size_t i = 0; i < DONORS; i++) {
        peer_tell_progress(&donors[i], 5, false);
        peer_join(&donors[i]);
    }
    for (latest = 5; count_frames(SL_FRAME_MODEL_REQUEST) == 0; latest += 2) {
        cr_assert_lt(latest, 400);
        tell_all(latest);
        for (size_t turns = 0; turns < 20; turns++)
            turn_all();
    }
    latest -= 2;
    for (bool refused[DONORS] = {false}; count_frames(SL_FRAME_MODEL_REQUEST) < 2 * DONORS;) {
        turn_all();
        for (size_t i = 0; i < DONORS; i++)
            if (!refused[i] && donors[i].frames[SL_FRAME_MODEL_REQUEST] == 1) {
                refuse(&donors[i]);
                refused[i] = true;
            }
    }
}

static void set_up(void) {
    begin("\"rounds\":500,\"deadline_min\":12,\"deadline_max\":20,\"linger_max\":0");
}

static void set_up_short(void) {
    begin("\"rounds\":500,\"deadline_min\":3,\"deadline_max\":3,\"linger_max\":0");
}

static void tear_down(void) {
    for (size_t i = DONORS; i-- > 0;)
        peer_finish(&donors[i]);
}

TestSuite(node_donors, .init = set_up, .fini = tear_down, .timeout = 180);

static void fill(struct peer *donor, float value) {
    float *values = (float *)(void *)donor->update->data;
    for (size_t i = 0; i < PEER_ELEMENTS; i++)
        values[i] = value;
}

static uint32_t announce_of(struct peer *donor, uint64_t round) {
    struct sl_manifest manifest = peer_describe(donor, round, SL_PAYLOAD_SNAPSHOT);
    uint32_t transfer = peer_send_manifest(donor, &manifest);
    sl_manifest_finish(&manifest);
    return transfer;
}

static uint32_t announce(struct peer *donor) {
    return announce_of(donor, latest);
}

/* The first value of the model that bob goes on with: of his update, as the idle trainer leaves it. */
static float first_value(void) {
    UNTIL(donors[0].manifest.round == latest + 1);
    peer_send_credit(&donors[0], donors[0].transfer, BYTES);
    UNTIL(donors[0].got == BYTES);
    return donors[0].first;
}

Test(node_donors, of_three_that_differ_the_median_is_taken) {
    static const float values[] = {3, 1e30f, 1};
    uint32_t transfers[DONORS];
    for (size_t i = 0; i < DONORS; i++) {
        fill(&donors[i], values[i]);
        transfers[i] = announce(&donors[i]);
    }
    for (size_t i = 0; i < DONORS; i++) {
        UNTIL(donors[i].credit[transfers[i]] == BYTES);
        peer_send_data(&donors[i], transfers[i], 0, BYTES);
    }
    cr_assert_float_eq(first_value(), 3, 1e-6);
}

Test(node_donors, what_all_say_alike_one_gives) {
    uint32_t transfers[DONORS];
    for (size_t i = 0; i < DONORS; i++)
        transfers[i] = announce(&donors[i]);
    UNTIL(donors[1].cancelled[transfers[1]] && donors[2].cancelled[transfers[2]]);
    UNTIL(donors[0].credit[transfers[0]] == BYTES);
    peer_send_data(&donors[0], transfers[0], 0, BYTES);
    cr_assert_float_eq(first_value(), 1, 1e-6);
    cr_assert_eq(donors[1].credit[transfers[1]] + donors[2].credit[transfers[2]], 0);
}

Test(node_donors, who_is_silent_is_not_waited_for) {
    fill(&donors[1], 2);
    uint32_t transfer = announce(&donors[1]);
    UNTIL(donors[1].credit[transfer] == BYTES); /* a quarter of the least W later */
    peer_send_data(&donors[1], transfer, 0, BYTES);
    cr_assert_float_eq(first_value(), 2, 1e-6);
}

Test(node_donors, who_goes_away_takes_nothing_along) {
    uint32_t transfers[DONORS];
    fill(&donors[2], 2);
    for (size_t i = 0; i < DONORS; i++)
        transfers[i] = announce(&donors[i]);
    UNTIL(donors[0].credit[transfers[0]] == BYTES && donors[2].credit[transfers[2]] == BYTES);
    sl_connection_close(donors[1].connection, "test");
    peer_send_data(&donors[0], transfers[0], 0, BYTES);
    peer_send_data(&donors[2], transfers[2], 0, BYTES);
    cr_assert_float_eq(first_value(), 1.5, 1e-6);
}

Test(node_donors, a_later_round_than_the_others_is_nobodys_to_name) {
    fill(&donors[0], 9);
    uint32_t liar = announce_of(&donors[0], 500); /* the run would be over */
    uint32_t honest = announce(&donors[1]);
    (void)announce(&donors[2]);
    UNTIL(donors[0].cancelled[liar] && donors[1].credit[honest] == BYTES);
    peer_send_data(&donors[1], honest, 0, BYTES);
    cr_assert_float_eq(first_value(), 1, 1e-6);
}

Test(node_donors, where_the_one_that_gives_goes_away_the_others_are_asked) {
    uint32_t transfers[DONORS];
    for (size_t i = 0; i < DONORS; i++)
        transfers[i] = announce(&donors[i]);
    UNTIL(donors[0].credit[transfers[0]] == BYTES);
    UNTIL(donors[1].cancelled[transfers[1]] && donors[2].cancelled[transfers[2]]);
    sl_time began = sl_clock_monotonic();
    sl_connection_close(donors[0].connection, "test");
    UNTIL(donors[1].frames[SL_FRAME_MODEL_REQUEST] == 3);
    cr_assert_lt(sl_clock_monotonic() - began, 15 * SL_SECOND, "before the round gives up all three");
    uint32_t again = announce(&donors[1]);
    UNTIL(donors[2].frames[SL_FRAME_MODEL_REQUEST] == 3);
    (void)announce(&donors[2]);
    UNTIL(donors[1].credit[again] == BYTES);
    peer_send_data(&donors[1], again, 0, BYTES);
    peer_connect(&donors[0]);
    cr_assert_float_eq(first_value(), 1, 1e-6);
}

TestSuite(node_slow_donor, .init = set_up_short, .fini = tear_down, .timeout = 180);

/* The round names all three again when it has waited as long as it may; one of them has given a part by then. */
Test(node_slow_donor, who_gives_slowly_is_let_end) {
    uint32_t transfers[DONORS];
    for (size_t i = 0; i < DONORS; i++)
        transfers[i] = announce(&donors[i]);
    UNTIL(donors[0].credit[transfers[0]] == BYTES);
    sl_time began = sl_clock_monotonic();
    for (uint64_t at = 0; at < BYTES; at += SL_CHUNK_UNIT) {
        uint64_t length = BYTES - at < SL_CHUNK_UNIT ? BYTES - at : SL_CHUNK_UNIT;
        UNTIL(sl_clock_monotonic() - began >= (sl_time)(at / SL_CHUNK_UNIT) * 6 * SL_SECOND / 5);
        peer_send_data(&donors[0], transfers[0], at, length);
    }
    cr_assert_float_eq(first_value(), 1, 1e-6);
    cr_assert(!donors[0].cancelled[transfers[0]]);
}
