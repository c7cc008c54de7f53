/* Buffers and messages. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/array.h"
#include "base/buffer.h"
#include "failing.h"
#include "wire/samples.h"

static enum sl_status grow_buffer(void *context, struct sl_error *error) {
    (void)context;
    (void)error;
    struct sl_buffer buffer = {0};
    enum sl_status status = SL_OK;
    size_t before = 0;
    for (int i = 0; i < 200 && status == SL_OK; i++) {
        before = buffer.length;
        status = i % 2 == 0 ? sl_buffer_printf(&buffer, "%d, ", i) : sl_buffer_append(&buffer, "0123456789", 10);
    }
    if (status != SL_OK)
        cr_assert_eq(buffer.length, before, "a failed call changes nothing");
    sl_buffer_finish(&buffer);
    return status;
}

static enum sl_status grow_array(void *context, struct sl_error *error) {
    (void)context;
    (void)error;
    uint32_t *items = NULL;
    size_t capacity = 0;
    enum sl_status status = SL_OK;
    for (uint32_t i = 0; i < 1000 && status == SL_OK; i++) {
        size_t had = capacity;
        status = sl_array_reserve(&items, &capacity, (size_t)i + 1, sizeof *items);
        if (status == SL_OK)
            items[i] = i;
        else
            cr_assert_eq(capacity, had);
        for (uint32_t k = 0; k < i; k += 97)
            cr_assert_eq(items[k], k, "what was there stays");
    }
    free(items);
    return status;
}

Test(allocations, growing) {
    cr_assert_geq(failing_run(grow_buffer, NULL, FAILING_NONE), 5);
    cr_assert_geq(failing_run(grow_array, NULL, FAILING_NONE), 5);
}

struct message {
    const struct codec *codec;
    struct sl_buffer bytes;
};

static enum sl_status decode(void *context, struct sl_error *error) {
    const struct message *message = context;
    union any_message out;
    enum sl_status status = message->codec->decode(&out, message->bytes.data, message->bytes.length, error);
    if (status == SL_OK)
        message->codec->finish(&out);
    return status;
}

static enum sl_status encode(void *context, struct sl_error *error) {
    (void)error;
    const struct message *message = context;
    union any_message in;
    struct sl_buffer out = {0};
    message->codec->sample(&in);
    enum sl_status status = message->codec->encode(&out, &in);
    cr_assert(status == SL_OK || out.length == 0);
    sl_buffer_finish(&out);
    return status;
}

Test(allocations, messages) {
    for (size_t i = 0; i < codec_count; i++) {
        struct message message = {.codec = &codecs[i]};
        union any_message sample;
        codecs[i].sample(&sample);
        cr_assert_eq(codecs[i].encode(&message.bytes, &sample), SL_OK);
        cr_assert_geq(failing_run(decode, &message, FAILING_NONE), 1, "%s", codecs[i].name);
        cr_assert_geq(failing_run(encode, &message, FAILING_NONE), 1, "%s", codecs[i].name);
        sl_buffer_finish(&message.bytes);
    }
}
