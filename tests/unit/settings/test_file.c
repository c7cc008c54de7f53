/* Files that are no settings at all, and keys that are none. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fixture.h"

TestSuite(file, .timeout = 60);

Test(file, missing) {
    struct fixture fixture;
    fixture_make(&fixture);
    cr_expect_eq(fixture_load(&fixture, NULL), SL_NOT_FOUND);
    cr_expect_not_null(strstr(fixture.error.text, fixture.file));
    cr_expect_eq(fixture_lines(&fixture), 1);
    fixture_finish(&fixture);
}

Test(file, folder) {
    struct fixture fixture;
    fixture_make(&fixture);
    cr_assert_eq(mkdir(fixture.file, 0700), 0);
    cr_expect_neq(fixture_load(&fixture, NULL), SL_OK);
    cr_expect_not_null(strstr(fixture.error.text, fixture.file));
    fixture_finish(&fixture);
}

Test(file, empty) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_says(&fixture, "", "%FILE%: the file is empty");
    fixture_finish(&fixture);
}

Test(file, not_an_object) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_says(&fixture, "[]", "%FILE%: expected a JSON object, found a list");
    fixture_says(&fixture, "3", "%FILE%: expected a JSON object, found 3");
    fixture_says(&fixture, "null", "%FILE%: expected a JSON object, found null");
    fixture_says(&fixture, "\"a\"", "%FILE%: expected a JSON object, found \"a\"");
    fixture_finish(&fixture);
}

/* A good file cut anywhere is one problem of the whole file: which line it is on is the json layer's to say. */
Test(file, cut_anywhere) {
    static const char text[] = "{\n" GOOD ",\n\"round\":{\"rounds\":3}\n}";
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_accepts(&fixture, text);
    for (size_t length = 0; length < strlen(text); length++) {
        cr_assert_eq(fixture_load_bytes(&fixture, text, length), SL_SETTINGS, "%zu bytes", length);
        cr_expect_eq(fixture_lines(&fixture), 1, "%zu bytes: %s", length, fixture.error.text);
        cr_expect_eq(strncmp(fixture.error.text, fixture.file, strlen(fixture.file)), 0);
        cr_expect(length == 0 || strstr(fixture.error.text, "line ") != NULL, "%s", fixture.error.text);
    }
    fixture_finish(&fixture);
}

Test(file, malformed) {
    static const char *const bad[] = {"{" GOOD ",}",
                                      "{" GOOD "}}",
                                      "{" GOOD "} x",
                                      "{" GOOD ",\"round\":{\"rounds\":1e999}}",
                                      "{" GOOD ",\"round\":{\"rounds\":03}}",
                                      "{" GOOD ",\"round\":{\"rounds\":3,\"rounds\":3}}",
                                      "{" GOOD ",\"flock\":{}}",
                                      "{" GOOD ",\"model\":{\"folder\":\"a\\u0000b\"}}",
                                      "{" GOOD ",\"model\":{\"folder\":\"\xff\"}}",
                                      "{" GOOD ",\"round\":{\"rounds\":NaN}}",
                                      "{" GOOD "/**/}"};
    struct fixture fixture;
    fixture_make(&fixture);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(fixture_load(&fixture, bad[i]), SL_SETTINGS, "%s", bad[i]);
        cr_expect_eq(fixture_lines(&fixture), 1, "%s: %s", bad[i], fixture.error.text);
    }
    fixture_finish(&fixture);
}

Test(file, too_large) {
    enum { SIZE = (1 << 20) + 1 };
    struct fixture fixture;
    fixture_make(&fixture);
    char *text = malloc(SIZE);
    memset(text, ' ', SIZE);
    memcpy(text, "{" GOOD "}", strlen("{" GOOD "}"));
    cr_expect_eq(fixture_load_bytes(&fixture, text, SIZE), SL_LIMIT);
    cr_expect_eq(fixture_load_bytes(&fixture, text, SIZE - 1), SL_OK);
    free(text);
    fixture_finish(&fixture);
}

Test(file, unknown_keys) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_says(&fixture, "{" GOOD ",\"transport\":{\"listn\":[]}}",
                 "%FILE%: transport.listn: unknown key; the nearest known one is \"transport.listen\"");
    fixture_says(&fixture, "{" GOOD ",\"rounds\":3}",
                 "%FILE%: rounds: unknown key; the nearest known one is \"round.rounds\"");
    fixture_says(&fixture, "{" GOOD ",\"roun\":{\"rounds\":3}}",
                 "%FILE%: roun: unknown key; the nearest known one is \"round\"");
    fixture_says(&fixture, "{" GOOD ",\"round.rounds\":3}",
                 "%FILE%: round.rounds: unknown key; the nearest known one is \"round.rounds\"");
    fixture_says(&fixture, "{" GOOD ",\"round\":{\"ROUNDS\":3}}",
                 "%FILE%: round.ROUNDS: unknown key; the nearest known one is \"round.rounds\"");
    fixture_finish(&fixture);
}

