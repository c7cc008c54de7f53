/* A settings file in a folder of its own, and what loading it says. */
#ifndef TEST_SETTINGS_FIXTURE_H
#define TEST_SETTINGS_FIXTURE_H

#include <criterion/criterion.h>

#include "folder.h"
#include "settings/settings.h"

struct fixture {
    struct test_folder folder;
    char file[256];
    struct sl_override overrides[16];
    size_t count;
    struct sl_settings *settings; /* of the last load; NULL when it failed */
    struct sl_error error;
};

/* What every good file has, for texts of the form "{" GOOD ", ..." "}". */
#define GOOD_SECTIONS                                                                                                  \
    "\"flock\":{\"name\":\"demo\"},\"node\":{\"name\":\"alice\"},\"identity\":{\"ca\":\"ca.pem\","                     \
    "\"server_certificate\":\"server.pem\",\"server_key\":\"server.key\",\"client_certificate\":\"client.pem\","       \
    "\"client_key\":\"client.key\"}"
/* The same, of a node without data. */
#define GOOD GOOD_SECTIONS ",\"learner\":{\"trainer\":\"idle\"}"

void fixture_make(struct fixture *fixture);
void fixture_finish(struct fixture *fixture);
void fixture_add(struct fixture *fixture, const char *flag, const char *key, const char *value);
/* Writes the text (NULL: no file) and loads it, with the overrides. */
enum sl_status fixture_load(struct fixture *fixture, const char *text);
enum sl_status fixture_load_bytes(struct fixture *fixture, const char *text, size_t length);

/* Loads and expects SL_OK. */
void fixture_accepts(struct fixture *fixture, const char *text);
/* Loads and expects exactly this line ("%FILE%" at its start stands for the file) and no other. */
void fixture_says(struct fixture *fixture, const char *text, const char *line);
/* Whether the error has this line among others. */
bool fixture_has(const struct fixture *fixture, const char *line);
size_t fixture_lines(const struct fixture *fixture);

#endif
