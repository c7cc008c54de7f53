#include <stdio.h>
#include <string.h>

#include "cli.h"

bool cli_authority_take(struct cli_authority *authority, int option, const char *text) {
    if (option == 'c')
        authority->access.folder = text;
    else if (option == 'p')
        authority->passphrase_file = text;
    else
        return false;
    return true;
}

/* A command may open the same key several times; a person is asked once for each. */
static enum sl_status ask_once(void *context, char *out, size_t size, const char *what, struct sl_error *error) {
    struct cli_authority *authority = context;
    if (authority->asked[0] != '\0' && strcmp(authority->asked, what) == 0) {
        int length = snprintf(out, size, "%s", authority->answer);
        return length >= 0 && (size_t)length < size ? SL_OK : sl_error_set(error, SL_LIMIT, "the %s is too long", what);
    }
    enum sl_status status = cli_prompt.ask(cli_prompt.context, out, size, what, error);
    if (status == SL_OK && authority->asked[0] == '\0' && strlen(what) < sizeof authority->asked) {
        snprintf(authority->asked, sizeof authority->asked, "%s", what);
        snprintf(authority->answer, sizeof authority->answer, "%s", out);
    }
    return status;
}

enum sl_status cli_authority_open(struct cli_authority *authority, struct sl_error *error) {
    authority->prompt = (struct sl_prompt){.context = authority, .ask = ask_once};
    authority->access.prompt = &authority->prompt;
    if (authority->passphrase_file == NULL)
        return SL_OK;
    authority->access.passphrase = authority->passphrase;
    return cli_passphrase_read(authority->passphrase, authority->passphrase_file, error);
}

void cli_authority_finish(struct cli_authority *authority) {
    explicit_bzero(authority->passphrase, sizeof authority->passphrase);
    explicit_bzero(authority->answer, sizeof authority->answer);
}

int cli_read_key_kind(const struct cli_command *self, enum sl_key_kind *out, const char *text) {
    static const char *const kinds[] = {"ecdsa", "ed25519", "rsa", NULL};
    int kind = cli_read_word(text, kinds);
    *out = (enum sl_key_kind)kind;
    return kind >= 0 ? 0 : cli_usage(self, "--key takes ecdsa, ed25519 or rsa, not \"%s\"", text);
}

int cli_read_count(const struct cli_command *self, unsigned *out, const char *option, const char *text, unsigned high) {
    uint64_t number = 0;
    if (!cli_read_integer(&number, text, 1, high))
        return cli_usage(self, "--%s takes an integer from 1 to %u, not \"%s\"", option, high, text);
    *out = (unsigned)number;
    return 0;
}

bool cli_is_fingerprint(const char *given, const char *wanted) {
    for (; *given != '\0'; given++) {
        if (*given == ':' || *given == ' ')
            continue;
        char c = *given >= 'A' && *given <= 'F' ? (char)(*given - 'A' + 'a') : *given;
        if (c != *wanted++)
            return false;
    }
    return *wanted == '\0';
}
