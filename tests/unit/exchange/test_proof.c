/* What convicts, and what an honest node may do. */
#include <criterion/criterion.h>
#include <string.h>

#include "exchange/proof.h"
#include "exchange/sightings.h"

static char name[] = "w";
static struct sl_wire_tensor tensors[2] = {{.name = name, .rank = 1, .dims = {100000}},
                                           {.name = name, .rank = 1, .dims = {100001}}};
static uint8_t digests[4][2][SL_WIRE_DIGEST_SIZE]; /* of payload 0, 1, … */

static struct sl_manifest update(unsigned payload) {
    for (unsigned i = 0; i < 4; i++)
        digests[i][1][5] = (uint8_t)i;
    return (struct sl_manifest){.flock = "demo",
                                .run = "r1",
                                .origin = "mallory",
                                .epoch = 2,
                                .round = 7,
                                .lineage = 11,
                                .kind = SL_PAYLOAD_UPDATE,
                                .degree = 3,
                                .samples = 10,
                                .total_samples = 40,
                                .tensors = tensors,
                                .tensor_count = 1,
                                .payload_bytes = 400000,
                                .chunk_bytes = SL_CHUNK_UNIT,
                                .chunk_digests = digests[payload],
                                .chunk_count = 2};
}

static struct sl_statement *state(const struct sl_manifest *manifest, uint8_t signature) {
    struct sl_buffer body = {0};
    struct sl_statement *statement;
    const struct sl_bytes mark = {&signature, 1};
    cr_assert_eq(sl_manifest_encode(&body, manifest), SL_OK);
    cr_assert_eq(sl_statement_create(&statement, (struct sl_bytes){body.data, body.length}, mark, &mark, 1), SL_OK);
    sl_buffer_finish(&body);
    return statement;
}

/* What two manifests make, whichever comes first. */
static enum sl_status make(const struct sl_manifest *a, const struct sl_manifest *b) {
    struct sl_statement *first = state(a, 1), *second = state(b, 2);
    struct sl_proof proof, reverse;
    enum sl_status status = sl_proof_make(&proof, first, second);
    cr_assert_eq(sl_proof_make(&reverse, second, first), status);
    cr_assert_eq(sl_manifest_contradicts(a, b), status == SL_OK);
    cr_assert_eq(sl_manifest_contradicts(b, a), status == SL_OK);
    if (status == SL_OK) {
        struct sl_buffer bytes = {0};
        struct sl_proof read;
        struct sl_manifest manifest;
        cr_assert_eq(proof.first, reverse.first, "one order");
        cr_assert_eq(sl_proof_encode(&bytes, &proof), SL_OK);
        cr_assert_eq(sl_proof_decode(&read, bytes.data, bytes.length, NULL), SL_OK);
        cr_assert_eq(sl_proof_check(&read, &manifest, NULL), SL_OK);
        cr_assert_str_eq(manifest.origin, "mallory");
        sl_manifest_finish(&manifest);
        sl_proof_finish(&read);
        sl_buffer_finish(&bytes);
        sl_proof_finish(&proof);
        sl_proof_finish(&reverse);
    }
    sl_statement_unref(first);
    sl_statement_unref(second);
    return status;
}

