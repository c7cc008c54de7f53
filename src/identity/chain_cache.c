#include "identity/chain_cache.h"

#include <pthread.h>
#include <stdlib.h>

/* Two chains of each of 1024 connections. A digest picks a set; within it the longest unused gives way. */
enum { SETS = 512, WAYS = 4 };

struct entry {
    struct sl_digest key;
    struct sl_credential *credential; /* NULL: free */
    int64_t from, until;
    uint64_t used;
};

struct sl_chain_cache {
    pthread_mutex_t lock;
    uint64_t uses;
    struct entry entries[SETS][WAYS];
};

struct sl_chain_cache *sl_chain_cache_create(void) {
    struct sl_chain_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL && pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        return NULL;
    }
    return cache;
}

void sl_chain_cache_destroy(struct sl_chain_cache *cache) {
    if (cache == NULL)
        return;
    for (size_t i = 0; i < SETS; i++)
        for (size_t j = 0; j < WAYS; j++)
            sl_credential_unref(cache->entries[i][j].credential);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

void sl_chain_cache_key(struct sl_digest *out, enum sl_purpose purpose, const struct sl_bytes *chain, size_t count) {
    uint8_t kind = (uint8_t)purpose, lengths[SL_CHAIN_MAX][4];
    struct sl_bytes parts[1 + 2 * SL_CHAIN_MAX] = {{&kind, 1}};
    size_t used = 1;
    for (size_t i = 0; i < count && i < SL_CHAIN_MAX; i++) {
        sl_put_u32(lengths[i], (uint32_t)chain[i].length);
        parts[used++] = (struct sl_bytes){lengths[i], sizeof lengths[i]};
        parts[used++] = chain[i];
    }
    sl_digest_of_parts(out, parts, used);
}

static struct entry *set_of(struct sl_chain_cache *cache, const struct sl_digest *key) {
    return cache->entries[sl_get_u32(key->bytes) % SETS];
}

struct sl_credential *sl_chain_cache_find(struct sl_chain_cache *cache, const struct sl_digest *key, int64_t now) {
    struct sl_credential *found = NULL;
    pthread_mutex_lock(&cache->lock);
    struct entry *set = set_of(cache, key);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].credential == NULL || !sl_digest_equal(&set[i].key, key))
            continue;
        if (now >= set[i].from && now <= set[i].until) {
            found = sl_credential_ref(set[i].credential);
            set[i].used = ++cache->uses;
        }
        break;
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

void sl_chain_cache_put(struct sl_chain_cache *cache, const struct sl_digest *key, struct sl_credential *credential,
                        int64_t now, int64_t until) {
    pthread_mutex_lock(&cache->lock);
    struct entry *set = set_of(cache, key), *place = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].credential != NULL && sl_digest_equal(&set[i].key, key)) {
            place = &set[i];
            break;
        }
        if (set[i].used < place->used) /* a free one was never used */
            place = &set[i];
    }
    struct sl_credential *old = place->credential;
    *place = (struct entry){*key, sl_credential_ref(credential), now, until, ++cache->uses};
    pthread_mutex_unlock(&cache->lock);
    sl_credential_unref(old);
}
