/* A certificate chain from the network: refused in one printable line, or of the very node that its authority named.
 * The input: two bytes of length and a certificate in DER, repeated. Keys are fresh a process, so a file that crashed
 * this target tells where, and need not crash it again. */
#include <string.h>

#include "support/certificates.h"
#include "target.h"

static struct {
    bool ready;
    struct sl_identity *identity;
    struct sl_test_pair authority, leaf;
    struct sl_test_pair intermediate, below; /* which may name nodes of this flock alone */
} shared;

static void release(void) {
    sl_identity_unref(shared.identity);
    sl_test_pair_finish(&shared.authority);
    sl_test_pair_finish(&shared.leaf);
    sl_test_pair_finish(&shared.intermediate);
    sl_test_pair_finish(&shared.below);
}

/* Bob, who knows the lists of both authorities. */
static struct sl_identity *load(const struct sl_test_flock *flock) {
    struct sl_settings settings;
    struct sl_identity *identity = NULL;
    sl_test_write_member(flock, "bob");
    sl_test_settings_init(&settings, flock, "bob");
    sl_test_write_lists(
        settings.identity.crl_file,
        (const struct sl_test_list_order[]){{.issuer = &flock->authority}, {.issuer = &shared.intermediate}}, 2);
    FUZZ_CHECK(sl_identity_load(&identity, &settings, NULL, NULL) == SL_OK);
    sl_test_settings_finish(&settings);
    return identity;
}

static void prepare(void) {
    struct sl_test_flock flock;
    char uri[SL_TEST_URI_SIZE];
    if (shared.ready)
        return;
    shared.ready = true;
    sl_test_flock_init(&flock, "demo");
    sl_test_issue(&shared.intermediate, &(struct sl_test_order){.issuer = &flock.authority,
                                                                .common_name = "between",
                                                                .authority = true,
                                                                .permitted_uri = "demo"});
    shared.identity = load(&flock);
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "alice", SL_PURPOSE_CLIENT);
    sl_test_issue(&shared.leaf, &order);
    order.issuer = &shared.intermediate;
    sl_test_issue(&shared.below, &order);
    shared.authority = flock.authority;
    flock.authority = (struct sl_test_pair){.key = NULL};
    sl_test_flock_finish(&flock);
    atexit(release);
}

static size_t put(uint8_t *out, struct sl_bytes certificate) {
    out[0] = (uint8_t)(certificate.length >> 8);
    out[1] = (uint8_t)certificate.length;
    memcpy(out + 2, certificate.data, certificate.length);
    return 2 + certificate.length;
}

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    const struct sl_test_pair *const chains[][2] = {
        {&shared.leaf, NULL}, {&shared.leaf, &shared.authority}, {&shared.below, &shared.intermediate}};
    if (index >= sizeof chains / sizeof *chains)
        return 0;
    prepare();
    size_t length = put(out, sl_test_pair_bytes(chains[index][0]));
    return chains[index][1] == NULL ? length : length + put(out + length, sl_test_pair_bytes(chains[index][1]));
}

static size_t split(struct sl_bytes chain[SL_CHAIN_MAX], const uint8_t *data, size_t length) {
    size_t count = 0;
    while (length >= 2 && count < SL_CHAIN_MAX) {
        size_t part = (size_t)data[0] << 8 | data[1];
        if (part > length - 2)
            part = length - 2;
        chain[count++] = (struct sl_bytes){data + 2, part};
        data += 2 + part;
        length -= 2 + part;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_credential *credential = NULL;
    struct sl_error error = {.status = SL_OK};
    prepare();
    size_t count = split(chain, data, length);
    if (sl_identity_check_chain(shared.identity, &credential, SL_PURPOSE_CLIENT, chain, count, &error) == SL_OK) {
        FUZZ_CHECK(strcmp(sl_credential_node(credential), "alice") == 0);
        sl_credential_unref(credential);
        return 0;
    }
    FUZZ_CHECK(credential == NULL && error.text[0] != '\0');
    for (const char *c = error.text; *c != '\0'; c++)
        FUZZ_CHECK(*c >= ' ' && *c <= '~');
    return 0;
}
