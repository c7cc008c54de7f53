/* The program `starling`: one table of commands, one file each, on the public headers alone. */
#ifndef SL_CLI_CLI_H
#define SL_CLI_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <starling/identity.h>

struct cli_command {
    const char *name; /* one word, or two: "ca init" */
    /* argv[0] is the name's last word. Returns the exit code of the program. */
    int (*run)(const struct cli_command *self, int argc, char **argv);
    const char *summary; /* one line */
};

/* main.c */
extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;
/* The command of one word, or of two where `second` is its second word; NULL where there is none. */
const struct cli_command *cli_find(const char *first, const char *second);
/* How many commands have `first` as the first of two words. */
size_t cli_group_size(const char *first);

/* command.c: what commands share. */

/* The options that each command has, and the end of its list for getopt_long. */
#define CLI_COMMON_OPTIONS                                                                                             \
    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {                                           \
        NULL, 0, NULL, 0                                                                                               \
    }

struct cli_options {
    const struct cli_command *command;
    const char *help; /* printed after "starling NAME " */
    const struct option *known;
    int argc;
    char **argv;
    int exit_code; /* out, after CLI_STOP */
};
enum { CLI_END = -1, CLI_STOP = -2 };
/* The value of the next option, its argument in optarg; CLI_END: `optind` is the first operand; CLI_STOP: help or
 * version was printed, or wrong usage said, and the command is over. */
int cli_next(struct cli_options *options);

/* Says on stderr, in one line, what is wrong and where help is. Returns the exit code of wrong usage, 64. `command` may
 * be NULL: the program itself. */
int cli_usage(const struct cli_command *command, const char *format, ...) SL_PRINTF(2, 3);
/* Says an error on stderr, a line for each of its own, each begun with "starling: ". Returns its exit code; says
 * nothing where that is 0. `status` is what the call returned. */
int cli_fail(enum sl_status status, const struct sl_error *error);
/* The exit code of a status: the table of the manual. */
int cli_exit_code(enum sl_status status);

/* Arguments. Each returns false when the text is anything else. */
bool cli_read_integer(uint64_t *out, const char *text, uint64_t low, uint64_t high);
bool cli_read_number(double *out, const char *text, double low, double high);
bool cli_is_address(const char *text); /* HOST:PORT by shape alone; settings look closer */
/* The index of a word in a NULL-terminated list, or -1. */
int cli_read_word(const char *text, const char *const *words);

/* overrides.c: the options by which commands change settings. */
struct cli_overrides {
    struct sl_override *items;
    size_t count;
};
#define CLI_OVERRIDE_OPTIONS                                                                                           \
    {"join", required_argument, NULL, 'j'}, {"set", required_argument, NULL, 's'},                                     \
        {"log-level", required_argument, NULL, 'l'}, {                                                                 \
        "log-format", required_argument, NULL, 'f'                                                                     \
    }
#define CLI_OVERRIDE_HELP                                                                                              \
    "  --set KEY=VALUE         set one key, as round.rounds=5; lists have a comma\n"                                   \
    "                          between items; may be given several times\n"                                            \
    "  --join HOST:PORT        a known node, besides those of the settings; may be\n"                                  \
    "                          given several times\n"                                                                  \
    "  --log-level LEVEL       debug, info, warning or error\n"                                                        \
    "  --log-format FORMAT     logfmt or json\n"
/* Room for as many as a command line of `argc` words can have; false when out of memory. */
bool cli_overrides_init(struct cli_overrides *overrides, int argc);
void cli_overrides_finish(struct cli_overrides *overrides);
/* Adds one of CLI_OVERRIDE_OPTIONS. 0, or the exit code of wrong usage, which was said. */
int cli_overrides_add(struct cli_overrides *overrides, const struct cli_command *command, int option, char *argument);

/* passphrase.c */
enum { CLI_PASSPHRASE_MAX = 1023 }; /* a node takes no longer one */
/* The first line of a file, without its end; the caller wipes it. SL_PERMISSION, with the command that mends it, where
 * others than its owner may read or change the file. */
SL_MUST_USE enum sl_status cli_passphrase_read(char out[CLI_PASSPHRASE_MAX + 1], const char *path,
                                               struct sl_error *error);

/* Asks on the terminal of the process, without showing what is typed. SL_PERMISSION where there is none, or the person
 * gives up. */
extern const struct sl_prompt cli_prompt;
/* Asks for a new passphrase, twice. The caller wipes `out`. */
SL_MUST_USE enum sl_status cli_passphrase_choose(char out[CLI_PASSPHRASE_MAX + 1], const char *what,
                                                 struct sl_error *error);
/* Whether a person on the terminal answers with y or yes; SL_PERMISSION where there is no terminal. */
SL_MUST_USE enum sl_status cli_confirm(bool *yes, const char *question, struct sl_error *error);

