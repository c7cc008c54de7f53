#include <stdlib.h>
#include <string.h>

#include <starling/settings.h>

#include "cli.h"

bool cli_overrides_init(struct cli_overrides *overrides, int argc) {
    overrides->count = 0;
    overrides->items = calloc((size_t)argc + 1, sizeof *overrides->items);
    return overrides->items != NULL;
}

void cli_overrides_finish(struct cli_overrides *overrides) {
    free(overrides->items);
    *overrides = (struct cli_overrides){0};
}

static void add(struct cli_overrides *overrides, const char *flag, const char *key, const char *value) {
    overrides->items[overrides->count++] = (struct sl_override){.key = key, .value = value, .flag = flag};
}

static int add_set(struct cli_overrides *overrides, const struct cli_command *command, char *argument) {
    char *equals = strchr(argument, '=');
    if (equals == NULL || equals == argument)
        return cli_usage(command, "--set takes KEY=VALUE, not \"%s\"", argument);
    *equals = '\0';
    add(overrides, "--set", argument, equals + 1);
    return 0;
}

int cli_overrides_add(struct cli_overrides *overrides, const struct cli_command *command, int option, char *argument) {
    static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
    static const char *const formats[] = {"logfmt", "json", NULL};
    switch (option) {
    case 's':
        return add_set(overrides, command, argument);
    case 'j':
        if (!cli_is_address(argument))
            return cli_usage(command, "--join takes HOST:PORT, not \"%s\"", argument);
        add(overrides, "--join", "membership.join", argument);
        return 0;
    case 'l':
        if (cli_read_word(argument, levels) < 0)
            return cli_usage(command, "--log-level takes debug, info, warning or error, not \"%s\"", argument);
        add(overrides, "--log-level", "log.level", argument);
        return 0;
    case 'f':
        if (cli_read_word(argument, formats) < 0)
            return cli_usage(command, "--log-format takes logfmt or json, not \"%s\"", argument);
        add(overrides, "--log-format", "log.format", argument);
        return 0;
    default:
        abort(); /* our own mistake: not one of CLI_OVERRIDE_OPTIONS */
    }
}
