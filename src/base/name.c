#include <stddef.h>

#include <starling/name.h>

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool sl_name_is_valid(const char *name) {
    if (name == NULL || !is_letter_or_digit(name[0]))
        return false;
    for (size_t i = 1; name[i] != '\0'; i++) {
        if (i == SL_NAME_MAX || (!is_letter_or_digit(name[i]) && name[i] != '-'))
            return false;
    }
    return true;
}
