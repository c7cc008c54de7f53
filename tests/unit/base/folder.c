#include "folder.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void test_folder_make(struct test_folder *folder) {
    strcpy(folder->path, "/tmp/starling-unit-XXXXXX");
    cr_assert_not_null(mkdtemp(folder->path));
}

static int handle_entry(const char *path, const struct stat *found, int type, struct FTW *walk) {
    (void)found, (void)type, (void)walk;
    return remove(path);
}

void test_folder_remove(const struct test_folder *folder) {
    cr_expect_eq(nftw(folder->path, handle_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

size_t test_folder_count(const struct test_folder *folder) {
    DIR *stream = opendir(folder->path);
    cr_assert_not_null(stream);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return count;
}

void test_folder_file(char out[256], const struct test_folder *folder, const char *name) {
    snprintf(out, 256, "%s/%s", folder->path, name);
}
