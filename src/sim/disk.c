/* The disks: a node's journal as src/round/round.h asks for it. Payloads and models are on the disk before the machine
 * hears of them; a record of its state is appended after a step, and flushed flush_time later; durable actions wait for
 * that. What a record needs stays until a later one is flushed. */
#include "sim/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* ---- what is stored ---- */

static struct sim_stored *find(const struct sim_node *node, const uint8_t digest[SL_WIRE_DIGEST_SIZE]) {
    for (size_t i = 0; i < node->disk.stored_count; i++)
        if (memcmp(node->disk.stored[i].digest, digest, SL_WIRE_DIGEST_SIZE) == 0)
            return &node->disk.stored[i];
    return NULL;
}

struct sim_payload *sl_sim_find_stored(const struct sim_node *node, const uint8_t digest[SL_WIRE_DIGEST_SIZE]) {
    const struct sim_stored *stored = find(node, digest);
    return stored != NULL ? stored->payload : NULL;
}

static struct sim_stored *add_stored(struct sl_world *world, struct sim_node *node,
                                     const uint8_t digest[SL_WIRE_DIGEST_SIZE]) {
    struct sim_disk *disk = &node->disk;
    if (!world->options.disks || find(node, digest) != NULL)
        return NULL;
    if (sl_array_reserve(&disk->stored, &disk->stored_capacity, disk->stored_count + 1, sizeof *disk->stored) !=
        SL_OK) {
        world->status = SL_NO_MEMORY;
        return NULL;
    }
    struct sim_stored *stored = &disk->stored[disk->stored_count++];
    *stored = (struct sim_stored){.peer = 0};
    memcpy(stored->digest, digest, sizeof stored->digest);
    return stored;
}

void sl_sim_store_payload(struct sl_world *world, uint32_t number, const struct sim_incoming *incoming) {
    struct sim_stored *stored = add_stored(world, &world->nodes[number], incoming->digest);
    if (stored == NULL)
        return;
    stored->peer = incoming->peer;
    stored->round = incoming->round;
    stored->manifest = incoming->manifest;
    stored->payload = sl_sim_payload_ref(incoming->payload);
}

void sl_sim_store_own(struct sl_world *world, uint32_t number) {
    struct sim_node *node = &world->nodes[number];
    struct sim_stored *stored = add_stored(world, node, node->digest);
    if (stored == NULL)
        return;
    stored->peer = number;
    stored->round = node->own_round;
    stored->manifest = node->manifest;
    stored->payload = sl_sim_payload_ref(node->own);
    stored->trained = sl_sim_payload_create(world, node->model);
}

void sl_sim_store_model(struct sl_world *world, uint32_t number) {
    struct sim_node *node = &world->nodes[number];
    struct sim_disk *disk = &node->disk;
    if (!world->options.disks)
        return;
    if (sl_array_reserve(&disk->snapshots, &disk->snapshot_capacity, disk->snapshot_count + 1,
                         sizeof *disk->snapshots) != SL_OK) {
        world->status = SL_NO_MEMORY;
        return;
    }
    disk->snapshots[disk->snapshot_count++] =
        (struct sim_snapshot){.round = node->done, .payload = sl_sim_payload_create(world, node->model)};
}

static void drop_stored(struct sim_disk *disk, size_t at) {
    sl_sim_payload_unref(disk->stored[at].payload);
    sl_sim_payload_unref(disk->stored[at].trained);
    disk->stored[at] = disk->stored[--disk->stored_count];
}

static void drop_snapshot(struct sim_disk *disk, size_t at) {
    sl_sim_payload_unref(disk->snapshots[at].payload);
    memmove(disk->snapshots + at, disk->snapshots + at + 1, (--disk->snapshot_count - at) * sizeof *disk->snapshots);
}

static bool is_needed(const struct sim_disk *disk, enum sl_round_need_type other, uint64_t round,
                      const uint8_t *digest) {
    for (size_t i = 0; i < disk->record_count; i++) {
        const struct sim_record *record = &disk->records[i];
        for (size_t k = 0; k < record->need_count; k++) {
            const struct sl_round_need *need = &record->needs[k];
            bool model = need->type == SL_ROUND_NEED_MODEL;
            if (other == SL_ROUND_NEED_MODEL ? model && need->round == round
                                             : !model && memcmp(need->digest, digest, SL_WIRE_DIGEST_SIZE) == 0)
                return true;
        }
    }
    return false;
}

static bool is_in_memory(const struct sim_node *node, const struct sim_stored *stored) {
    if (stored->payload == node->own)
        return true;
    for (size_t i = 0; i < node->incoming_count; i++)
        if (node->incoming[i].payload == stored->payload)
            return true;
    return false;
}

/* Slots that no record and not the present process needs are free again. */
static void collect(struct sim_node *node) {
    struct sim_disk *disk = &node->disk;
    for (size_t i = disk->stored_count; i-- > 0;)
        if (!is_needed(disk, SL_ROUND_NEED_PEER, 0, disk->stored[i].digest) && !is_in_memory(node, &disk->stored[i]))
            drop_stored(disk, i);
    for (size_t i = disk->snapshot_count; i-- > 0;)
        if (!is_needed(disk, SL_ROUND_NEED_MODEL, disk->snapshots[i].round, NULL) &&
            disk->snapshots[i].round != node->done)
            drop_snapshot(disk, i);
}

