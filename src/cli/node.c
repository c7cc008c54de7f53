#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <starling/node.h>

#include "cli.h"
#include "signals.h"

static const char help[] =
    "SETTINGS [OPTION]...\n"
    "\n"
    "Runs a node of a flock until all rounds are done, or until SIGINT or SIGTERM,\n"
    "after which it saves its model, tells the others and exits with 0. A second SIGINT\n"
    "ends it at once. SIGHUP reloads certificates and revocation lists.\n"
    "\n"
    "  --resume                go on from the last model in model.folder\n" CLI_OVERRIDE_HELP "  --help, --version\n";

static bool wants_colour(enum sl_log_format format) {
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return format == SL_LOG_LOGFMT && (no_colour == NULL || no_colour[0] == '\0') && isatty(STDERR_FILENO) &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

static enum sl_status run_node(const struct sl_settings *settings, bool resume, struct sl_error *error) {
    enum sl_log_format format = sl_settings_log_format(settings);
    struct sl_log_stream stream = {
        .stream = stderr, .format = format, .node = sl_settings_node_name(settings), .colour = wants_colour(format)};
    const struct sl_log log = {
        .sink = sl_log_stream_sink, .context = &stream, .level = sl_settings_log_level(settings)};
    struct sl_confinement confinement;
    const struct sl_node_options options = {
        .settings = settings, .log = &log, .prompt = &cli_prompt, .confinement = &confinement, .resume = resume};
    struct cli_signals *signals = NULL;
    struct sl_node *node = NULL;

    enum sl_status status = sl_node_confine(&confinement, settings, error);
    if (status == SL_OK)
        status = cli_signals_create(&signals, error);
    if (status != SL_OK)
        return status;
    status = sl_node_create(&node, &options, error);
    if (status != SL_OK)
        goto out;
    cli_signals_watch(signals, node);
    status = sl_node_run(node, error);
out:
    cli_signals_destroy(signals);
    sl_node_destroy(node);
    return status;
}

/* Reads the options. 0, or the exit code of what was said; CLI_STOP: over, with options->exit_code. */
static int read_options(struct cli_options *options, struct cli_overrides *overrides, bool *resume) {
    for (int option = cli_next(options); option != CLI_END; option = cli_next(options)) {
        if (option == CLI_STOP)
            return CLI_STOP;
        if (option == 'r') {
            *resume = true;
            continue;
        }
        options->exit_code = cli_overrides_add(overrides, options->command, option, optarg);
        if (options->exit_code != 0)
            return CLI_STOP;
    }
    if (options->argc - optind != 1) {
        options->exit_code = cli_usage(options->command, "takes one settings file, found %d", options->argc - optind);
        return CLI_STOP;
    }
    return 0;
}

int cli_node(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"resume", no_argument, NULL, 'r'}, CLI_OVERRIDE_OPTIONS, CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct cli_overrides overrides;
    struct sl_settings *settings = NULL;
    struct sl_error error = {0};
    bool resume = false;
    if (!cli_overrides_init(&overrides, argc))
        return cli_fail(SL_NO_MEMORY, &error);
    if (read_options(&options, &overrides, &resume) == CLI_STOP)
        goto out;

    enum sl_status status = sl_settings_load(&settings, argv[optind], overrides.items, overrides.count, &error);
    if (status == SL_OK)
        status = run_node(settings, resume, &error);
    options.exit_code = cli_fail(status, &error);
out:
    sl_settings_destroy(settings);
    cli_overrides_finish(&overrides);
    return options.exit_code;
}
