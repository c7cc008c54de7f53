/* The table as a JSON schema, draft 2020-12. */
#include <stdlib.h>
#include <string.h>

#include "settings/expected.h"
#include "settings/value.h"

/* As sl_address_parse takes it, but for the length of a host and the range of a port. */
#define ADDRESS_PATTERN "^(\\[[0-9A-Fa-f:.]+(%[0-9A-Za-z._-]+)?\\]|[^\\[\\]:/ ]+):[0-9]{1,5}$"
#define NAME_PATTERN "^[a-z0-9][a-z0-9-]{0,62}$"
#define NAME_OR_NONE_PATTERN "^([a-z0-9][a-z0-9-]{0,62})?$"
#define DEGREE "[0-9]*[02468]"
#define DECIMAL "[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?"
#define TOPOLOGY_PATTERN                                                                                               \
    "^(full|ring|torus|hypercube|star|(static-)?regular:" DEGREE "|small-world:" DEGREE "," DECIMAL "|file:.+)$"
#define PARTITION_PATTERN "^(iid|shards:[0-9]+|dirichlet:" DECIMAL "|share:" DECIMAL "(," DECIMAL ")*)$"

/* A schema under construction; a failed allocation is remembered. */
struct schema {
    bool failed;
};

static void put(struct schema *schema, cJSON *object, const char *key, cJSON *value) {
    if (value == NULL || !cJSON_AddItemToObject(object, key, value)) {
        schema->failed = true;
        cJSON_Delete(value);
    }
}

static void put_text(struct schema *schema, cJSON *object, const char *key, const char *text) {
    put(schema, object, key, cJSON_CreateString(text));
}

static void put_number(struct schema *schema, cJSON *object, const char *key, double number) {
    /* cJSON would round what has more than 15 digits. */
    char text[SL_JSON_NUMBER_SIZE];
    sl_json_format_number(text, number);
    put(schema, object, key, cJSON_CreateRaw(text));
}

static void put_range(struct schema *schema, cJSON *object, const struct sl_setting *row) {
    put_text(schema, object, "type", row->type == SL_SETTING_INTEGER ? "integer" : "number");
    put_number(schema, object, row->above_min ? "exclusiveMinimum" : "minimum", row->min);
    put_number(schema, object, row->below_max ? "exclusiveMaximum" : "maximum", row->max);
}

/* Lengths are bytes here and characters in a schema, where text that is not ASCII is a little longer: the schema lets
 * it pass, the loader does not. */
static void put_string(struct schema *schema, cJSON *object, const struct sl_setting *row, const char *pattern) {
    put_text(schema, object, "type", "string");
    if (pattern != NULL) {
        put_text(schema, object, "pattern", pattern);
        return;
    }
    put_number(schema, object, "minLength", row->min);
    put_number(schema, object, "maxLength", row->max);
}

static void put_choices(struct schema *schema, cJSON *object, const struct sl_setting *row) {
    cJSON *choices = cJSON_CreateArray();
    for (size_t i = 0; choices != NULL && row->choices[i] != NULL; i++) {
        cJSON *choice = cJSON_CreateString(row->choices[i]);
        if (!cJSON_AddItemToArray(choices, choice)) {
            cJSON_Delete(choice);
            schema->failed = true;
        }
    }
    put(schema, object, "enum", choices);
}

static void put_type(struct schema *schema, cJSON *object, const struct sl_setting *row);
static bool put_properties(struct schema *schema, cJSON *object, const struct sl_setting *rows, size_t count,
                           const char *section);

/* One item of a list of strings. */
static cJSON *create_item(struct schema *schema, const struct sl_setting *row) {
    cJSON *item = cJSON_CreateObject();
    put_text(schema, item, "type", "string");
    if (row->type == SL_SETTING_ADDRESSES)
        put_text(schema, item, "pattern", ADDRESS_PATTERN);
    else if (row->type == SL_SETTING_NAMES)
        put_text(schema, item, "pattern", NAME_PATTERN);
    else
        put_number(schema, item, "minLength", 1);
    return item;
}

/* One item of a list of objects, which may be the first member's text alone. */
static cJSON *create_object_item(struct schema *schema, const struct sl_setting_object *object) {
    cJSON *item = cJSON_CreateObject();
    (void)put_properties(schema, item, object->members, object->member_count, NULL);
    if (!object->plain)
        return item;
    cJSON *either = cJSON_CreateObject();
    cJSON *forms = cJSON_AddArrayToObject(either, "anyOf");
    cJSON *text = cJSON_CreateObject();
    put_type(schema, text, &object->members[0]);
    cJSON *const both[] = {text, item};
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        if (!cJSON_AddItemToArray(forms, both[i])) {
            cJSON_Delete(both[i]);
            schema->failed = true;
        }
    }
    return either;
}

static void put_list(struct schema *schema, cJSON *object, const struct sl_setting *row) {
    put_text(schema, object, "type", "array");
    put_number(schema, object, "minItems", row->min);
    put_number(schema, object, "maxItems", row->max);
    put(schema, object, "items",
        row->object != NULL ? create_object_item(schema, row->object) : create_item(schema, row));
}

