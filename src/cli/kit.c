#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { PORT = 7400 };

bool cli_kit_init(struct cli_kit *kit, int argc) {
    *kit = (struct cli_kit){.options = {.key = SL_KEY_ECDSA_P256, .port = PORT, .days = SL_NODE_DAYS}};
    kit->hosts = calloc((size_t)argc + 1, sizeof *kit->hosts);
    kit->options.hosts = kit->hosts;
    return kit->hosts != NULL;
}

void cli_kit_finish(struct cli_kit *kit) {
    explicit_bzero(kit->passphrase, sizeof kit->passphrase);
    free(kit->hosts);
}

bool cli_kit_take(struct cli_kit *kit, const struct cli_command *self, int option, const char *text, int *exit_code) {
    *exit_code = 0;
    switch (option) {
    case 'a':
        kit->hosts[kit->options.host_count++] = text;
        return true;
    case 'n':
        *exit_code = cli_read_count(self, &kit->options.port, "port", text, UINT16_MAX);
        return true;
    case 'k':
        *exit_code = cli_read_key_kind(self, &kit->options.key, text);
        return true;
    case 't':
        kit->options.data = text;
        return true;
    case 'q':
        kit->passphrase_file = text;
        return true;
    default:
        return false;
    }
}

enum sl_status cli_kit_read_passphrase(struct cli_kit *kit, struct sl_error *error) {
    if (kit->passphrase_file == NULL)
        return SL_OK;
    kit->options.key_passphrase = kit->passphrase;
    return cli_passphrase_read(kit->passphrase, kit->passphrase_file, error);
}
