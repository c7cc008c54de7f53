/* Kits for one or several nodes, all of them or none: what can be wrong is looked for first, and kits that were made
 * before one failed are removed. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <starling/identity.h>
#include <starling/name.h>

#include "cli.h"

static const char help[] =
    "--ca FOLDER --host HOST NAME... [OPTION]...\n"
    "\n"
    "Makes a kit for each NAME: a folder with the settings, certificates and keys of that\n"
    "node, to be moved to its machine. With several names all kits are made, or none;\n"
    "their ports count up, and each node starts with its share of the example data.\n"
    "\n"
    "  --ca FOLDER             the authority, made by \"starling ca init\"\n"
    "  --host HOST             DNS name or IP address by which the nodes are reached; may\n"
    "                          be given several times\n"
    "  --port N                port of the first node (7400)\n"
    "  --out FOLDER            make the kits in FOLDER/NAME (./NAME)\n"
    "  --key KIND              ecdsa (default), ed25519 or rsa\n"
    "  --days N                validity (365)\n"
    "  --data FOLDER           where the four files of MNIST or its like are (those of\n"
    "                          Debian's dataset-fashion-mnist)\n"
    "  --key-passphrase-file FILE\n"
    "                          encrypt the nodes' keys with the first line of FILE\n"
    "  --replace               revoke what nodes of these names have now\n" CLI_PASSPHRASE_HELP "  --help, --version\n";

struct arguments {
    struct cli_kit kit;
    const char *out;
    struct cli_authority authority;
    char **names;
    size_t name_count;
};

/* 0, or the exit code of wrong usage. */
static int read_option(const struct cli_command *self, struct arguments *out, int option, const char *text) {
    int exit_code;
    if (cli_authority_take(&out->authority, option, text))
        return 0;
    if (cli_kit_take(&out->kit, self, option, text, &exit_code))
        return exit_code;
    switch (option) {
    case 'd':
        return cli_read_count(self, &out->kit.options.days, "days", text, SL_VALIDITY_DAYS_MAX);
    case 'o':
        out->out = text;
        return 0;
    default:
        out->kit.options.replace = true;
        return 0;
    }
}

/* 0, or the exit code of wrong usage. */
static int check_arguments(const struct cli_command *self, const struct arguments *arguments) {
    if (arguments->authority.access.folder == NULL)
        return cli_usage(self, "--ca FOLDER is missing");
    if (arguments->kit.options.host_count == 0)
        return cli_usage(self, "--host HOST is missing");
    if (arguments->name_count == 0)
        return cli_usage(self, "for whom? no NAME");
    if (arguments->name_count - 1 > UINT16_MAX - arguments->kit.options.port)
        return cli_usage(self, "--port %u leaves no port for the last of %zu nodes", arguments->kit.options.port,
                         arguments->name_count);
    for (size_t i = 0; i < arguments->name_count; i++) {
        if (!sl_name_is_valid(arguments->names[i]))
            return cli_usage(self, "a name has 1 to 63 characters a-z, 0-9 and, not first, -; \"%s\" is none",
                             arguments->names[i]);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(arguments->names[i], arguments->names[j]) == 0)
                return cli_usage(self, "\"%s\" is named twice", arguments->names[i]);
        }
    }
    return 0;
}

static char *kit_folder(const struct arguments *arguments, size_t index) {
    char *folder = NULL;
    return asprintf(&folder, "%s/%s", arguments->out, arguments->names[index]) < 0 ? NULL : folder;
}

/* SL_EXISTS where something is there that is no empty folder. */
static enum sl_status check_place(const char *folder, struct sl_error *error) {
    DIR *directory = opendir(folder);
    if (directory == NULL && errno == ENOENT)
        return SL_OK;
    if (directory == NULL)
        return sl_error_set(error, errno == ENOTDIR ? SL_EXISTS : sl_status_from_errno(errno), "%s: %s", folder,
                            errno == ENOTDIR ? "exists already" : strerror(errno));
    size_t count = 0;
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    if (count > 2) /* . and .. */
        return sl_error_set(error, SL_EXISTS, "%s: exists already and is not empty", folder);
    return SL_OK;
}

static enum sl_status check_places(const struct arguments *arguments, struct sl_error *error) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < arguments->name_count; i++) {
        char *folder = kit_folder(arguments, i);
        status = folder == NULL ? sl_error_set(error, SL_NO_MEMORY, "out of memory") : check_place(folder, error);
        free(folder);
    }
    return status;
}

/* Removes a kit that this run made, of which nobody knows yet, and revokes what is in it. */
static void remove_kit(const struct arguments *arguments, size_t index) {
    static const char *const files[] = {"settings.json", "ca.pem",     "server.pem", "server.key",
                                        "client.pem",    "client.key", "crl.pem"};
    char *folder = kit_folder(arguments, index);
    for (size_t i = 0; folder != NULL && i < sizeof files / sizeof *files; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", folder, files[i]) >= 0) {
            unlink(path);
            free(path);
        }
    }
    if (folder != NULL)
        rmdir(folder);
    free(folder);
    size_t count = 0;
    struct sl_error error = {0};
    (void)!sl_authority_revoke(&arguments->authority.access, arguments->names[index], SL_REVOKED_CESSATION, &count,
                               &error);
}

static enum sl_status make_kit(const struct arguments *arguments, size_t index, struct sl_error *error) {
    struct sl_kit_options kit = arguments->kit.options;
    char *folder = kit_folder(arguments, index);
    if (folder == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    kit.authority = arguments->authority.access.folder;
    kit.passphrase = arguments->authority.access.passphrase;
    kit.prompt = arguments->authority.access.prompt;
    kit.folder = folder;
    kit.node = arguments->names[index];
    kit.port += (unsigned)index;
    kit.start_nodes = (unsigned)arguments->name_count;
    kit.part = (unsigned)index;
    kit.parts = (unsigned)arguments->name_count;
    enum sl_status status = sl_kit_create(&kit, error);
    free(folder);
    return status;
}

static enum sl_status make_kits(struct arguments *arguments, struct sl_error *error) {
    enum sl_status status = check_places(arguments, error);
    if (status == SL_OK)
        status = cli_authority_open(&arguments->authority, error);
    if (status == SL_OK)
        status = cli_kit_read_passphrase(&arguments->kit, error);
    size_t made = 0;
    while (status == SL_OK && made < arguments->name_count) {
        status = make_kit(arguments, made, error);
        made += status == SL_OK;
    }
    while (status != SL_OK && made > 0)
        remove_kit(arguments, --made);
    cli_authority_finish(&arguments->authority);
    return status;
}

int cli_ca_issue(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {CLI_AUTHORITY_OPTIONS,
                                          CLI_KIT_OPTIONS,
                                          {"out", required_argument, NULL, 'o'},
                                          {"days", required_argument, NULL, 'd'},
                                          {"replace", no_argument, NULL, 'r'},
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct arguments arguments = {.out = "."};
    struct sl_error error = {0};
    int exit_code = 0;
    if (!cli_kit_init(&arguments.kit, argc))
        return cli_fail(SL_NO_MEMORY, &error);
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        exit_code = option == CLI_STOP ? options.exit_code : read_option(self, &arguments, option, optarg);
        if (option == CLI_STOP || exit_code != 0)
            goto out;
    }
    arguments.names = argv + optind;
    arguments.name_count = (size_t)(argc - optind);
    exit_code = check_arguments(self, &arguments);
    if (exit_code == 0)
        exit_code = cli_fail(make_kits(&arguments, &error), &error);
out:
    cli_kit_finish(&arguments.kit);
    return exit_code;
}
