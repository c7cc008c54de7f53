#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <starling/version.h>

/* Whatever an argument or a file name holds, a message stays in its lines and leaves the terminal alone. */
static void clean(char *text, bool lines) {
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)text[0], next = (unsigned char)text[1];
        if ((byte < 0x20 && !(lines && byte == '\n')) || byte == 0x7f)
            *text = '?';
        else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) /* U+0080 … U+009F: controls, too */
            text[0] = text[1] = '?';
    }
}

int cli_usage(const struct cli_command *command, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    clean(text, false);
    if (command == NULL)
        fprintf(stderr, "starling: %s\n", text);
    else
        fprintf(stderr, "starling: %s: %s; see \"starling %s --help\"\n", command->name, text, command->name);
    return EX_USAGE;
}

int cli_exit_code(enum sl_status status) {
    switch (status) {
    case SL_OK:
    case SL_CANCELLED: /* stopped as asked, with everything saved */
        return EX_OK;
    case SL_LEFT_OUT:
        return 3;
    case SL_USAGE:
        return EX_USAGE;
    case SL_FORMAT:
    case SL_LIMIT:
    case SL_MISMATCH:
        return EX_DATAERR;
    case SL_NOT_FOUND:
        return EX_NOINPUT;
    case SL_NETWORK:
    case SL_IN_USE:
    case SL_CLOSED:
    case SL_UNSUPPORTED:
        return EX_UNAVAILABLE;
    case SL_CRYPTO:
    case SL_STATE:
    case SL_INTERNAL:
        return EX_SOFTWARE;
    case SL_NO_MEMORY:
        return EX_OSERR;
    case SL_EXISTS:
        return EX_CANTCREAT;
    case SL_IO:
    case SL_DISK_FULL:
        return EX_IOERR;
    case SL_TIMEOUT:
        return EX_TEMPFAIL;
    case SL_PERMISSION:
    case SL_UNTRUSTED:
        return EX_NOPERM;
    case SL_SETTINGS:
        return EX_CONFIG;
    }
    return EX_SOFTWARE;
}

int cli_fail(enum sl_status status, const struct sl_error *error) {
    int exit_code = cli_exit_code(status);
    if (exit_code == EX_OK)
        return exit_code;
    if (status == SL_IO && ferror(stdout))
        return exit_code; /* main says it, for all commands alike */
    char text[SL_ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "%s", error->text[0] != '\0' ? error->text : sl_status_text(status));
    clean(text, true);
    char *rest = text;
    for (const char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
        fprintf(stderr, "starling: %s\n", line);
    return exit_code;
}

/* What getopt_long refused, in words. */
static int refuse(const struct cli_options *options, int found) {
    const char *word = options->argv[optind - 1];
    if (found == ':')
        return cli_usage(options->command, "%s needs a value", word);
    if (optopt == 0)
        return cli_usage(options->command, "unknown option %s", word);
    if (strncmp(word, "--", 2) == 0 && strchr(word, '=') != NULL)
        return cli_usage(options->command, "%.*s takes no value", (int)strcspn(word, "="), word);
    return cli_usage(options->command, "unknown option -%c", optopt);
}

int cli_next(struct cli_options *options) {
    opterr = 0;
    int found = getopt_long(options->argc, options->argv, ":h", options->known, NULL);
    switch (found) {
    case -1:
        return CLI_END;
    case 'h':
        printf("Usage: starling %s %s", options->command->name, options->help);
        options->exit_code = EX_OK;
        return CLI_STOP;
    case 'V':
        printf("starling %s\n", SL_VERSION);
        options->exit_code = EX_OK;
        return CLI_STOP;
    case '?':
    case ':':
        options->exit_code = refuse(options, found);
        return CLI_STOP;
    default:
        return found;
    }
}

bool cli_read_integer(uint64_t *out, const char *text, uint64_t low, uint64_t high) {
    size_t length = strlen(text);
    if (length == 0 || length > 19 || strspn(text, "0123456789") != length)
        return false;
    *out = strtoull(text, NULL, 10);
    return *out >= low && *out <= high;
}

bool cli_read_number(double *out, const char *text, double low, double high) {
    size_t length = strlen(text);
    if (length == 0 || strspn(text, "0123456789.eE+-") != length)
        return false;
    char *end = NULL;
    *out = strtod(text, &end);
    return *end == '\0' && *out >= low && *out <= high;
}

bool cli_is_address(const char *text) {
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    return colon != NULL && colon != text && cli_read_integer(&port, colon + 1, 1, UINT16_MAX);
}

int cli_read_word(const char *text, const char *const *words) {
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0)
            return i;
    }
    return -1;
}
