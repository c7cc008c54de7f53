/* The JSON reader: what it takes, cJSON writes in a form that it takes again. */
#include <string.h>

#include "target.h"
#include "json/json.h"

static const char *const inputs[] = {
    "{\"node\": {\"name\": \"alice\", \"flock\": \"demo\"}, \"list\": [1, -2.5e3, true, false, null, \"\\u00e9\\n\"]}",
    "[[[[{\"a\":{\"b\":[0.1,1e-7,123456789012345678]}}]]]]",
    "{\"\\ud83d\\udc26\":\"\xf0\x9f\x90\xa6\",\"\":\"\",\"x\":{}}",
};

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    return fuzz_text(inputs, sizeof inputs / sizeof inputs[0], index, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    cJSON *value = NULL, *again = NULL;
    if (sl_json_parse(&value, (const char *)data, length, NULL) != SL_OK) {
        FUZZ_CHECK(value == NULL);
        return 0;
    }
    char *text = cJSON_PrintUnformatted(value);
    FUZZ_CHECK(text != NULL);
    FUZZ_CHECK(sl_json_parse(&again, text, strlen(text), NULL) == SL_OK);
    cJSON_Delete(again);
    cJSON_free(text);
    cJSON_Delete(value);
    return 0;
}
