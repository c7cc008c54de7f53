/* The members of settings that are lists of objects. */
#include "settings/rows.h"

/* clang-format off */
#define LISTENER(kind, member) .type = SL_SETTING_##kind, AT_IN(struct sl_listener_setting, member)
#define PEER(kind, member) .type = SL_SETTING_##kind, AT_IN(struct sl_peer_setting, member)

static const struct sl_setting listener_members[] = {
    {"address", LISTENER(ADDRESS, address), .min = 1, .max = 300,
     .description = "The address; port 0 means any free one."},
    {"connection_security", LISTENER(CHOICE, security), .choices = WORDS("mtls", "tls", "clear"),
     .standard = "mtls", .derived = "transport.connection_security",
     .description = "What those who connect here use. Of a proxy that ends TLS: what it speaks to this node."},
    {"proxy", LISTENER(BOOLEAN, proxy), .standard = "false",
     .description = "All who connect here come from the address of a proxy, so the limits are of the whole listener. "
                    "It is not advertised by itself: others dial the proxy."},
    {"handshake_rate", LISTENER(NUMBER, handshake_rate), .min = 0.01, .max = 1000000, .standard = "20",
     .derived = "transport.handshake_rate, 8 times it behind a proxy", .unit = "handshakes a second",
     .description = "How many handshakes one address, or the proxy, may begin."},
    {"handshake_burst", LISTENER(INTEGER, handshake_burst), .min = 64, .max = 1000000, .standard = "128",
     .derived = "transport.handshake_burst, 8 times it behind a proxy", .unit = "handshakes",
     .description = "How many of them may come at once."},
    {"max_connections", LISTENER(INTEGER, max_connections), .min = 1, .max = 100000, .standard = "256",
     .derived = "transport.max_connections_per_address, behind a proxy transport.max_connections",
     .unit = "connections", .description = "How many connections one address, or the proxy, may have."},
};

static const struct sl_setting peer_members[] = {
    {"connect_to", PEER(ADDRESS, connect_to), .min = 1, .max = 300, .dialled = true,
     .description = "The address that this rule is for: a peer's, or its proxy's."},
    {"node", PEER(NAME, node), .min = 0, .max = 63, .standard = "",
     .description = "The node that must be there. It is then dialled at this address and nowhere else, whatever it "
                    "advertises."},
    {"connection_security", PEER(CHOICE, security), .choices = WORDS("mtls", "tls", "clear"), .standard = "mtls",
     .derived = "transport.connection_security", .description = "What this node uses when it dials this address."},
    {"custom_ca_cert", PEER(PATH, custom_ca_cert), .min = 0, .max = 4095, .standard = "",
     .description = "With tls: certificate of the authority that certified the server at this address, a proxy for "
                    "instance. Empty for identity.ca, which decides in any case who is admitted. Read again when it "
                    "changes, with the files of identity."},
};

const struct sl_setting_object sl_setting_listener = {
    .members = listener_members, .member_count = COUNT(listener_members), .plain = true,
    .item_size = sizeof(struct sl_listener_setting), .given = offsetof(struct sl_listener_setting, given)};
const struct sl_setting_object sl_setting_peer = {
    .members = peer_members, .member_count = COUNT(peer_members),
    .item_size = sizeof(struct sl_peer_setting), .given = offsetof(struct sl_peer_setting, given)};
/* clang-format on */
