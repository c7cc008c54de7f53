/* Sections, and looking things up in the table. */
#include "settings/table.h"

#include <stdio.h>
#include <string.h>

const struct sl_setting_section sl_setting_sections[] = {
    {"flock", "What all nodes of one run have in common."},
    {"node", "This node."},
    {"identity",
     "Certificates and keys, in PEM, and whom they let in. They decide security: only the settings file may set them."},
    {"transport", "Connections to peers. Whoever is admitted has done a mutual TLS 1.3 handshake with this node."},
    {"membership", "How this node finds the others, and when it gives one up."},
    {"overlay", "Who exchanges models with whom."},
    {"round", "Rounds, their deadlines, and what a node does when it is nearly alone."},
    {"mix", "How models are averaged."},
    {"learner", "What trains between exchanges."},
    {"data", "The data set, and which part of it is this node's."},
    {"model", "Where models are saved."},
    {"record", "The record of the run, which tables and pictures are made from."},
    {"log", "Log lines, on standard error."},
};
const size_t sl_setting_section_count = sizeof sl_setting_sections / sizeof *sl_setting_sections;

const struct sl_setting *sl_setting_find(const char *path) {
    for (size_t i = 0; i < sl_setting_count; i++) {
        if (strcmp(sl_setting_table[i].path, path) == 0)
            return &sl_setting_table[i];
    }
    return NULL;
}

bool sl_setting_is_in(const char *path, const char *name) {
    size_t length = strlen(name);
    return strncmp(path, name, length) == 0 && path[length] == '.';
}

const struct sl_setting_section *sl_setting_section_find(const char *name) {
    for (size_t i = 0; i < sl_setting_section_count; i++) {
        if (strcmp(sl_setting_sections[i].name, name) == 0)
            return &sl_setting_sections[i];
    }
    return NULL;
}

const char *sl_setting_key(const struct sl_setting *row) {
    const char *dot = strchr(row->path, '.');
    return dot == NULL ? row->path : dot + 1;
}

const struct sl_setting *sl_setting_member_find(const struct sl_setting_object *object, const char *key) {
    for (size_t i = 0; i < object->member_count; i++) {
        if (strcmp(object->members[i].path, key) == 0)
            return &object->members[i];
    }
    return NULL;
}

bool sl_setting_is_list(const struct sl_setting *row) {
    return row->type >= SL_SETTING_ADDRESSES && row->type <= SL_SETTING_NAMES;
}

bool sl_setting_is_text(const struct sl_setting *row) {
    return row->type >= SL_SETTING_NAME && row->type <= SL_SETTING_PARTITION;
}

void sl_setting_variable(char out[SL_SETTING_VARIABLE_SIZE], const char *path) {
    int length = snprintf(out, SL_SETTING_VARIABLE_SIZE, "STARLING_%s", path);
    for (int i = 0; i < length && i < SL_SETTING_VARIABLE_SIZE - 1; i++)
        out[i] = out[i] == '.' ? '_' : out[i] >= 'a' && out[i] <= 'z' ? (char)(out[i] - 'a' + 'A') : out[i];
}
