/* What people and peers write as text: names, addresses, partitions, topologies. The first byte says which. What is
 * taken is written in one form, and that form is taken again. */
#include <string.h>

#include "base/address.h"
#include "data/partition.h"
#include "overlay/overlay.h"
#include "target.h"
#include <starling/name.h>

enum { TEXT_MAX = 4096 };

static const char *const inputs[] = {
    "aalice",
    "anode-01-of-the-hospital",
    "b127.0.0.1:7400",
    "b[2001:db8:0:0:0:0:0:1]:7400",
    "b[::ffff:192.0.2.1]:1",
    "bNode.Example.ORG:65535",
    "b_x-1.a.b.c:0",
    "ciid",
    "cshards:2",
    "cdirichlet:0.5",
    "cshare:3,1,1e2",
    "dregular:4",
    "dsmall-world:6,0.25",
    "dhypercube",
};

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    return fuzz_text(inputs, sizeof inputs / sizeof inputs[0], index, out);
}

static void try_name(const char *text) {
    if (!sl_name_is_valid(text))
        return;
    size_t length = strlen(text);
    FUZZ_CHECK(length >= 1 && length <= SL_NAME_MAX && text[0] != '-');
    FUZZ_CHECK(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length);
}

static void try_address(const char *text) {
    struct sl_address address, again;
    struct sl_error error = {.status = SL_OK};
    char first[SL_ADDRESS_SIZE], second[SL_ADDRESS_SIZE];
    if (sl_address_parse(&address, text, &error) != SL_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
        return;
    }
    FUZZ_CHECK(strlen(address.host) >= 1 && strlen(address.host) <= SL_HOST_MAX);
    sl_address_format(first, &address);
    FUZZ_CHECK(sl_address_parse(&again, first, &error) == SL_OK);
    FUZZ_CHECK(again.port == address.port && strcmp(again.host, address.host) == 0);
    sl_address_format(second, &again);
    FUZZ_CHECK(strcmp(first, second) == 0);
}

static void try_partition(const char *text) {
    struct sl_partition partition = {.kind = SL_PARTITION_IID};
    struct sl_error error = {.status = SL_OK};
    if (sl_partition_parse(&partition, text, &error) != SL_OK) {
        FUZZ_CHECK(error.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < partition.share_count; i++)
        FUZZ_CHECK(partition.shares[i] > 0);
    sl_partition_finish(&partition);
}

static void try_topology(const char *text) {
    struct sl_topology topology;
    struct sl_error error = {.status = SL_OK};
    if (strncmp(text, "file:", 5) == 0) /* would read whatever file it names */
        return;
    if (sl_topology_parse(&topology, text, &error) == SL_OK)
        sl_topology_finish(&topology);
    else
        FUZZ_CHECK(error.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    if (length == 0 || length > TEXT_MAX)
        return 0;
    char *text = calloc(1, length);
    FUZZ_CHECK(text != NULL);
    memcpy(text, data + 1, length - 1);
    switch (data[0] % 4) {
    case 'a' % 4:
        try_name(text);
        break;
    case 'b' % 4:
        try_address(text);
        break;
    case 'c' % 4:
        try_partition(text);
        break;
    default:
        try_topology(text);
        break;
    }
    free(text);
    return 0;
}