/* ---- records ---- */

static void drop_record(struct sim_disk *disk, size_t at) {
    struct sim_record *record = &disk->records[at];
    sl_buffer_finish(&record->bytes);
    free(record->needs);
    free(record->mark);
    memmove(record, record + 1, (--disk->record_count - at) * sizeof *record);
}

static bool is_same(const struct sim_disk *disk, const struct sl_buffer *bytes) {
    if (disk->record_count == 0)
        return false;
    const struct sl_buffer *last = &disk->records[disk->record_count - 1].bytes;
    return last->length == bytes->length && memcmp(last->data, bytes->data, bytes->length) == 0;
}

static bool add_record(struct sl_world *world, uint32_t number, struct sim_record *record) {
    struct sim_node *node = &world->nodes[number];
    struct sim_disk *disk = &node->disk;
    if (sl_array_reserve(&disk->records, &disk->record_capacity, disk->record_count + 1, sizeof *disk->records) !=
            SL_OK ||
        sl_round_needs(node->round, &record->needs, &record->need_count) != SL_OK) {
        world->status = SL_NO_MEMORY;
        return false;
    }
    record->number = ++disk->appended;
    record->lineage = sl_round_lineage(node->round);
    if (world->audit != NULL)
        record->mark = sl_sim_audit_mark(world, number);
    disk->records[disk->record_count++] = *record;
    world->counts.records++;
    world->counts.record_bytes += record->bytes.length;
    return true;
}

uint64_t sl_sim_append(struct sl_world *world, uint32_t number) {
    struct sim_disk *disk = &world->nodes[number].disk;
    struct sim_record record = {.number = 0};
    if (!world->options.disks)
        return 0;
    enum sl_status status = sl_round_save(world->nodes[number].round, &record.bytes);
    if (status != SL_OK || is_same(disk, &record.bytes) || !add_record(world, number, &record)) {
        sl_buffer_finish(&record.bytes);
        if (status != SL_OK)
            world->status = status;
        return disk->record_count > 0 ? disk->records[disk->record_count - 1].number : 0;
    }
    if (world->options.flush_time == 0)
        sl_sim_flushed(world, number, disk->appended);
    else
        sl_sim_later(world, world->options.flush_time,
                     &(struct sim_message){.type = SIM_FLUSHED, .to = number, .round = disk->appended});
    return disk->appended;
}

bool sl_sim_must_wait(struct sl_world *world, uint32_t number, const struct sl_round_action *action, uint64_t record) {
    struct sim_disk *disk = &world->nodes[number].disk;
    if (!action->durable || record <= disk->flushed || (world->options.eager >> action->type & 1) != 0)
        return false;
    if (sl_array_reserve(&disk->waiting, &disk->waiting_capacity, disk->waiting_count + 1, sizeof *disk->waiting) !=
        SL_OK) {
        world->status = SL_NO_MEMORY;
        return true;
    }
    disk->waiting[disk->waiting_count++] = (struct sim_waiting){.record = record, .action = *action};
    return true;
}

static void carry_out_waiting(struct sl_world *world, uint32_t number) {
    struct sim_disk *disk = &world->nodes[number].disk;
    size_t ready = 0;
    while (ready < disk->waiting_count && disk->waiting[ready].record <= disk->flushed)
        ready++;
    for (size_t i = 0; i < ready; i++) {
        struct sl_round_action action = disk->waiting[i].action;
        sl_world_carry_out(world, number, &action);
    }
    if (ready > 0)
        memmove(disk->waiting, disk->waiting + ready, (disk->waiting_count - ready) * sizeof *disk->waiting);
    disk->waiting_count -= ready;
}

void sl_sim_flushed(struct sl_world *world, uint32_t number, uint64_t record) {
    struct sim_disk *disk = &world->nodes[number].disk;
    disk->flushed = record;
    while (disk->record_count > 1 && disk->records[1].number <= record)
        drop_record(disk, 0);
    if (disk->record_count > 0 && disk->records[0].mark != NULL && disk->records[0].number <= record)
        sl_sim_audit_flushed(world, number, sl_sim_audit_position(disk->records[0].mark));
    collect(&world->nodes[number]);
    carry_out_waiting(world, number);
}

void sl_sim_drop_unflushed(struct sl_world *world, uint32_t number) {
    struct sim_disk *disk = &world->nodes[number].disk;
    (void)world;
    while (disk->record_count > 0 && disk->records[disk->record_count - 1].number > disk->flushed)
        drop_record(disk, disk->record_count - 1);
}

void sl_sim_format_disk(struct sl_world *world, uint32_t number) {
    struct sim_disk *disk = &world->nodes[number].disk;
    while (disk->record_count > 0)
        drop_record(disk, disk->record_count - 1);
    while (disk->stored_count > 0)
        drop_stored(disk, disk->stored_count - 1);
    while (disk->snapshot_count > 0)
        drop_snapshot(disk, disk->snapshot_count - 1);
    free(disk->records);
    free(disk->stored);
    free(disk->snapshots);
    free(disk->waiting);
    *disk = (struct sim_disk){.appended = disk->appended, .flushed = disk->appended};
}

