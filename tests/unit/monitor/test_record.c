#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/record.h"
#include "json/json.h"

static char folder[] = "/tmp/starling-record-XXXXXX";
static char path[sizeof folder + 16];

static void make_folder(void) {
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/record.jsonl", folder);
}

static void remove_folder(void) {
    (void)unlink(path);
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(record, .init = make_folder, .fini = remove_folder);

static struct sl_record *open_record(void) {
    struct sl_record_options options = {.file = path, .run = "run \"1\"", .node = "alice", .boot = 0xab};
    struct sl_record *record = NULL;
    struct sl_error error;
    cr_assert_eq(sl_record_create(&record, &options, &error), SL_OK, "%s", error.text);
    cr_assert_not_null(record);
    return record;
}

static void put(const char *text) {
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

/* The next line as JSON; NULL at the end of the file. */
static cJSON *next_line(FILE *file) {
    char *line = NULL;
    size_t size = 0;
    ssize_t length = getline(&line, &size, file);
    cJSON *json = NULL;
    if (length >= 0) {
        cr_assert_eq(line[length - 1], '\n', "torn: %s", line);
        cr_assert_eq(sl_json_parse(&json, line, (size_t)length - 1, NULL), SL_OK, "not JSON: %s", line);
    }
    free(line);
    return json;
}

static double number(const cJSON *json, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    cr_assert(cJSON_IsNumber(item), "%s", key);
    return item->valuedouble;
}

static const char *text(const cJSON *json, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    cr_assert(cJSON_IsString(item), "%s", key);
    return item->valuestring;
}

Test(record, writes_head_and_fields) {
    struct sl_record *record = open_record();
    sl_record_event(record, "mixed", SL_UNSIGNED("round", 3), SL_INTEGER("change", -4), SL_NUMBER("waited", 0.1),
                    SL_BOOLEAN("clean", true), SL_TEXT("peer", "bob"), SL_TEXT("none", NULL));
    sl_record_event(record, "finish", SL_NUMBER("loss", NAN), SL_NUMBER("rate", -INFINITY));
    sl_record_destroy(record);

    FILE *file = fopen(path, "r");
    char start[64] = {0};
    cr_assert_eq(fread(start, 1, 18, file), 18);
    cr_assert_str_eq(start, "{\"v\":1,\"time_ns\":1");
    rewind(file);
    cJSON *json = next_line(file);
    cr_assert_eq(number(json, "seq"), 0);
    cr_assert_gt(number(json, "time_ns"), 1.7e18);
    cr_assert_str_eq(text(json, "run"), "run \"1\"");
    cr_assert_str_eq(text(json, "node"), "alice");
    cr_assert_str_eq(text(json, "boot"), "00000000000000ab");
    cr_assert_str_eq(text(json, "event"), "mixed");
    cr_assert_eq(number(json, "round"), 3);
    cr_assert_eq(number(json, "change"), -4);
    cr_assert_eq(number(json, "waited"), 0.1);
    cr_assert(cJSON_IsTrue(cJSON_GetObjectItem(json, "clean")));
    cr_assert_str_eq(text(json, "peer"), "bob");
    cr_assert(cJSON_IsNull(cJSON_GetObjectItem(json, "none")));
    cJSON_Delete(json);
    json = next_line(file);
    cr_assert_eq(number(json, "seq"), 1);
    cr_assert(cJSON_IsNull(cJSON_GetObjectItem(json, "loss")));
    cr_assert(cJSON_IsNull(cJSON_GetObjectItem(json, "rate")));
    cJSON_Delete(json);
    cr_assert_null(next_line(file));
    fclose(file);
}

Test(record, keeps_the_digits_of_large_integers) {
    struct sl_record *record = open_record();
    sl_record_event(record, "status", SL_UNSIGNED("most", UINT64_MAX), SL_INTEGER("least", INT64_MIN));
    sl_record_destroy(record);
    char line[512] = {0};
    FILE *file = fopen(path, "r");
    cr_assert_not_null(fgets(line, sizeof line, file));
    fclose(file);
    cr_assert_not_null(strstr(line, "\"most\":18446744073709551615,\"least\":-9223372036854775808}"), "%s", line);
}

Test(record, is_readable_by_all) {
    umask(022);
    sl_record_destroy(open_record());
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0644);
}

Test(record, appends_behind_a_torn_line) {
    put("{\"v\":1,\"seq\":7}\n{\"v\":1,\"se");
    struct sl_record *record = open_record();
    sl_record_event(record, "start", SL_UNSIGNED("rounds", 1));
    sl_record_destroy(record);

    FILE *file = fopen(path, "r");
    char line[512];
    cJSON_Delete(next_line(file));
    cr_assert_str_eq(fgets(line, sizeof line, file), "{\"v\":1,\"se\n");
    cJSON *json = next_line(file);
    cr_assert_str_eq(text(json, "event"), "start");
    cJSON_Delete(json);
    fclose(file);
}

Test(record, adds_nothing_behind_a_whole_line) {
    put("{\"v\":1}\n");
    struct sl_record *record = open_record();
    sl_record_event(record, "start", SL_UNSIGNED("rounds", 1));
    sl_record_destroy(record);
    FILE *file = fopen(path, "r");
    cJSON_Delete(next_line(file));
    cJSON *json = next_line(file);
    cr_assert_str_eq(text(json, "event"), "start");
    cJSON_Delete(json);
    cr_assert_null(next_line(file));
    fclose(file);
}

Test(record, without_a_file_takes_events) {
    struct sl_record_options options = {.file = "", .run = "r", .node = "n"};
    struct sl_record *record = (struct sl_record *)&options;
    cr_assert_eq(sl_record_create(&record, &options, NULL), SL_OK);
    cr_assert_null(record);
    sl_record_event(record, "start", SL_UNSIGNED("rounds", 1));
    sl_record_destroy(record);
}

Test(record, says_which_file_cannot_be_opened) {
    struct sl_record_options options = {.file = "/nonexistent/record.jsonl", .run = "r", .node = "n"};
    struct sl_record *record = NULL;
    struct sl_error error;
    cr_assert_eq(sl_record_create(&record, &options, &error), SL_NOT_FOUND);
    cr_assert_null(record);
    cr_assert_not_null(strstr(error.text, "/nonexistent/record.jsonl"), "%s", error.text);
    options.file = folder;
    cr_assert_neq(sl_record_create(&record, &options, NULL), SL_OK);
}

Test(record, survives_hostile_text) {
    static const char *const hostile[] = {"\"},{\"event\":\"forged",
                                          "a\nb\r\x01\x1b[2J",
                                          "\xff\xfe\xc0\x80",
                                          "\x7f\xc2\x9b[2J",
                                          "\xed\xa0\x80",
                                          "%s%n",
                                          "back\\slash",
                                          ""};
    struct sl_record *record = open_record();
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        sl_record_event(record, "warning", SL_TEXT("text", hostile[i]));
    }
    sl_record_destroy(record);
    FILE *file = fopen(path, "r");
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        cJSON *json = next_line(file);
        cr_assert_not_null(json);
        cr_assert_str_eq(text(json, "event"), "warning");
        if (i != 2 && i != 4) { /* those are not UTF-8 */
            cr_assert_str_eq(text(json, "text"), hostile[i]);
        }
        cJSON_Delete(json);
    }
    cr_assert_null(next_line(file));
    rewind(file);
    for (int byte = fgetc(file); byte != EOF; byte = fgetc(file)) {
        cr_assert(byte == '\n' || (byte >= ' ' && byte != 0x7f && byte != 0x9b), "control byte %d", byte);
    }
    fclose(file);
}

