#include "settings/nearest.h"

#include <stdint.h>
#include <string.h>

enum { COMPARED_MAX = 64, VARIABLE_EDITS_MAX = 2 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t sl_edit_distance(const char *a, const char *b) {
    size_t a_length = strnlen(a, COMPARED_MAX);
    size_t b_length = strnlen(b, COMPARED_MAX);
    /* Rows i - 2, i - 1 and i of the matrix of distances between prefixes. */
    size_t rows[3][COMPARED_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;

    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *sl_setting_nearest(const char *path) {
    const char *dot = strrchr(path, '.');
    const char *key = dot == NULL ? path : dot + 1;
    const char *nearest = sl_setting_table[0].path;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < sl_setting_count; i++) {
        const struct sl_setting *row = &sl_setting_table[i];
        /* Doubled, so that of two equals the one in the section that was named wins. */
        size_t distance =
            least(2 * sl_edit_distance(path, row->path), 2 * sl_edit_distance(key, sl_setting_key(row)) + 1);
        if (distance < best) {
            best = distance;
            nearest = row->path;
        }
    }
    return nearest;
}

const char *sl_setting_nearest_member(const struct sl_setting_object *object, const char *key) {
    const char *nearest = object->members[0].path;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < object->member_count; i++) {
        size_t distance = sl_edit_distance(key, object->members[i].path);
        if (distance < best) {
            best = distance;
            nearest = object->members[i].path;
        }
    }
    return nearest;
}

const char *sl_setting_nearest_section(const char *name) {
    const char *nearest = sl_setting_sections[0].name;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < sl_setting_section_count; i++) {
        size_t distance = sl_edit_distance(name, sl_setting_sections[i].name);
        if (distance < best) {
            best = distance;
            nearest = sl_setting_sections[i].name;
        }
    }
    return nearest;
}

const struct sl_setting *sl_setting_nearest_variable(const char *variable) {
    const struct sl_setting *nearest = NULL;
    size_t best = VARIABLE_EDITS_MAX + 1;
    for (size_t i = 0; i < sl_setting_count; i++) {
        char known[SL_SETTING_VARIABLE_SIZE];
        sl_setting_variable(known, sl_setting_table[i].path);
        size_t distance = sl_edit_distance(variable, known);
        if (distance < best) {
            best = distance;
            nearest = &sl_setting_table[i];
        }
    }
    return nearest;
}
