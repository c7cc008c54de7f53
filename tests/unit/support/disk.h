/* A disk in memory that fails as told, and forgets what was not synced when its power is cut.
 *
 * Every call of the disk is counted, from 1 on. At one of them, or from it on, an errno is returned; or the process
 * that uses the disk "dies": a write may be done in part, and nothing that it asks for afterwards has an effect.
 *
 * A power cut leaves of each file what was synced, and of each 512 bytes written since either all or nothing, as a
 * seeded coin falls; of each name what its folder's sync left, or any state that it had since. A sync that fails has
 * done as much as the coin says, and what it did not do no later sync does, as with Linux: the pages count as clean. */
#ifndef TEST_SUPPORT_DISK_H
#define TEST_SUPPORT_DISK_H

#include <stdbool.h>

#include "base/disk.h"
#include "base/random.h"

enum { TEST_DISK_FILES = 256, TEST_DISK_NAMES = 256, TEST_DISK_HANDLES = 64, TEST_DISK_STATES = 24 };

struct test_disk_write {
    off_t offset;
    size_t length;
    struct test_disk_write *next; /* the bytes follow */
};

struct test_disk_file {
    uint8_t *bytes, *kept; /* as seen; as on the medium */
    size_t length, kept_length;
    struct test_disk_write *first, **last; /* since the last sync, in order */
};

struct test_disk_name {
    char path[96];
    int states[TEST_DISK_STATES]; /* files that it stood for since the folder's sync, the last is what is seen; −1: none
                                   */
    unsigned count;
};

struct test_disk {
    struct sl_disk disk; /* first */
    struct sl_random random;
    unsigned long calls;
    unsigned long fail_at; /* 0: never */
    bool fail_on;          /* and all later calls that can meet this errno */
    int fail_errno;
    unsigned long die_at; /* 0: never */
    bool dead;
    unsigned long failed; /* calls that were made to */
    struct test_disk_file files[TEST_DISK_FILES];
    unsigned file_count;
    struct test_disk_name names[TEST_DISK_NAMES];
    unsigned name_count;
    struct {
        int file; /* −1: closed; −2: the folder */
        bool locked;
    } handles[TEST_DISK_HANDLES];
};

void test_disk_init(struct test_disk *disk, uint64_t seed);
void test_disk_finish(struct test_disk *disk);
/* The process is gone, its descriptors and locks with it; `power`: so is the kernel's memory. No more failures. */
void test_disk_restart(struct test_disk *disk, bool power);
/* The bytes of a file as seen; NULL where there is none. Changing them is as if the medium had changed. */
struct test_disk_file *test_disk_find(struct test_disk *disk, const char *path);
void test_disk_put(struct test_disk *disk, const char *path, const void *bytes, size_t length); /* synced */
unsigned test_disk_count(const struct test_disk *disk);                                         /* names seen */

#endif