/* authority.c: the authority that a command works with. */
struct cli_authority {
    struct sl_authority_access access; /* in force from cli_authority_open to cli_authority_finish */
    const char *passphrase_file;
    char passphrase[CLI_PASSPHRASE_MAX + 1];
    char asked[512]; /* what was asked for, and what was typed: asked for once a command */
    char answer[CLI_PASSPHRASE_MAX + 1];
    struct sl_prompt prompt; /* that does so */
};
#define CLI_PASSPHRASE_OPTION                                                                                          \
    { "passphrase-file", required_argument, NULL, 'p' }
#define CLI_AUTHORITY_OPTIONS {"ca", required_argument, NULL, 'c'}, CLI_PASSPHRASE_OPTION
#define CLI_PASSPHRASE_HELP                                                                                            \
    "  --passphrase-file FILE  the authority's key is encrypted with the first line of FILE\n"                         \
    "                          (asked for where it is needed)\n"
/* Whether a fingerprint is the one wanted (lower case), as people write it: in either case, with colons or blanks
 * between. */
bool cli_is_fingerprint(const char *given, const char *wanted);
/* Takes one of these options; false: it is another one. */
bool cli_authority_take(struct cli_authority *authority, int option, const char *text);
SL_MUST_USE enum sl_status cli_authority_open(struct cli_authority *authority, struct sl_error *error);
void cli_authority_finish(struct cli_authority *authority); /* wipes */
/* Options that several of the commands on certificates have. Each returns 0, or the exit code of wrong usage. */
int cli_read_key_kind(const struct cli_command *self, enum sl_key_kind *out, const char *text);
int cli_read_count(const struct cli_command *self, unsigned *out, const char *option, const char *text, unsigned high);

/* kit.c: the kit that a command makes. */
struct cli_kit {
    struct sl_kit_options options; /* in force until cli_kit_finish */
    const char **hosts;            /* options.hosts, being filled */
    const char *passphrase_file;
    char passphrase[CLI_PASSPHRASE_MAX + 1];
};
#define CLI_KIT_OPTIONS                                                                                                \
    {"host", required_argument, NULL, 'a'}, {"port", required_argument, NULL, 'n'},                                    \
        {"key", required_argument, NULL, 'k'}, {"data", required_argument, NULL, 't'}, {                               \
        "key-passphrase-file", required_argument, NULL, 'q'                                                            \
    }
/* Room for as many hosts as a command line of `argc` words can have; false when out of memory. */
bool cli_kit_init(struct cli_kit *kit, int argc);
void cli_kit_finish(struct cli_kit *kit); /* wipes */
/* Takes one of these options, with *exit_code that of wrong usage, which was said, or 0; false: it is another one. */
bool cli_kit_take(struct cli_kit *kit, const struct cli_command *self, int option, const char *text, int *exit_code);
SL_MUST_USE enum sl_status cli_kit_read_passphrase(struct cli_kit *kit, struct sl_error *error);

/* The commands. */
int cli_node(const struct cli_command *self, int argc, char **argv);
int cli_ca_init(const struct cli_command *self, int argc, char **argv);
int cli_ca_issue(const struct cli_command *self, int argc, char **argv);
int cli_ca_approve(const struct cli_command *self, int argc, char **argv);
int cli_ca_renew(const struct cli_command *self, int argc, char **argv);
int cli_ca_revoke(const struct cli_command *self, int argc, char **argv);
int cli_ca_crl(const struct cli_command *self, int argc, char **argv);
int cli_ca_list(const struct cli_command *self, int argc, char **argv);
int cli_ca_show(const struct cli_command *self, int argc, char **argv);
int cli_cert_request(const struct cli_command *self, int argc, char **argv);
int cli_cert_install(const struct cli_command *self, int argc, char **argv);
int cli_cert_show(const struct cli_command *self, int argc, char **argv);
int cli_ledger_check(const struct cli_command *self, int argc, char **argv);
int cli_proof_verify(const struct cli_command *self, int argc, char **argv);
int cli_settings_check(const struct cli_command *self, int argc, char **argv);
int cli_settings_show(const struct cli_command *self, int argc, char **argv);
int cli_settings_schema(const struct cli_command *self, int argc, char **argv);
int cli_settings_reference(const struct cli_command *self, int argc, char **argv);
int cli_preflight(const struct cli_command *self, int argc, char **argv);
int cli_simulate_membership(const struct cli_command *self, int argc, char **argv);
int cli_simulate(const struct cli_command *self, int argc, char **argv);
int cli_help(const struct cli_command *self, int argc, char **argv);
int cli_version(const struct cli_command *self, int argc, char **argv);

#endif