/* A line that does not fit is taken out again, counted, and told in front of the next one that does. */
Test(record, counts_what_a_full_disk_loses) {
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    char *large = calloc(1, 8193);
    memset(large, 'x', 8192);
    struct sl_record *record = open_record();
    sl_record_event(record, "warning", SL_TEXT("text", "small"));
    sl_record_event(record, "warning", SL_TEXT("text", large));
    sl_record_event(record, "warning", SL_TEXT("text", large));
    sl_record_event(record, "phase", SL_TEXT("phase", "mix"));
    sl_record_destroy(record);
    free(large);

    double lost = 0;
    double sequence = 0;
    char last[16] = "";
    FILE *file = fopen(path, "r");
    for (cJSON *json = next_line(file); json != NULL; json = next_line(file)) {
        cr_assert_eq(number(json, "seq"), sequence++);
        (void)snprintf(last, sizeof last, "%s", text(json, "event"));
        lost += strcmp(last, "lost") == 0 ? number(json, "count") : 0;
        cJSON_Delete(json);
    }
    fclose(file);
    cr_assert_eq(lost, 2);
    cr_assert_str_eq(last, "phase");
    cr_assert(sequence == 3 || sequence == 4, "%g lines", sequence);
}

Test(record, ends_whole_when_the_disk_stays_full) {
    struct rlimit limit = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct sl_record *record = open_record();
    for (uint64_t i = 0; i < 1000; i++) {
        sl_record_event(record, "phase", SL_UNSIGNED("round", i));
    }
    sl_record_destroy(record);
    FILE *file = fopen(path, "r");
    size_t count = 0;
    for (cJSON *json = next_line(file); json != NULL; json = next_line(file)) {
        cr_assert_eq(number(json, "seq"), (double)count++);
        cJSON_Delete(json);
    }
    fclose(file);
    cr_assert(count > 0 && count < 20);
}

