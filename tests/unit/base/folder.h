/* A fresh folder for one test, removed with all that it holds. */
#ifndef TEST_BASE_FOLDER_H
#define TEST_BASE_FOLDER_H

#include <stddef.h>

struct test_folder {
    char path[64];
};

void test_folder_make(struct test_folder *folder);
void test_folder_remove(const struct test_folder *folder);
/* Files in it, all kinds, without "." and "..". */
size_t test_folder_count(const struct test_folder *folder);
/* path + "/" + name in a buffer of the caller's. */
void test_folder_file(char out[256], const struct test_folder *folder, const char *name);

#endif
