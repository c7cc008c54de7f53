/* What a slot holds, read and digested by all workers at once: a model of a gigabyte takes one thread some seconds, and
 * nobody hears of this node before. */
#include "node/internal.h"

#include <stdlib.h>

struct load_job {
    struct sl_job job;
    struct sl_slot *slot;
    const struct sl_chunks *chunks;
    uint8_t *data;
    struct sl_digest *digests;
    uint32_t first, last; /* chunks first … last − 1 */
    bool failed;
};

static void run_load(struct sl_job *job) {
    struct load_job *load = (struct load_job *)job;
    for (uint32_t i = load->first; i < load->last && !load->failed; i++) {
        const uint64_t offset = sl_chunk_first(load->chunks, i);
        const uint32_t length = sl_chunk_length(load->chunks, i);
        struct sl_error error = {.status = SL_OK, .text = ""};
        load->failed = sl_slot_read(load->slot, load->data + offset, length, offset, &error) != SL_OK;
        if (!load->failed)
            sl_digest_of(&load->digests[i], load->data + offset, length);
    }
}

static void handle_loaded(struct sl_job *job) {
    (void)job; /* waited for */
}

static bool load_all(struct sl_node *node, struct load_job *jobs, uint32_t count, const struct load_job *whole) {
    bool good = true;
    for (uint32_t i = 0; i < count; i++) {
        jobs[i] = *whole;
        jobs[i].job = (struct sl_job){.run = run_load, .done = handle_loaded};
        jobs[i].first = (uint32_t)((uint64_t)whole->chunks->count * i / count);
        jobs[i].last = (uint32_t)((uint64_t)whole->chunks->count * (i + 1) / count);
        sl_pool_submit(node->pool, &jobs[i].job);
    }
    sl_pool_wait_idle(node->pool);
    (void)sl_pool_drain(node->pool);
    for (uint32_t i = 0; i < count; i++)
        good = good && !jobs[i].failed;
    return good;
}

struct sl_block *node_load_slot(struct sl_node *node, struct sl_slot *slot, const struct sl_chunks *chunks,
                                struct sl_digest *digests) {
    const uint32_t count = node->workers < chunks->count ? (uint32_t)node->workers : chunks->count;
    struct sl_block *block =
        sl_slot_length(slot) == chunks->payload_bytes ? sl_block_create((size_t)chunks->payload_bytes) : NULL;
    struct load_job *jobs = block != NULL ? calloc(count, sizeof *jobs) : NULL;
    const struct load_job whole = {
        .slot = slot, .chunks = chunks, .data = block != NULL ? block->data : NULL, .digests = digests};
    if (jobs == NULL || !load_all(node, jobs, count, &whole)) {
        sl_block_unref(block);
        block = NULL;
    }
    free(jobs);
    return block;
}
