/* The table of settings: every key once, with all that loading, showing, the schema and the manuals need to know. */
#ifndef SL_SETTINGS_TABLE_H
#define SL_SETTINGS_TABLE_H

#include "settings/settings.h"

enum sl_setting_type {
    SL_SETTING_BOOLEAN,  /* bool */
    SL_SETTING_INTEGER,  /* uint64_t; at most 2^53 - 1, which a JSON number holds exactly */
    SL_SETTING_NUMBER,   /* double */
    SL_SETTING_CHOICE,   /* bool or an enum: the index into `choices` */
    SL_SETTING_NAME,     /* char *, sl_name_is_valid */
    SL_SETTING_TEXT,     /* char *, no control characters */
    SL_SETTING_PATH,     /* char *, joined with the folder of the settings file; "" stays "" */
    SL_SETTING_KEY,      /* char *, a path as above, or a URI that begins with "pkcs11:" and is left as it is */
    SL_SETTING_ADDRESS,  /* char *, "host:port" */
    SL_SETTING_TOPOLOGY, /* char *, "full" … see syntax.h; the path of "file:" is joined as above */
    SL_SETTING_PARTITION,
    SL_SETTING_ADDRESSES, /* struct sl_string_list of "host:port" */
    SL_SETTING_PATHS,     /* struct sl_string_list, each joined as above */
    SL_SETTING_NAMES,     /* struct sl_string_list, each sl_name_is_valid */
    SL_SETTING_OBJECTS    /* struct { T *items; size_t count; }, see struct sl_setting_object */
};

struct sl_setting;

/* What an item of a list of objects has: a table of its own, whose rows have the bare key as their path and their
 * offset in an item. */
struct sl_setting_object {
    const struct sl_setting *members; /* at most as many as `given` has bits */
    size_t member_count;
    size_t item_size;
    size_t given; /* offset in an item of an unsigned: bit i is set where the file has member i */
    bool plain;   /* an item may be the text of its first member alone */
};

struct sl_setting {
    const char *path; /* "section.key"; of a member "key" */
    enum sl_setting_type type;
    size_t offset, size; /* of the field in struct sl_settings, or in the item */
    /* Bounds, both within: of a number its value, of text its bytes, of a list its items. A range that is open at an
     * end leaves that bound itself out. */
    double min, max;
    bool above_min, below_max;
    bool adds;                  /* a list: a flag adds to what file or environment say, it does not replace it */
    bool dialled;               /* addresses: the port may not be 0, where nobody can be reached */
    bool security;              /* the file alone may set it */
    const char *standard;       /* the default as a flag would have it; NULL: the file must have the key */
    const char *derived;        /* where another setting gives the default: how, in words; else NULL */
    const char *unit;           /* "s", "bytes" …; NULL: none */
    const char *const *choices; /* NULL-terminated */
    const struct sl_setting_object *object; /* of OBJECTS, else NULL */
    const char *description;                /* sentences; ASCII, since manuals are made of it */
};

struct sl_setting_section {
    const char *name;
    const char *description;
};

extern const struct sl_setting sl_setting_table[];
extern const size_t sl_setting_count;
extern const struct sl_setting_section sl_setting_sections[];
extern const size_t sl_setting_section_count;

/* The row of "section.key"; NULL where there is none. */
const struct sl_setting *sl_setting_find(const char *path);
/* Whether `path` is in the section called `name`. */
bool sl_setting_is_in(const char *path, const char *name);
const struct sl_setting_section *sl_setting_section_find(const char *name);
/* "round.rounds" → "rounds"; a member's path is its key. */
const char *sl_setting_key(const struct sl_setting *row);
/* The row of a member; NULL where there is none. */
const struct sl_setting *sl_setting_member_find(const struct sl_setting_object *object, const char *key);
bool sl_setting_is_list(const struct sl_setting *row); /* of strings */
bool sl_setting_is_text(const struct sl_setting *row); /* one string, of whatever kind */

enum { SL_SETTING_VARIABLE_SIZE = 64 };
/* "round.rounds" → "STARLING_ROUND_ROUNDS". */
void sl_setting_variable(char out[SL_SETTING_VARIABLE_SIZE], const char *path);

#endif
