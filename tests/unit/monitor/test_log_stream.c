#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <starling/log.h>

#include "json/json.h"

struct capture {
    struct sl_log_stream stream;
    char *text;
    size_t length;
};

static void open_capture(struct capture *capture, enum sl_log_format format, const char *node) {
    *capture = (struct capture){.stream = {.format = format, .node = node}};
    capture->stream.stream = open_memstream(&capture->text, &capture->length);
    cr_assert_not_null(capture->stream.stream);
}

static void close_capture(struct capture *capture) {
    fclose(capture->stream.stream);
    free(capture->text);
}

/* What follows the time, which is checked for its form. */
static const char *after_time(const char *line) {
    static const char form[] = "time=0000-00-00T00:00:00.000Z ";
    for (size_t i = 0; form[i] != '\0'; i++) {
        cr_assert(form[i] == '0' ? line[i] >= '0' && line[i] <= '9' : line[i] == form[i], "%s", line);
    }
    return line + sizeof form - 1;
}

Test(log_stream, writes_logfmt) {
    struct capture capture;
    open_capture(&capture, SL_LOG_LOGFMT, "alice");
    sl_log_stream_sink(&capture.stream, SL_LOG_INFO, "transport", "peer up",
                       (const struct sl_field[]){SL_TEXT("peer", "bob"), SL_UNSIGNED("round", 3),
                                                 SL_NUMBER("loss", NAN), SL_BOOLEAN("clean", false),
                                                 SL_TEXT("address", "[::1]:7400"), SL_TEXT("none", NULL),
                                                 SL_TEXT("empty", ""), SL_TEXT("equals", "a=b"), SL_END});
    cr_assert_str_eq(after_time(capture.text),
                     "level=info node=alice subsystem=transport msg=\"peer up\" peer=bob round=3 loss=null clean=false "
                     "address=[::1]:7400 none=null empty=\"\" equals=\"a=b\"\n");
    close_capture(&capture);
}

Test(log_stream, leaves_out_a_node_that_is_not_known) {
    struct capture capture;
    open_capture(&capture, SL_LOG_LOGFMT, NULL);
    sl_log_stream_sink(&capture.stream, SL_LOG_ERROR, "cli", "no", (const struct sl_field[]){SL_END});
    cr_assert_str_eq(after_time(capture.text), "level=error subsystem=cli msg=no\n");
    close_capture(&capture);
}

Test(log_stream, colours_the_level_alone) {
    struct capture capture;
    open_capture(&capture, SL_LOG_LOGFMT, NULL);
    capture.stream.colour = true;
    sl_log_stream_sink(&capture.stream, SL_LOG_WARNING, "cli", "no", (const struct sl_field[]){SL_END});
    cr_assert_str_eq(after_time(capture.text), "\x1b[33mlevel=warning\x1b[0m subsystem=cli msg=no\n");
    close_capture(&capture);
}

Test(log_stream, writes_json) {
    struct capture capture;
    open_capture(&capture, SL_LOG_JSON, "alice");
    capture.stream.colour = true; /* never in JSON */
    sl_log_stream_sink(&capture.stream, SL_LOG_DEBUG, "round", "mixed \"3\"",
                       (const struct sl_field[]){SL_NUMBER("loss", INFINITY), SL_INTEGER("n", -1), SL_END});
    cJSON *json = NULL;
    cr_assert_eq(sl_json_parse(&json, capture.text, capture.length - 1, NULL), SL_OK, "%s", capture.text);
    static const char *const keys[] = {"time", "level", "node", "subsystem", "msg", "loss", "n"};
    static const char *const values[] = {NULL, "debug", "alice", "round", "mixed \"3\"", NULL, NULL};
    const cJSON *item = json->child;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++, item = item->next) {
        cr_assert_not_null(item);
        cr_assert_str_eq(item->string, keys[i]);
        if (values[i] != NULL) {
            cr_assert_str_eq(item->valuestring, values[i]);
        }
    }
    cr_assert_null(item);
    cr_assert(cJSON_IsNull(cJSON_GetObjectItem(json, "loss")));
    cJSON_Delete(json);
    close_capture(&capture);
}

/* What a peer says can neither start a line of its own nor move a terminal's cursor. */
Test(log_stream, keeps_hostile_text_in_its_line) {
    static const char *const hostile[] = {"a\nlevel=error", "\x1b[2J",    "\xc2\x9b[2J", "\x7f",       "\xff",
                                          "a\tb",           "say \"no\"", "back\\slash", "caf\xc3\xa9"};
    for (int format = SL_LOG_LOGFMT; format <= SL_LOG_JSON; format++) {
        for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
            struct capture capture;
            open_capture(&capture, (enum sl_log_format)format, hostile[i]);
            sl_log_stream_sink(&capture.stream, SL_LOG_INFO, "admit", hostile[i],
                               (const struct sl_field[]){SL_TEXT("name", hostile[i]), SL_END});
            cr_assert_eq(strchr(capture.text, '\n'), capture.text + capture.length - 1);
            for (size_t k = 0; k + 1 < capture.length; k++) {
                unsigned char byte = (unsigned char)capture.text[k];
                cr_assert(byte >= ' ' && byte != 0x7f && byte != 0x9b && byte != 0xff);
            }
            close_capture(&capture);
        }
    }
}

enum { WRITERS = 8, LINES_EACH = 300 };

static void *write_lines(void *context) {
    for (unsigned i = 0; i < LINES_EACH; i++) {
        sl_log_stream_sink(context, SL_LOG_INFO, "pool", "a line of some words", (const struct sl_field[]){SL_END});
    }
    return NULL;
}

Test(log_stream, does_not_mix_lines_of_threads, .timeout = 60) {
    struct capture capture;
    open_capture(&capture, SL_LOG_LOGFMT, "alice");
    pthread_t threads[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, write_lines, &capture.stream), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    fflush(capture.stream.stream);
    size_t lines = 0;
    for (char *line = strtok(capture.text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
        cr_assert_str_eq(after_time(line), "level=info node=alice subsystem=pool msg=\"a line of some words\"");
    }
    cr_assert_eq(lines, WRITERS * LINES_EACH);
    close_capture(&capture);
}
