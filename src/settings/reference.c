/* The table as manuals: a page in Markdown, a section in mdoc. */
#include <string.h>

#include "settings/expected.h"
#include "settings/value.h"

enum { ROFF_WIDTH = 72 };

/* The default in words: "none: it must be given", "flock.start_nodes - 1", or a JSON value. */
static enum sl_status describe_default(struct sl_buffer *out, const struct sl_setting *row) {
    if (row->standard == NULL)
        return sl_buffer_printf(out, "none: it must be given");
    if (row->derived != NULL)
        return sl_buffer_printf(out, "%s", row->derived);
    enum sl_status status = SL_NO_MEMORY;
    cJSON *value = sl_setting_read_text(row, row->standard);
    if (cJSON_IsNumber(value)) {
        char number[SL_JSON_NUMBER_SIZE];
        sl_json_format_number(number, value->valuedouble);
        status = sl_buffer_printf(out, "%s", number);
    } else if (value != NULL) {
        char *text = cJSON_PrintUnformatted(value);
        if (text != NULL)
            status = sl_buffer_printf(out, "%s", text);
        cJSON_free(text);
    }
    cJSON_Delete(value);
    return status;
}

/* How a manual is written: a setting, and the members of an object between two texts. */
typedef void row_writer(FILE *out, const struct sl_setting *row, const char *expected, const char *standard);
struct format {
    row_writer *write_row, *write_member;
    const char *members_begin, *members_end;
};

static enum sl_status write_row(FILE *out, const struct sl_setting *row, row_writer *write) {
    char expected[SL_EXPECTED_SIZE];
    struct sl_buffer standard = {0};
    sl_setting_expected(expected, row, false);
    enum sl_status status = describe_default(&standard, row);
    if (status == SL_OK)
        status = sl_buffer_append(&standard, "", 1);
    if (status == SL_OK)
        write(out, row, expected, (const char *)standard.data);
    sl_buffer_finish(&standard);
    return status;
}

static enum sl_status write_members(FILE *out, const struct sl_setting_object *object, const struct format *format) {
    enum sl_status status = SL_OK;
    fputs(format->members_begin, out);
    for (size_t i = 0; status == SL_OK && i < object->member_count; i++)
        status = write_row(out, &object->members[i], format->write_member);
    fputs(format->members_end, out);
    return status;
}

static enum sl_status write_rows(FILE *out, const struct sl_setting_section *section, const struct format *format) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < sl_setting_count; i++) {
        const struct sl_setting *row = &sl_setting_table[i];
        if (!sl_setting_is_in(row->path, section->name))
            continue;
        status = write_row(out, row, format->write_row);
        if (status == SL_OK && row->object != NULL)
            status = write_members(out, row->object, format);
    }
    return status;
}

static void write_markdown_row(FILE *out, const struct sl_setting *row, const char *expected, const char *standard) {
    char variable[SL_SETTING_VARIABLE_SIZE];
    sl_setting_variable(variable, row->path);
    fprintf(out, "\n### `%s`\n\n%s\n\n", row->path, row->description);
    fprintf(out, "- Takes: %s\n", expected);
    fprintf(out, row->standard == NULL || row->derived != NULL ? "- Default: %s\n" : "- Default: `%s`\n", standard);
    if (row->security)
        fprintf(out, "- From: the file alone\n");
    else
        fprintf(out, "- From: the file, `%s`, `--set %s=...`\n", variable, row->path);
}

static void write_markdown_member(FILE *out, const struct sl_setting *row, const char *expected, const char *standard) {
    fprintf(out, "  - `%s`: %s\n    - Takes: %s\n", row->path, row->description, expected);
    fprintf(out, row->standard == NULL || row->derived != NULL ? "    - Default: %s\n" : "    - Default: `%s`\n",
            standard);
}

static const char markdown_head[] =
    "# Settings\n"
    "\n"
    "<!-- Made by `starling settings reference`, from the table in src/settings/rows.c; a test compares them. -->\n"
    "\n"
    "A node has one settings file, in JSON. A key is written here as `section.key`; in the file it is a member of the\n"
    "section's object: `{\"round\": {\"rounds\": 20}}`. Where a key is given more than once, a flag wins over the\n"
    "environment, the environment over the file, and the file over the default. What decides security comes from the\n"
    "file alone. Relative paths start at the folder of the settings file, wherever they are given.\n"
    "\n"
    "Lists in variables and flags have a comma between items. `starling settings check FILE` tells all that is wrong "
    "at\n"
    "once, `starling settings show FILE` what is in force and where it comes from, `starling settings schema` writes "
    "the\n"
    "JSON schema, which the file may name in a member `$schema` for the editor's sake.\n";

enum sl_status sl_settings_write_reference(FILE *out) {
    const struct format format = {write_markdown_row, write_markdown_member, "- An object has:\n", ""};
    enum sl_status status = SL_OK;
    fputs(markdown_head, out);
    for (size_t i = 0; status == SL_OK && i < sl_setting_section_count; i++) {
        const struct sl_setting_section *section = &sl_setting_sections[i];
        fprintf(out, "\n## %s\n\n%s\n", section->name, section->description);
        status = write_rows(out, section, &format);
    }
    return status == SL_OK && ferror(out) ? SL_IO : status;
}

/* A word of running text; roff's own characters are hidden. */
static void write_roff_word(FILE *out, const char *word, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && i % ROFF_WIDTH == 0)
            fputs("\\c\n", out); /* the word goes on in the next line */
        if (word[i] == '\\')
            fputs("\\e", out);
        else if (word[i] == '"')
            fputs("\\(dq", out);
        else
            fputc(word[i], out);
    }
}

/* Running text in lines of moderate length, none of which roff takes for a command. */
static void write_roff(FILE *out, const char *text, const char *end) {
    size_t column = 0;
    for (text += strspn(text, " "); text < end; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");
        if (column > 0 && column + 1 + length > ROFF_WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        fputs(column > 0 ? " " : text[0] == '.' || text[0] == '\'' ? "\\&" : "", out);
        write_roff_word(out, text, length);
        column += 1 + length;
        text += length;
    }
    fputc('\n', out);
}

/* Text of several sentences, each on a line of its own, as mdoc wants it. */
static void write_sentences(FILE *out, const char *text) {
    while (*text != '\0') {
        const char *stop = strstr(text, ". ");
        const char *end = stop == NULL ? text + strlen(text) : stop + 1;
        write_roff(out, text, end);
        text = end + strspn(end, " ");
    }
}

static void write_manual_row(FILE *out, const struct sl_setting *row, const char *expected, const char *standard) {
    fprintf(out, ".It Cm %s\n", row->path);
    write_sentences(out, row->description);
    fprintf(out, ".br\nTakes\n");
    write_roff(out, expected, expected + strlen(expected));
    fprintf(out, ".br\nDefault:\n");
    write_roff(out, standard, standard + strlen(standard));
    if (row->security)
        fprintf(out, ".br\nOnly the file may set it.\n");
}

enum sl_status sl_settings_write_manual(FILE *out) {
    const struct format format = {write_manual_row, write_manual_row, ".br\nAn object has:\n.Bl -tag -width Ds\n",
                                  ".El\n"};
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < sl_setting_section_count; i++) {
        const struct sl_setting_section *section = &sl_setting_sections[i];
        fprintf(out, ".Ss %s\n", section->name);
        write_sentences(out, section->description);
        fprintf(out, ".Bl -tag -width Ds\n");
        status = write_rows(out, section, &format);
        fprintf(out, ".El\n");
    }
    return status == SL_OK && ferror(out) ? SL_IO : status;
}