static void put_type(struct schema *schema, cJSON *object, const struct sl_setting *row) {
    switch (row->type) {
    case SL_SETTING_BOOLEAN:
        put_text(schema, object, "type", "boolean");
        return;
    case SL_SETTING_INTEGER:
    case SL_SETTING_NUMBER:
        put_range(schema, object, row);
        return;
    case SL_SETTING_CHOICE:
        put_choices(schema, object, row);
        return;
    case SL_SETTING_NAME:
        put_string(schema, object, row, row->min > 0 ? NAME_PATTERN : NAME_OR_NONE_PATTERN);
        return;
    case SL_SETTING_TEXT:
    case SL_SETTING_PATH:
    case SL_SETTING_KEY:
        put_string(schema, object, row, NULL);
        return;
    case SL_SETTING_ADDRESS:
        put_string(schema, object, row, ADDRESS_PATTERN);
        return;
    case SL_SETTING_TOPOLOGY:
        put_string(schema, object, row, TOPOLOGY_PATTERN);
        return;
    case SL_SETTING_PARTITION:
        put_string(schema, object, row, PARTITION_PATTERN);
        return;
    case SL_SETTING_ADDRESSES:
    case SL_SETTING_PATHS:
    case SL_SETTING_NAMES:
    case SL_SETTING_OBJECTS:
        put_list(schema, object, row);
        return;
    }
}

static void put_setting(struct schema *schema, cJSON *properties, const struct sl_setting *row) {
    cJSON *object = cJSON_CreateObject();
    if (object != NULL) {
        put_text(schema, object, "description", row->description);
        put_type(schema, object, row);
        if (row->unit != NULL)
            put_text(schema, object, "$comment", row->unit);
        if (row->standard != NULL && row->derived == NULL)
            put(schema, object, "default", sl_setting_read_text(row, row->standard));
    }
    put(schema, properties, sl_setting_key(row), object);
}

/* Makes `object` one that takes these rows (of a section, or all where that is NULL) and nothing else; true where one
 * of them is required. */
static bool put_properties(struct schema *schema, cJSON *object, const struct sl_setting *rows, size_t count,
                           const char *section) {
    cJSON *properties = cJSON_CreateObject();
    cJSON *required = cJSON_CreateArray();
    for (size_t i = 0; properties != NULL && i < count; i++) {
        const struct sl_setting *row = &rows[i];
        if (section != NULL && !sl_setting_is_in(row->path, section))
            continue;
        put_setting(schema, properties, row);
        cJSON *key = row->standard == NULL ? cJSON_CreateString(sl_setting_key(row)) : NULL;
        if (row->standard == NULL && !cJSON_AddItemToArray(required, key)) {
            cJSON_Delete(key);
            schema->failed = true;
        }
    }
    bool is_required = cJSON_GetArraySize(required) > 0;
    put_text(schema, object, "type", "object");
    put(schema, object, "additionalProperties", cJSON_CreateFalse());
    put(schema, object, "properties", properties);
    if (is_required)
        put(schema, object, "required", required);
    else
        cJSON_Delete(required);
    return is_required;
}

/* Adds the section to its parent; true where one of its keys is required. */
static bool put_section(struct schema *schema, cJSON *parent, const struct sl_setting_section *section) {
    cJSON *object = cJSON_CreateObject();
    put_text(schema, object, "description", section->description);
    bool is_required = put_properties(schema, object, sl_setting_table, sl_setting_count, section->name);
    put(schema, parent, section->name, object);
    return is_required;
}

static void put_sections(struct schema *schema, cJSON *root) {
    cJSON *properties = cJSON_CreateObject();
    cJSON *required = cJSON_CreateArray();
    cJSON *address = cJSON_CreateObject();
    put_text(schema, address, "description", "Where editors find this schema; starling does not look at it.");
    put_text(schema, address, "type", "string");
    put(schema, properties, "$schema", address);
    for (size_t i = 0; i < sl_setting_section_count; i++) {
        if (!put_section(schema, properties, &sl_setting_sections[i]))
            continue;
        cJSON *name = cJSON_CreateString(sl_setting_sections[i].name);
        if (!cJSON_AddItemToArray(required, name)) {
            cJSON_Delete(name);
            schema->failed = true;
        }
    }
    put(schema, root, "properties", properties);
    put(schema, root, "required", required);
}

enum sl_status sl_settings_write_schema(FILE *out) {
    struct schema schema = {0};
    enum sl_status status = SL_NO_MEMORY;
    char *text = NULL;
    cJSON *root = cJSON_CreateObject();
    if (root == NULL)
        return status;
    put_text(&schema, root, "$schema", "https://json-schema.org/draft/2020-12/schema");
    put_text(&schema, root, "title", "Settings of a starling node");
    put_text(&schema, root, "type", "object");
    put(&schema, root, "additionalProperties", cJSON_CreateFalse());
    put_sections(&schema, root);
    if (!schema.failed)
        text = cJSON_Print(root);
    if (text != NULL)
        status = fputs(text, out) == EOF || fputc('\n', out) == EOF ? SL_IO : SL_OK;
    cJSON_free(text);
    cJSON_Delete(root);
    return status;
}