Test(file, a_strange_key_does_not_leave_its_line) {
    struct fixture fixture;
    fixture_make(&fixture);
    cr_expect_eq(fixture_load(&fixture, "{" GOOD ",\"a\\nb\\u001b[2J\":3}"), SL_SETTINGS);
    cr_expect_eq(fixture_lines(&fixture), 1);
    cr_expect_null(strchr(fixture.error.text, '\033'));
    fixture_finish(&fixture);
}

Test(file, section_of_another_type) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_says(&fixture, "{" GOOD ",\"round\":3}", "%FILE%: round: expected an object, found 3");
    fixture_says(&fixture, "{" GOOD ",\"round\":[]}", "%FILE%: round: expected an object, found a list");
    fixture_says(&fixture, "{" GOOD_SECTIONS ",\"learner\":3}", "%FILE%: learner: expected an object, found 3");
    fixture_says(&fixture, "{" GOOD ",\"round\":null}", "%FILE%: round: expected an object, found null");
    fixture_finish(&fixture);
}

Test(file, may_name_its_schema) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_accepts(&fixture, "{\"$schema\":\"schema.json\"," GOOD "}");
    fixture_says(&fixture, "{\"$schema\":3," GOOD "}", "%FILE%: $schema: expected the address of a JSON schema");
    fixture_finish(&fixture);
}

Test(file, required_keys) {
    struct fixture fixture;
    fixture_make(&fixture);
    cr_expect_eq(fixture_load(&fixture, "{\"learner\":{\"trainer\":\"idle\"}}"), SL_SETTINGS);
    cr_expect_eq(fixture_lines(&fixture), 7);
    cr_expect(fixture_has(
        &fixture,
        "%FILE%: identity.client_key: expected a path of 1 to 4095 bytes or a URI \"pkcs11:...\", found nothing"));
    cr_expect(fixture_has(&fixture, "%FILE%: node.name: expected a name of 1 to 63 characters a-z, 0-9 and, not first, "
                                    "-, found nothing"));
    fixture_finish(&fixture);
}

Test(file, one_problem_hides_no_other) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_add(&fixture, "--set", "mix.stream", "yes");
    fixture_add(&fixture, "--set", "mix.steam", "true");
    setenv("STARLING_LOG_LEVEL", "loud", 1);
    setenv("STARLING_IDENTITY_CA", "other.pem", 1);
    cr_expect_eq(fixture_load(&fixture, "{" GOOD ",\"flok\":{},\"transport\":{\"listen\":[\"1.2.3.4\",7,\"a:1\"]},"
                                        "\"round\":{\"rounds\":0,\"deadline_min\":90},\"data\":{\"part\":4}}"),
                 SL_SETTINGS);
    cr_expect(fixture_has(&fixture, "%FILE%: flok: unknown key; the nearest known one is \"flock\""));
    cr_expect(fixture_has(&fixture, "%FILE%: transport.listen[0]: expected \"host:port\", found \"1.2.3.4\""));
    cr_expect(fixture_has(&fixture, "%FILE%: transport.listen[1]: expected \"host:port\" or an object, found 7"));
    cr_expect(fixture_has(&fixture, "%FILE%: round.rounds: expected an integer from 1 to 1000000000 rounds, found 0"));
    cr_expect(fixture_has(&fixture, "STARLING_LOG_LEVEL: log.level: expected \"debug\", \"info\", \"warning\" or "
                                    "\"error\", found \"loud\""));
    cr_expect(fixture_has(&fixture, "STARLING_IDENTITY_CA: identity.ca: decides security, so only the settings file "
                                    "may set it"));
    cr_expect(fixture_has(&fixture, "--set: mix.stream: expected true or false, found \"yes\""));
    cr_expect(fixture_has(&fixture, "--set: mix.steam: unknown key; the nearest known one is \"mix.stream\""));
    cr_expect(fixture_has(&fixture,
                          "%FILE%: round.deadline_min: expected at most round.deadline_max, which is 60 s, found 90"));
    cr_expect(fixture_has(&fixture, "%FILE%: data.part: expected less than data.parts, which is 1, found 4"));
    cr_expect_eq(fixture_lines(&fixture), 10, "%s", fixture.error.text);
    fixture_finish(&fixture);
}

Test(file, a_malformed_one_does_not_hide_flags_and_variables) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_add(&fixture, "--set", "mix.stream", "yes");
    setenv("STARLING_LOG_LEVEL", "loud", 1);
    cr_expect_eq(fixture_load(&fixture, "{"), SL_SETTINGS);
    cr_expect_eq(fixture_lines(&fixture), 3, "%s", fixture.error.text);
    fixture_finish(&fixture);
}
