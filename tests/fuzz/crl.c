/* A revocation list from the network: refused in one printable line, or signed by our authority, and newer. Keys are
 * fresh a process, so a file that crashed this target tells where, and need not crash it again. */
#include <string.h>

#include "support/certificates.h"
#include "target.h"

enum { LISTS = 3 };

static struct {
    bool ready;
    struct sl_identity *identity;
    gnutls_datum_t lists[LISTS];
} shared;

static void release(void) {
    sl_identity_unref(shared.identity);
    for (size_t i = 0; i < LISTS; i++)
        gnutls_free(shared.lists[i].data);
}

static void prepare(void) {
    struct sl_test_flock flock;
    struct sl_test_pair leaf;
    char uri[SL_TEST_URI_SIZE];
    if (shared.ready)
        return;
    shared.ready = true;
    sl_test_flock_init(&flock, "demo");
    shared.identity = sl_test_member(&flock, "bob"); /* with list number 1 */
    const struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "alice", SL_PURPOSE_CLIENT);
    sl_test_issue(&leaf, &order);
    shared.lists[0] = sl_test_list(&(struct sl_test_list_order){.issuer = &flock.authority, .number = 2});
    shared.lists[1] = sl_test_list(
        &(struct sl_test_list_order){.issuer = &flock.authority, .number = 3, .revoked = {&leaf, &flock.authority}});
    shared.lists[2] = sl_test_list(&(struct sl_test_list_order){.issuer = &leaf});
    sl_test_pair_finish(&leaf);
    sl_test_flock_finish(&flock);
    atexit(release);
}

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    if (index >= LISTS)
        return 0;
    prepare();
    memcpy(out, shared.lists[index].data, shared.lists[index].size);
    return shared.lists[index].size;
}

static bool is_ours(const uint8_t *data, size_t length) {
    for (size_t i = 0; i < 2; i++)
        if (length == shared.lists[i].size && memcmp(data, shared.lists[i].data, length) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    struct sl_identity *next = NULL;
    struct sl_error error = {.status = SL_OK};
    prepare();
    enum sl_status status = sl_identity_with_crl(shared.identity, &next, (struct sl_bytes){data, length}, &error);
    if (status == SL_OK) {
        struct sl_bytes lists[2];
        FUZZ_CHECK(is_ours(data, length));
        FUZZ_CHECK(sl_identity_crls(next, lists, 2) == 1 && lists[0].length == length);
        FUZZ_CHECK(memcmp(lists[0].data, data, length) == 0);
        sl_identity_unref(next);
        return 0;
    }
    FUZZ_CHECK(status == SL_UNTRUSTED && next == NULL && error.text[0] != '\0');
    for (const char *c = error.text; *c != '\0'; c++)
        FUZZ_CHECK(*c >= ' ' && *c <= '~');
    return 0;
}
