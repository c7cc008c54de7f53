/* Flag > environment > file > default; what decides security from the file alone; what `show` says of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "settings/table.h"

TestSuite(precedence, .timeout = 60);

static void expect_shown(const struct fixture *fixture, const char *key, const char *value, const char *origin) {
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    cr_assert_eq(sl_settings_show(fixture->settings, stream), SL_OK);
    cr_assert_eq(fclose(stream), 0);
    char expected[256];
    snprintf(expected, sizeof expected, "%-32s %-32s %s\n", key, value, origin);
    cr_expect_not_null(strstr(text, expected), "%s is not in:\n%s", expected, text);
    free(text);
}

Test(precedence, flag_environment_file_default) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_accepts(&fixture, "{" GOOD "}");
    cr_expect_eq(fixture.settings->round.rounds, 20);
    expect_shown(&fixture, "round.rounds", "20", "default");

    fixture_accepts(&fixture, "{" GOOD ",\"round\":{\"rounds\":3}}");
    cr_expect_eq(fixture.settings->round.rounds, 3);
    expect_shown(&fixture, "round.rounds", "3", "file");

    setenv("STARLING_ROUND_ROUNDS", "4", 1);
    fixture_accepts(&fixture, "{" GOOD ",\"round\":{\"rounds\":3}}");
    cr_expect_eq(fixture.settings->round.rounds, 4);
    expect_shown(&fixture, "round.rounds", "4", "environment STARLING_ROUND_ROUNDS");

    fixture_add(&fixture, "--set", "round.rounds", "5");
    fixture_accepts(&fixture, "{" GOOD ",\"round\":{\"rounds\":3}}");
    cr_expect_eq(fixture.settings->round.rounds, 5);
    expect_shown(&fixture, "round.rounds", "5", "flag --set");

    fixture_add(&fixture, "--set", "round.rounds", "6"); /* of several the last */
    fixture_accepts(&fixture, "{" GOOD ",\"round\":{\"rounds\":3}}");
    cr_expect_eq(fixture.settings->round.rounds, 6);
    fixture_finish(&fixture);
}

/* A good flag does not excuse a bad file: the next start may come without it. */
Test(precedence, what_is_overridden_is_checked_all_the_same) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_add(&fixture, "--set", "round.rounds", "5");
    fixture_says(&fixture, "{" GOOD ",\"round\":{\"rounds\":0}}",
                 "%FILE%: round.rounds: expected an integer from 1 to 1000000000 rounds, found 0");
    fixture_finish(&fixture);
}

Test(precedence, every_type_as_text) {
    struct fixture fixture;
    fixture_make(&fixture);
    setenv("STARLING_MIX_STREAM", "true", 1);
    setenv("STARLING_LEARNER_RATE", "2.5e-1", 1);
    setenv("STARLING_LEARNER_OPTIMIZER", "adam", 1);
    setenv("STARLING_FLOCK_RUN", "7", 1); /* a name, though it looks like a number */
    setenv("STARLING_TRANSPORT_LISTEN", "127.0.0.1:1,[::1]:2", 1);
    setenv("STARLING_MODEL_FOLDER", "", 1);
    fixture_accepts(&fixture, "{" GOOD "}");
    cr_expect(fixture.settings->mix.stream);
    cr_expect_eq(fixture.settings->learner.rate, 0.25);
    cr_expect(fixture.settings->learner.adam);
    cr_expect_str_eq(fixture.settings->flock.run, "7");
    cr_expect_eq(fixture.settings->transport.listen.count, 2);
    cr_expect_str_eq(fixture.settings->transport.listen.items[1].address, "[::1]:2");
    cr_expect_str_eq(fixture.settings->model.folder, "");
    expect_shown(&fixture, "mix.stream", "true", "environment STARLING_MIX_STREAM");
    expect_shown(&fixture, "learner.optimizer", "\"adam\"", "environment STARLING_LEARNER_OPTIMIZER");
    expect_shown(&fixture, "round.min_peers_to_start", "0", "default (flock.start_nodes - 1)");
    fixture_finish(&fixture);
}

Test(precedence, text_that_is_no_value) {
    static const char *const bad[] = {"",    " ",    "0x10", "1e", "inf",   "nan", "+1",
                                      "1 2", "null", "[1]",  "{}", "\"3\"", "3,"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fixture fixture;
        fixture_make(&fixture);
        fixture_add(&fixture, "--set", "round.rounds", bad[i]);
        cr_expect_eq(fixture_load(&fixture, "{" GOOD "}"), SL_SETTINGS, "%s", bad[i]);
        cr_expect_eq(fixture_lines(&fixture), 1, "%s: %s", bad[i], fixture.error.text);
        fixture_finish(&fixture);
    }
}

