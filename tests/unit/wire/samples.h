/* One full message of every kind, and the codecs as a table: for the unit tests and the fuzzers. */
#ifndef TEST_WIRE_SAMPLES_H
#define TEST_WIRE_SAMPLES_H

#include "wire/messages.h"

union any_message {
#define MEMBER(message) struct sl_##message message;
    SL_MESSAGE_LIST(MEMBER)
#undef MEMBER
};

struct codec {
    const char *name;
    enum sl_status (*encode)(struct sl_buffer *out, const union any_message *in);
    enum sl_status (*decode)(union any_message *out, const uint8_t *data, size_t length, struct sl_error *error);
    void (*finish)(union any_message *message);
    /* A message with all fields set; valid until the next call, nothing to free. */
    void (*sample)(union any_message *out);
};

extern const struct codec codecs[];
extern const size_t codec_count;

#endif