/* Nobody reads: the caller is not held up, and each event is either in the file or counted. */
Test(record, drops_over_the_bound_of_the_queue, .timeout = 60) {
    enum { EVENTS = 5000 };
    cr_assert_eq(mkfifo(path, 0600), 0);
    int keep = open(path, O_RDWR | O_CLOEXEC);
    struct sl_record *record = open_record();
    char large[1001] = {0};
    memset(large, 'x', 1000);
    for (int i = 0; i < EVENTS; i++) {
        sl_record_event(record, "warning", SL_TEXT("text", large));
    }
    FILE *file = fdopen(keep, "r");
    double seen = 0;
    double lost = 0;
    double sequence = 0;
    while (seen + lost < EVENTS) {
        cJSON *json = next_line(file);
        cr_assert_eq(number(json, "seq"), sequence++);
        if (strcmp(text(json, "event"), "lost") == 0) {
            lost += number(json, "count");
        } else {
            seen++;
        }
        cJSON_Delete(json);
    }
    sl_record_destroy(record);
    fclose(file);
    cr_assert_eq(seen + lost, EVENTS);
    cr_assert_gt(lost, EVENTS / 10);
}

struct producer {
    pthread_t thread;
    struct sl_record *record;
    uint64_t number;
};

enum { PRODUCERS = 8, EVENTS_EACH = 400 };

static void *produce(void *context) {
    struct producer *producer = context;
    for (uint64_t i = 0; i < EVENTS_EACH; i++) {
        sl_record_event(producer->record, "edge", SL_UNSIGNED("thread", producer->number), SL_UNSIGNED("i", i));
    }
    return NULL;
}

Test(record, keeps_each_threads_order, .timeout = 60) {
    struct producer producers[PRODUCERS];
    struct sl_record *record = open_record();
    for (size_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.record = record, .number = i};
        cr_assert_eq(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    for (size_t i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
    }
    sl_record_destroy(record);

    double next[PRODUCERS] = {0};
    double time = 0;
    FILE *file = fopen(path, "r");
    for (int i = 0; i < PRODUCERS * EVENTS_EACH; i++) {
        cJSON *json = next_line(file);
        cr_assert_not_null(json);
        cr_assert_eq(number(json, "seq"), i);
        cr_assert_geq(number(json, "time_ns"), time);
        time = number(json, "time_ns");
        size_t thread = (size_t)number(json, "thread");
        cr_assert_lt(thread, PRODUCERS);
        cr_assert_eq(number(json, "i"), next[thread]++);
        cJSON_Delete(json);
    }
    cr_assert_null(next_line(file));
    fclose(file);
}

/* What was told before is in the file when the call returns, without the writer's end. */
Test(record, settles) {
    struct sl_record *record = open_record();
    for (unsigned round = 1; round <= 50; round++) {
        sl_record_event(record, "mixed", SL_UNSIGNED("round", round));
        cr_expect(sl_record_settle(record, 30 * SL_SECOND));
        FILE *file = fopen(path, "r");
        cJSON *line = NULL;
        cr_assert_not_null(file);
        for (unsigned i = 0; i < round; i++) {
            cJSON_Delete(line);
            line = next_line(file);
        }
        cr_assert_not_null(line, "line %u is not there yet", round);
        cr_expect_eq(number(line, "round"), round);
        cJSON_Delete(line);
        (void)fclose(file);
    }
    cr_expect(sl_record_settle(NULL, SL_SECOND));
    sl_record_destroy(record);
}

/* A pipe that nobody reads is a disk that hangs: who waits for it is let go, and the next one at once. */
Test(record, settles_for_so_long_and_no_longer, .timeout = 60) {
    enum { EVENTS = 200, TRIES = 5 };
    char large[1001] = {0};
    cr_assert_eq(mkfifo(path, 0600), 0);
    int keep = open(path, O_RDWR | O_CLOEXEC);
    struct sl_record *record = open_record();
    memset(large, 'x', 1000);
    for (int i = 0; i < EVENTS; i++)
        sl_record_event(record, "warning", SL_TEXT("text", large));
    cr_expect_not(sl_record_settle(record, 100 * SL_MILLISECOND));
    sl_time took = 3 * SL_SECOND;
    for (int i = 0; i < TRIES && took >= 3 * SL_SECOND;
         i++) { /* it may have got on for a moment, of all moments then */
        sl_time before = sl_clock_monotonic();
        cr_expect_not(sl_record_settle(record, 3 * SL_SECOND));
        took = sl_clock_monotonic() - before;
    }
    cr_expect_lt(took, 3 * SL_SECOND);
    FILE *file = fdopen(keep, "r");
    for (int i = 0; i < EVENTS; i++)
        cJSON_Delete(next_line(file));
    while (!sl_record_settle(record, SL_SECOND))
        continue; /* all is read */
    sl_record_destroy(record);
    fclose(file);
}