Test(precedence, items_of_lists_as_text) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_add(&fixture, "--set", "transport.listen", "127.0.0.1:1,,x");
    cr_expect_eq(fixture_load(&fixture, "{" GOOD "}"), SL_SETTINGS);
    cr_expect(fixture_has(&fixture, "--set: transport.listen[1]: expected \"host:port\", found \"\""));
    cr_expect(fixture_has(&fixture, "--set: transport.listen[2]: expected \"host:port\", found \"x\""));
    cr_expect_eq(fixture_lines(&fixture), 2);
    fixture_finish(&fixture);
}

Test(precedence, join_adds) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_add(&fixture, "--join", "membership.join", "b:2");
    fixture_add(&fixture, "--join", "membership.join", "c:3,d:4");
    fixture_accepts(&fixture, "{" GOOD ",\"membership\":{\"join\":[\"a:1\"]}}");
    const struct sl_string_list *join = &fixture.settings->membership.join;
    cr_assert_eq(join->count, 4);
    cr_expect_str_eq(join->items[0], "a:1");
    cr_expect_str_eq(join->items[1], "b:2");
    cr_expect_str_eq(join->items[3], "d:4");
    expect_shown(&fixture, "membership.join", "[\"a:1\", \"b:2\", \"c:3\", \"d:4\"]", "flag --join");
    setenv("STARLING_MEMBERSHIP_JOIN", "e:5", 1); /* in place of the file's */
    fixture_accepts(&fixture, "{" GOOD ",\"membership\":{\"join\":[\"a:1\"]}}");
    cr_expect_str_eq(fixture.settings->membership.join.items[0], "e:5");
    cr_expect_eq(fixture.settings->membership.join.count, 4);
    fixture_finish(&fixture);
}

Test(precedence, security_comes_from_the_file_alone) {
    for (size_t i = 0; i < sl_setting_count; i++) {
        const struct sl_setting *row = &sl_setting_table[i];
        if (!row->security)
            continue;
        struct fixture fixture;
        char variable[SL_SETTING_VARIABLE_SIZE];
        char line[256];
        fixture_make(&fixture);
        sl_setting_variable(variable, row->path);
        setenv(variable, "", 1);
        snprintf(line, sizeof line, "%s: %s: decides security, so only the settings file may set it", variable,
                 row->path);
        fixture_says(&fixture, "{" GOOD "}", line);
        unsetenv(variable);
        fixture_add(&fixture, "--set", row->path, row->standard != NULL ? row->standard : "ca.pem");
        snprintf(line, sizeof line, "--set: %s: decides security, so only the settings file may set it", row->path);
        fixture_says(&fixture, "{" GOOD "}", line);
        fixture_finish(&fixture);
    }
}

Test(precedence, unknown_flags_and_variables) {
    struct fixture fixture;
    fixture_make(&fixture);
    setenv("STARLING_SERVICE_HOST", "10.0.0.1", 1); /* somebody else's */
    fixture_accepts(&fixture, "{" GOOD "}");
    setenv("STARLING_ROUND_ROUDNS", "3", 1);
    fixture_says(&fixture, "{" GOOD "}",
                 "STARLING_ROUND_ROUDNS: unknown variable; the nearest known one is STARLING_ROUND_ROUNDS");
    unsetenv("STARLING_ROUND_ROUDNS");
    fixture_add(&fixture, "--set", "round.roudns", "3");
    fixture_says(&fixture, "{" GOOD "}", "--set: round.roudns: unknown key; the nearest known one is \"round.rounds\"");
    fixture_finish(&fixture);
}

Test(precedence, show_has_a_line_a_key) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_accepts(&fixture, "{" GOOD "}");
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    cr_assert_eq(sl_settings_show(fixture.settings, stream), SL_OK);
    cr_assert_eq(fclose(stream), 0);
    const char *line = text;
    for (size_t i = 0; i < sl_setting_count; i++) {
        size_t width = strlen(sl_setting_table[i].path);
        cr_expect(strncmp(line, sl_setting_table[i].path, width) == 0 && line[width] == ' ', "%s",
                  sl_setting_table[i].path);
        line = strchr(line, '\n') + 1;
        while (strncmp(line, sl_setting_table[i].path, width) == 0 && line[width] == '[')
            line = strchr(line, '\n') + 1; /* a member of an item */
    }
    cr_expect_eq(*line, '\0');
    free(text);
    fixture_finish(&fixture);
}

Test(precedence, writing_to_a_full_disk_is_an_error) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_accepts(&fixture, "{" GOOD "}");
    FILE *full = fopen("/dev/full", "w");
    cr_assert_not_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    cr_expect_eq(sl_settings_show(fixture.settings, full), SL_IO);
    cr_expect_eq(sl_settings_write_schema(full), SL_IO);
    cr_expect_eq(sl_settings_write_reference(full), SL_IO);
    cr_expect_eq(sl_settings_write_manual(full), SL_IO);
    fclose(full);
    fixture_finish(&fixture);
}
