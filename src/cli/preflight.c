#include <stdio.h>

#include <starling/preflight.h>

#include "cli.h"

static const char help[] = "SETTINGS [OPTION]...\n"
                           "\n"
                           "Tells before a run what would fail, a line each: settings, files, permissions,\n"
                           "certificates, dates, clock, ports, data, and each known peer: whether it can be\n"
                           "reached, who it is and whether both admit each other. Writes nothing, and may be\n"
                           "used beside a node that runs. Exits with 1 where something would fail.\n"
                           "\n"
                           "  --offline               dial nobody\n"
                           "  --timeout SECONDS       how long a peer may take (10)\n"
                           "  --json                  JSON lines\n" CLI_OVERRIDE_HELP "  --help, --version\n";

enum { EXIT_FAILED = 1, TIMEOUT_MAX = 3600 };

struct output {
    bool json;
    enum sl_status status;
};

static void handle_found(void *context, const struct sl_finding *finding) {
    struct output *output = context;
    if (output->status == SL_OK)
        output->status = sl_finding_write(finding, stdout, output->json);
    (void)fflush(stdout); /* a peer may take its time */
}

static void sum_up(const struct sl_preflight_counts *counts, bool json) {
    if (json)
        printf("{\"good\": %u, \"warnings\": %u, \"failures\": %u}\n", counts->good, counts->warnings,
               counts->failures);
    else
        printf("%u good, %u warning%s, %u failure%s\n", counts->good, counts->warnings,
               counts->warnings == 1 ? "" : "s", counts->failures, counts->failures == 1 ? "" : "s");
}

/* 0, or the exit code of what was said; CLI_STOP: over, with options->exit_code. */
static int read_options(struct cli_options *options, struct cli_overrides *overrides,
                        struct sl_preflight_options *preflight, bool *json) {
    for (int option = cli_next(options); option != CLI_END; option = cli_next(options)) {
        options->exit_code = option == CLI_STOP ? options->exit_code : 0;
        if (option == 'o')
            preflight->offline = true;
        else if (option == 'J')
            *json = true;
        else if (option == 't' && !cli_read_number(&preflight->timeout, optarg, 0.1, TIMEOUT_MAX))
            options->exit_code =
                cli_usage(options->command, "--timeout takes a number from 0.1 to %d, not \"%s\"", TIMEOUT_MAX, optarg);
        else if (option != 't' && option != CLI_STOP)
            options->exit_code = cli_overrides_add(overrides, options->command, option, optarg);
        if (option == CLI_STOP || options->exit_code != 0)
            return CLI_STOP;
    }
    if (options->argc - optind != 1) {
        options->exit_code = cli_usage(options->command, "takes one settings file, found %d", options->argc - optind);
        return CLI_STOP;
    }
    return 0;
}

int cli_preflight(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"offline", no_argument, NULL, 'o'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {"json", no_argument, NULL, 'J'},
                                          CLI_OVERRIDE_OPTIONS,
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct cli_overrides overrides;
    struct output output = {.status = SL_OK};
    struct sl_preflight_options preflight = {.prompt = &cli_prompt, .context = &output, .found = handle_found};
    struct sl_preflight_counts counts;
    struct sl_error error = {0};
    if (!cli_overrides_init(&overrides, argc))
        return cli_fail(SL_NO_MEMORY, &error);
    if (read_options(&options, &overrides, &preflight, &output.json) == CLI_STOP)
        goto out;
    preflight.file = argv[optind];
    preflight.overrides = overrides.items;
    preflight.override_count = overrides.count;
    enum sl_status status = sl_preflight(&preflight, &counts, &error);
    if (status == SL_OK)
        sum_up(&counts, output.json);
    if (status == SL_OK)
        status = output.status;
    options.exit_code = cli_fail(status, &error);
    if (options.exit_code == 0 && counts.failures > 0)
        options.exit_code = EXIT_FAILED;
out:
    cli_overrides_finish(&overrides);
    return options.exit_code;
}
