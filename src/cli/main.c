#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli.h"

const struct cli_command cli_commands[] = {
    {"node", cli_node, "run a node of a flock"},
    {"preflight", cli_preflight, "tell before a run what would fail"},
    {"ca init", cli_ca_init, "make the authority of a flock"},
    {"ca issue", cli_ca_issue, "make kits: certificates, keys and settings for nodes"},
    {"ca approve", cli_ca_approve, "sign what a node asks for"},
    {"ca renew", cli_ca_renew, "make new certificates for a node's keys"},
    {"ca revoke", cli_ca_revoke, "revoke certificates"},
    {"ca crl", cli_ca_crl, "make the list of revoked certificates anew"},
    {"ca list", cli_ca_list, "list the certificates of an authority"},
    {"ca show", cli_ca_show, "tell about an authority"},
    {"cert request", cli_cert_request, "make a kit whose keys never leave it, and its request"},
    {"cert install", cli_cert_install, "put what the authority answered into a kit"},
    {"cert show", cli_cert_show, "tell about certificates, requests and lists"},
    {"proof verify", cli_proof_verify, "check a proof that a node told different things to different peers"},
    {"ledger check", cli_ledger_check, "check from the records of nodes that nothing was lost or counted twice"},
    {"settings check", cli_settings_check, "tell all that is wrong with a settings file"},
    {"settings show", cli_settings_show, "print the values in force and where each comes from"},
    {"settings schema", cli_settings_schema, "print the JSON schema of settings files"},
    {"settings reference", cli_settings_reference, "print the description of every setting"},
    {"simulate", cli_simulate, "run the protocol on a virtual network in virtual time"},
    {"simulate membership", cli_simulate_membership, "tell how fast a virtual flock finds out who is gone"},
    {"help", cli_help, "print the commands, or the help of one"},
    {"version", cli_version, "print the version"},
};
const size_t cli_command_count = sizeof cli_commands / sizeof *cli_commands;

const struct cli_command *cli_find(const char *first, const char *second) {
    char name[64];
    int length = snprintf(name, sizeof name, "%s%s%s", first, second == NULL ? "" : " ", second == NULL ? "" : second);
    for (size_t i = 0; i < cli_command_count && length < (int)sizeof name; i++) {
        if (strcmp(cli_commands[i].name, name) == 0)
            return &cli_commands[i];
    }
    return NULL;
}

size_t cli_group_size(const char *first) {
    size_t count = 0;
    size_t length = strlen(first);
    for (size_t i = 0; i < cli_command_count; i++) {
        if (strncmp(cli_commands[i].name, first, length) == 0 && cli_commands[i].name[length] == ' ')
            count++;
    }
    return count;
}

/* "ca" without a second word that is known. */
static int run_group(int argc, char **argv) {
    if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
        char *help[] = {"help", argv[1], NULL};
        return cli_help(cli_find("help", NULL), 2, help);
    }
    if (argc > 2 && strcmp(argv[2], "--version") == 0)
        return cli_version(cli_find("version", NULL), 1, (char *[]){"version", NULL});
    if (argc > 2)
        return cli_usage(NULL, "unknown command \"%s %s\"; \"starling help %s\" lists them", argv[1], argv[2], argv[1]);
    return cli_usage(NULL, "%s: which command? \"starling help %s\" lists them", argv[1], argv[1]);
}

static int run(int argc, char **argv) {
    if (argc < 2)
        return cli_usage(NULL, "no command; \"starling help\" lists them");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return cli_help(cli_find("help", NULL), 1, (char *[]){"help", NULL});
    if (strcmp(argv[1], "--version") == 0)
        return cli_version(cli_find("version", NULL), 1, (char *[]){"version", NULL});

    /* Two words first: "simulate" is a command, too. */
    const struct cli_command *command = argc > 2 ? cli_find(argv[1], argv[2]) : NULL;
    if (command != NULL)
        return command->run(command, argc - 2, argv + 2);
    command = cli_find(argv[1], NULL);
    if (command != NULL)
        return command->run(command, argc - 1, argv + 1);
    if (cli_group_size(argv[1]) > 0)
        return run_group(argc, argv);
    return cli_usage(NULL, "unknown command \"%s\"; \"starling help\" lists them", argv[1]);
}

/* Where standard input, output or error is closed, the next file or socket would get its number, and what is printed
 * would go there. /dev/null stands in, opened the wrong way round, so that using it still fails. */
static bool hold_standard_files(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    }
    return true;
}

int main(int argc, char **argv) {
    if (!hold_standard_files())
        return EX_OSERR;
    /* A reader that went away, of a pipe or a socket, is an error of the call that writes. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is an error of write, to be told like a full disk */
    int exit_code = run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("starling: writing to standard output failed\n", stderr);
        return exit_code == 0 ? EX_IOERR : exit_code;
    }
    return exit_code;
}
