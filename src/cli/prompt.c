/* Questions to a person at the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"

enum { INTERRUPT = 3, END = 4, BACKSPACE = 8, CLEAR = 21, DELETE = 127 };

static enum sl_status no_terminal(const char *what, const char *other_way, struct sl_error *error) {
    return sl_error_set(error, SL_PERMISSION, "no terminal to ask for the %s on: %s", what, other_way);
}

static enum sl_status no_terminal_for_secret(const char *what, struct sl_error *error) {
    return no_terminal(what, "see --help, or identity.passphrase_file in settings, for another way to give it", error);
}

/* A file's or a token's name must not command the terminal. */
static void say(int terminal, const char *text) {
    char shown[512];
    size_t length = 0;
    for (; *text != '\0' && length < sizeof shown; text++)
        shown[length++] = (unsigned char)*text < ' ' && *text != '\n' ? '?' : *text;
    (void)!write(terminal, shown, length);
}

/* Reads a line byte by byte: the terminal neither shows nor edits it, and Ctrl-C must not leave it like that. */
static enum sl_status read_hidden(int terminal, char *out, size_t size, const char *what, struct sl_error *error) {
    size_t length = 0;
    for (;;) {
        unsigned char byte = 0;
        ssize_t got = read(terminal, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || byte == INTERRUPT || byte == END)
            return sl_error_set(error, SL_PERMISSION, "the %s was not given", what);
        if (byte == '\n' || byte == '\r')
            break;
        if (byte == CLEAR)
            length = 0;
        else if (byte == BACKSPACE || byte == DELETE)
            length -= length > 0;
        else if (length + 1 < size)
            out[length++] = (char)byte;
        else
            return sl_error_set(error, SL_LIMIT, "the %s is longer than %zu bytes", what, size - 1);
    }
    out[length] = '\0';
    return length > 0 ? SL_OK : sl_error_set(error, SL_PERMISSION, "the %s was not given", what);
}

static enum sl_status ask_hidden(void *context, char *out, size_t size, const char *what, struct sl_error *error) {
    (void)context;
    struct termios usual, hidden;
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0 || tcgetattr(terminal, &usual) != 0) {
        if (terminal >= 0)
            close(terminal);
        return no_terminal_for_secret(what, error);
    }
    hidden = usual;
    hidden.c_lflag &= (tcflag_t) ~(ECHO | ICANON | ISIG);
    hidden.c_cc[VMIN] = 1;
    hidden.c_cc[VTIME] = 0;
    /* First hidden, then asked: what is typed from then on is neither shown nor thrown away. */
    enum sl_status status = SL_OK;
    if (tcsetattr(terminal, TCSAFLUSH, &hidden) != 0)
        status = no_terminal_for_secret(what, error);
    say(terminal, "starling: ");
    say(terminal, what);
    say(terminal, ": ");
    if (status == SL_OK)
        status = read_hidden(terminal, out, size, what, error);
    tcsetattr(terminal, TCSAFLUSH, &usual);
    say(terminal, "\n");
    close(terminal);
    if (status != SL_OK)
        explicit_bzero(out, size);
    return status;
}

const struct sl_prompt cli_prompt = {.context = NULL, .ask = ask_hidden};

enum sl_status cli_passphrase_choose(char out[CLI_PASSPHRASE_MAX + 1], const char *what, struct sl_error *error) {
    char first[128], again[CLI_PASSPHRASE_MAX + 1];
    snprintf(first, sizeof first, "new %s", what);
    enum sl_status status = ask_hidden(NULL, out, CLI_PASSPHRASE_MAX + 1, first, error);
    if (status != SL_OK)
        return status;
    status = ask_hidden(NULL, again, sizeof again, "the same again", error);
    if (status == SL_OK && strcmp(out, again) != 0)
        status = sl_error_set(error, SL_MISMATCH, "the two are not the same; nothing was made");
    explicit_bzero(again, sizeof again);
    return status;
}

enum sl_status cli_confirm(bool *yes, const char *question, struct sl_error *error) {
    char answer[16] = "";
    *yes = false;
    FILE *terminal = fopen("/dev/tty", "r+e");
    if (terminal == NULL)
        return no_terminal("answer", "--help tells how to answer beforehand", error);
    fprintf(terminal, "%s [y/N] ", question);
    fflush(terminal);
    if (fgets(answer, sizeof answer, terminal) != NULL) {
        answer[strcspn(answer, "\n")] = '\0';
        *yes = strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
    }
    fclose(terminal);
    return SL_OK;
}
