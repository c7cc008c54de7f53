/* System calls on files, the n-th of which fails as the test says: the linker puts ours before those of the C library
 * in all of our own code. Of calls that are for any descriptor only those count that are about a file or folder. */
#ifndef TEST_FAILING_FILES_H
#define TEST_FAILING_FILES_H

#include <stdbool.h>
#include <stddef.h>

enum failing_file_call {
    FILE_OPEN,
    FILE_READ, /* read, pread */
    FILE_WRITE,
    FILE_PWRITE,
    FILE_SYNC, /* fsync, fdatasync */
    FILE_ALLOCATE,
    FILE_RENAME
};

const char *failing_file_text(enum failing_file_call call);
/* The n-th such call from now on, on whatever thread, fails with that error and does nothing; only that one. */
void failing_files_arm(enum failing_file_call call, size_t n, int failure);
bool failing_files_disarm(void); /* whether it came to that */

#endif