#define EXPECT(wanted, change)                                                                                         \
    do {                                                                                                               \
        struct sl_manifest a = update(0), b = update(1);                                                               \
        change;                                                                                                        \
        cr_assert_eq(make(&a, &b), wanted, "%s", #change);                                                             \
    } while (0)

Test(proof, two_updates_of_one_round_convict) {
    EXPECT(SL_OK, );
    EXPECT(SL_OK, b.degree = 4; b.samples = 11; b.total_samples = 50; b.view[3] = 1);
    EXPECT(SL_OK, b.tensors = &tensors[1]; b.payload_bytes = 400004);
}

Test(proof, the_same_payload_under_another_plan_does_not) {
    EXPECT(SL_MISMATCH, b.chunk_digests = a.chunk_digests);
    EXPECT(SL_MISMATCH, b.chunk_digests = a.chunk_digests; b.degree = 4);
    EXPECT(SL_MISMATCH, b.chunk_digests = a.chunk_digests; b.view[3] = 1; b.total_samples = 50; b.samples = 3);
}

Test(proof, other_occasions_do_not) {
    EXPECT(SL_MISMATCH, b.lineage++); /* a restart */
    EXPECT(SL_MISMATCH, b.epoch++);   /* an operator's new start */
    EXPECT(SL_MISMATCH, b.round++);
    EXPECT(SL_MISMATCH, memcpy(b.run, "r2", 3));
    EXPECT(SL_MISMATCH, memcpy(b.flock, "other", 6));
    EXPECT(SL_MISMATCH, memcpy(b.origin, "trudy", 6));
}

Test(proof, a_snapshot_does_not) {
    EXPECT(SL_MISMATCH, b.kind = SL_PAYLOAD_SNAPSHOT);
    EXPECT(SL_MISMATCH, a.kind = b.kind = SL_PAYLOAD_SNAPSHOT);
}

Test(proof, another_cut_of_what_may_be_the_same_does_not) {
    EXPECT(SL_MISMATCH, b.chunk_bytes = 2 * SL_CHUNK_UNIT; b.chunk_count = 1);
}

Test(proof, what_is_no_manifest_proves_nothing) {
    const struct sl_bytes body = {(const uint8_t *)"\x0a\x01z", 3}, mark = {(const uint8_t *)"x", 1};
    struct sl_manifest manifest = update(0);
    struct sl_statement *good = state(&manifest, 1), *bad;
    struct sl_proof proof;
    cr_assert_eq(sl_statement_create(&bad, body, mark, &mark, 1), SL_OK);
    cr_assert_eq(sl_proof_make(&proof, good, bad), SL_MISMATCH);
    cr_assert_null(proof.first);
    sl_statement_unref(good);
    sl_statement_unref(bad);
}

/* ---- sightings ---- */

static struct sl_sightings sightings;

static void forget_all(void) {
    sl_sightings_finish(&sightings);
}

TestSuite(sightings, .fini = forget_all);

/* Whether a manifest of that payload is a contradiction. */
static bool see(const struct sl_manifest *manifest) {
    struct sl_statement *statement = state(manifest, 1), *contradicted;
    cr_assert_eq(sl_sightings_add(&sightings, manifest, statement, &contradicted), SL_OK);
    sl_statement_unref(statement);
    return contradicted != NULL;
}

Test(sightings, a_second_word_is_held_against_the_first) {
    struct sl_manifest a = update(0), b = update(1), c = update(0);
    c.degree = 9;
    cr_assert_not(see(&a));
    cr_assert_not(see(&a));
    cr_assert_not(see(&c));
    cr_assert(see(&b));
    cr_assert_eq(sightings.count, 1, "the first is kept");
}

Test(sightings, what_others_saw_is_answered_where_it_differs) {
    struct sl_manifest a = update(0), b = update(1);
    struct sl_digest digest;
    cr_assert_not(see(&a));
    struct sl_witness_entry entry = sightings.items[0].entry;
    cr_assert_str_eq(entry.origin, "mallory");
    cr_assert_null(sl_sightings_answer(&sightings, 7, &entry), "we saw the same");
    entry.manifest[0] ^= 1;
    cr_assert_null(sl_sightings_answer(&sightings, 7, &entry), "of the same payload");
    sl_manifest_payload_digest(&digest, &b);
    memcpy(entry.payload, digest.bytes, sizeof entry.payload);
    cr_assert_eq(sl_sightings_answer(&sightings, 7, &entry), sightings.items[0].statement);
    cr_assert_null(sl_sightings_answer(&sightings, 8, &entry));
    entry.lineage++;
    cr_assert_null(sl_sightings_answer(&sightings, 7, &entry));
    entry.lineage--;
    entry.kind = SL_PAYLOAD_SNAPSHOT;
    cr_assert_null(sl_sightings_answer(&sightings, 7, &entry));
    entry.kind = SL_PAYLOAD_UPDATE;
    memcpy(entry.origin, "trudy", 6);
    cr_assert_null(sl_sightings_answer(&sightings, 7, &entry));
}

Test(sightings, the_memory_is_bounded) {
    struct sl_manifest a = update(0);
    for (a.lineage = 0; a.lineage < 100; a.lineage++)
        cr_assert_not(see(&a));
    cr_assert_eq(sightings.count, SL_SIGHTINGS_A_ROUND);
    a.kind = SL_PAYLOAD_SNAPSHOT;
    a.round = 8;
    cr_assert_not(see(&a));
    cr_assert_eq(sightings.count, SL_SIGHTINGS_A_ROUND, "snapshots are nobody's concern");
    a.kind = SL_PAYLOAD_UPDATE;
    cr_assert_not(see(&a));
    sl_sightings_forget(&sightings, 8);
    cr_assert_eq(sightings.count, 1);
    cr_assert_eq(sightings.items[0].round, 8);
}
