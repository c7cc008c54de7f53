/* Settings: read, shown and described. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/file.h"
#include "failing.h"
#include "folder.h"
#include "settings/settings.h"

static const char GOOD[] =
    "{\"$schema\": \"settings.schema.json\", \"flock\": {\"name\": \"demo\", \"start_nodes\": 3}, \"node\": {\"name\": "
    "\"alice\"}, \"identity\": {\"ca\": \"ca.pem\", \"server_certificate\": \"server.pem\", \"server_key\": "
    "\"server.key\", \"client_certificate\": \"client.pem\", \"client_key\": \"client.key\"}, \"transport\": "
    "{\"listen\": [\"127.0.0.1:7400\", {\"address\": \"[::1]:7400\", \"connection_security\": \"clear\"}], "
    "\"peers\": [{\"connect_to\": \"a:1\", \"node\": \"bob\", \"connection_security\": \"tls\", "
    "\"custom_ca_cert\": \"proxy.pem\"}, {\"connect_to\": \"b:1\"}]}, \"membership\": {\"join\": "
    "[\"127.0.0.1:7401\"]}, "
    "\"overlay\": {\"topology\": \"file:graph\"}, \"data\": {\"format\": \"idx\", \"train\": [\"images\", \"labels\"], "
    "\"partition\": \"share:1,2\", \"parts\": 2}}";
static const char BAD[] = "{\"flock\": {\"name\": \"De\\nmo\", \"start_nodes\": 1.5, \"rum\": 1}, \"node\": 7, "
                          "\"transport\": {\"listen\": [\"x\", 1, {\"adress\": 1, \"proxy\": 2}], \"peers\": [{}]}, "
                          "\"other\": {}}";

static const struct sl_override overrides[] = {{"membership.join", "127.0.0.1:7402,[::1]:7402", "--join"},
                                               {"round.rounds", "5", "--set"}};

static enum sl_status load(void *context, struct sl_error *error) {
    struct sl_settings *settings = NULL;
    enum sl_status status = sl_settings_load(&settings, context, overrides, 2, error);
    cr_assert_eq(status == SL_OK, settings != NULL);
    sl_settings_destroy(settings);
    return status;
}

/* A file of which much is said; less is quoted of it where memory is short. */
static enum sl_status load_bad(void *context, struct sl_error *error) {
    struct sl_settings *settings = NULL;
    enum sl_status status = sl_settings_load(&settings, context, overrides, 2, error);
    cr_assert(settings == NULL);
    return status == SL_SETTINGS ? SL_OK : status;
}

static enum sl_status show(void *context, struct sl_error *error) {
    (void)error;
    FILE *out = fopen("/dev/null", "w");
    cr_assert(out != NULL);
    enum sl_status status = sl_settings_show(context, out);
    fclose(out);
    return status;
}

static enum sl_status describe(void *context, struct sl_error *error) {
    (void)error;
    enum sl_status (*write)(FILE *) = *(enum sl_status(**)(FILE *))context;
    FILE *out = fopen("/dev/null", "w");
    cr_assert(out != NULL);
    enum sl_status status = write(out);
    fclose(out);
    return status;
}

Test(allocations, settings) {
    struct test_folder folder;
    char good[256], bad[256];
    test_folder_make(&folder);
    test_folder_file(good, &folder, "good.json");
    test_folder_file(bad, &folder, "bad.json");
    cr_assert_eq(sl_file_replace(good, GOOD, sizeof GOOD - 1, 0600, NULL), SL_OK);
    cr_assert_eq(sl_file_replace(bad, BAD, sizeof BAD - 1, 0600, NULL), SL_OK);
    cr_assert_geq(failing_run(load, good, FAILING_NONE), 50);
    cr_assert_geq(failing_run(load, good, FAILING_CJSON), 100);
    cr_assert_geq(failing_run(load_bad, bad, FAILING_CJSON), 100);

    struct sl_settings *settings = NULL;
    cr_assert_eq(sl_settings_load(&settings, good, NULL, 0, NULL), SL_OK);
    failing_run(show, settings, FAILING_NONE);
    sl_settings_destroy(settings);
    test_folder_remove(&folder);
}

Test(allocations, descriptions) {
    enum sl_status (*const writers[])(FILE *) = {sl_settings_write_schema, sl_settings_write_reference,
                                                 sl_settings_write_manual};
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        enum sl_status (*writer)(FILE *) = writers[i];
        failing_run(describe, &writer, FAILING_NONE);
        failing_run(describe, &writer, FAILING_CJSON);
    }
}