/* ---- recovery ---- */

static struct sim_payload *model_of(const struct sim_node *node, uint64_t round) {
    for (size_t i = node->disk.snapshot_count; i-- > 0;)
        if (node->disk.snapshots[i].round == round)
            return node->disk.snapshots[i].payload;
    return NULL;
}

static void load_own(struct sl_world *world, struct sim_node *node, const struct sim_stored *stored) {
    node->own = sl_sim_payload_ref(stored->payload);
    node->own_round = stored->round;
    node->manifest = stored->manifest;
    memcpy(node->digest, stored->digest, sizeof node->digest);
    memcpy(node->model, stored->trained->values, world->options.elements * sizeof *node->model);
}

/* The memory that goes with the record: the model, own update, those of peers that are whole. */
static void load(struct sl_world *world, uint32_t number, const struct sim_record *record) {
    struct sim_node *node = &world->nodes[number];
    uint64_t current = sl_round_current(node->round);
    node->done = sl_round_done(node->round);
    const struct sim_payload *model = model_of(node, node->done);
    if (model != NULL)
        memcpy(node->model, model->values, world->options.elements * sizeof *node->model);
    enum sl_round_phase phase = sl_round_phase(node->round);
    bool published = phase == SL_PHASE_EXCHANGE || phase == SL_PHASE_MIX;
    for (size_t i = 0; published && i < record->need_count; i++) {
        const struct sl_round_need *need = &record->needs[i];
        const struct sim_stored *own = find(node, need->digest);
        if (need->type == SL_ROUND_NEED_OWN && need->round == current && own != NULL && node->own == NULL)
            load_own(world, node, own);
    }
    for (size_t i = 0; i < node->disk.stored_count && world->status == SL_OK; i++)
        if (node->disk.stored[i].round == current && node->disk.stored[i].peer != number)
            sl_sim_load_incoming(world, node, &node->disk.stored[i]);
}

static enum sl_status create(struct sl_world *world, uint32_t number, const struct sim_record *record) {
    struct sim_node *node = &world->nodes[number];
    struct sim_disk *disk = &node->disk;
    uint8_t(*held)[SL_WIRE_DIGEST_SIZE] = malloc((disk->stored_count + 1) * sizeof *held);
    if (held == NULL)
        return SL_NO_MEMORY;
    for (size_t i = 0; i < disk->stored_count; i++)
        memcpy(held[i], disk->stored[i].digest, sizeof held[i]);
    struct sl_round_options saved = {.restored = {record->bytes.data, record->bytes.length},
                                     .held = (const uint8_t(*)[SL_WIRE_DIGEST_SIZE])held,
                                     .held_count = disk->stored_count,
                                     .model_round = UINT64_MAX};
    for (size_t i = 0; i < record->need_count; i++)
        if (record->needs[i].type == SL_ROUND_NEED_MODEL && model_of(node, record->needs[i].round) != NULL)
            saved.model_round = record->needs[i].round;
    node->lineage = record->lineage;
    enum sl_status status = sl_sim_create_machine(world, number, &saved);
    free(held);
    return status;
}

/* The machine before it had records: in round `done` again, with the model and the lineage. */
static enum sl_status forget(struct sl_world *world, uint32_t number, const struct sim_record *record, bool *done) {
    struct sim_node *node = &world->nodes[number];
    const struct sim_payload *model = model_of(node, node->done);
    const struct sl_round_options saved = {.done_rounds = node->done};
    node->lineage = record->lineage;
    if (model != NULL)
        memcpy(node->model, model->values, world->options.elements * sizeof *node->model);
    world->counts.resumed++;
    *done = true;
    return sl_sim_create_machine(world, number, &saved);
}

enum sl_status sl_sim_recover(struct sl_world *world, uint32_t number, bool *done) {
    struct sim_node *node = &world->nodes[number];
    struct sim_disk *disk = &node->disk;
    *done = false;
    if (disk->record_count == 0) { /* nothing was promised: from the start */
        const struct sim_payload *start = model_of(node, 0);
        if (start != NULL)
            memcpy(node->model, start->values, world->options.elements * sizeof *node->model);
        return SL_OK;
    }
    const struct sim_record *record = &disk->records[disk->record_count - 1];
    if (world->options.forgetful)
        return forget(world, number, record, done);
    uint64_t lineage = node->lineage;
    enum sl_status status = create(world, number, record);
    if (status != SL_OK) {
        if (status != SL_MISMATCH)
            return status;
        world->counts.refused++;
        return SL_OK;
    }
    *done = true;
    world->counts.resumed++;
    sl_sim_audit_restore(world, number, record->mark);
    if (lineage != record->lineage && world->audit != NULL)
        sl_audit_end_lines(world, number); /* it ended just before the crash */
    load(world, number, record);
    sl_sim_flushed(world, number, record->number);
    return world->status;
}
