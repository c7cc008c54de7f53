/* Files replaced on a disk that fails at each call; and the real disk's own calls. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "../support/disk.h"
#include "base/file.h"
#include "folder.h"

enum { LENGTH = 3000 };

static void fill(uint8_t out[LENGTH], uint8_t pattern) {
    for (size_t i = 0; i < LENGTH; i++)
        out[i] = (uint8_t)(pattern + i / 100);
}

static bool holds(struct test_disk *disk, const uint8_t expected[LENGTH]) {
    const struct test_disk_file *file = test_disk_find(disk, "folder/file");
    cr_assert_not_null(file, "neither the old nor the new one");
    return file->length == LENGTH && memcmp(file->bytes, expected, LENGTH) == 0;
}

/* number 0: dies. Returns whether the call came. */
static bool replace_with_fault(int number, bool power, unsigned long call, uint64_t seed) {
    struct test_disk disk;
    uint8_t old[LENGTH], new[LENGTH];
    fill(old, 1);
    fill(new, 100);
    test_disk_init(&disk, seed * 1009 + call);
    test_disk_put(&disk, "folder/file", old, LENGTH);
    disk.die_at = number == 0 ? call : 0;
    disk.fail_at = number != 0 ? call : 0;
    disk.fail_errno = number;
    const enum sl_status status = sl_file_replace_on(&disk.disk, "folder/file", new, LENGTH, 0600, NULL);
    const bool came = disk.calls >= call;
    if (!disk.dead)
        cr_expect_eq(test_disk_count(&disk), 1, "a temporary file stays after call %lu", call);
    test_disk_restart(&disk, power);
    const bool is_new = holds(&disk, new);
    cr_assert(is_new || holds(&disk, old), "a mix after call %lu, seed %lu", call, (unsigned long)seed);
    if (status == SL_OK)
        cr_assert(is_new, "forgotten after call %lu, seed %lu", call, (unsigned long)seed);
    if (number == ENOSPC && disk.failed > 0)
        cr_expect_eq(status, SL_DISK_FULL);
    test_disk_finish(&disk);
    return came;
}

Test(disk, a_replaced_file_is_the_old_or_the_new_one_after_any_failure) {
    static const int numbers[] = {0, EIO, ENOSPC};
    for (size_t i = 0; i < 3; i++)
        for (int power = 0; power < 2; power++)
            for (uint64_t seed = 1; seed <= 40; seed++) {
                unsigned long call = 1;
                while (replace_with_fault(numbers[i], power == 1, call, seed))
                    call++;
                cr_expect_geq(call, 6);
            }
}

Test(disk, real_calls) {
    struct test_folder folder;
    char path[256];
    uint8_t bytes[8];
    off_t size;
    const struct sl_disk *disk = sl_disk_real();
    test_folder_make(&folder);
    test_folder_file(path, &folder, "file");
    const int fd = disk->interface->open(disk, path, O_RDWR | O_CREAT, 0600);
    cr_assert_geq(fd, 0);
    cr_expect((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    cr_expect_eq(disk->interface->allocate(disk, fd, 10000), 0);
    cr_expect_eq(disk->interface->allocate(disk, fd, 100), 0); /* never shorter */
    cr_expect(disk->interface->size(disk, fd, &size) == 0 && size == 10000);
    cr_expect_eq(disk->interface->allocate(disk, fd, -1), -1);
    cr_expect_eq(errno, EINVAL);
    cr_expect_eq(sl_disk_write_all(disk, fd, "abc", 3, 9997), 0);
    cr_expect_eq(sl_disk_read_all(disk, fd, bytes, 3, 9997), 0);
    cr_expect_arr_eq(bytes, "abc", 3);
    errno = 0;
    cr_expect_eq(sl_disk_read_all(disk, fd, bytes, 4, 9997), -1, "the file ends before");
    cr_expect_eq(errno, EIO);
    cr_expect_eq(disk->interface->truncate(disk, fd, 1), 0);
    cr_expect(disk->interface->size(disk, fd, &size) == 0 && size == 1);
    cr_expect_eq(disk->interface->sync(disk, fd), 0);
    cr_expect_eq(disk->interface->sync_data(disk, fd), 0);
    cr_expect_eq(disk->interface->close(disk, fd), 0);
    test_folder_remove(&folder);
}

Test(disk, real_locks_are_of_the_open_file) {
    struct test_folder folder;
    char path[256];
    int fds[2];
    const struct sl_disk *disk = sl_disk_real();
    test_folder_make(&folder);
    test_folder_file(path, &folder, "lock");
    for (int i = 0; i < 2; i++)
        cr_assert_geq(fds[i] = disk->interface->open(disk, path, O_RDWR | O_CREAT, 0600), 0);
    cr_expect_eq(disk->interface->lock(disk, fds[0]), 0);
    cr_expect_eq(disk->interface->lock(disk, fds[1]), -1);
    cr_expect_eq(errno, EWOULDBLOCK);
    disk->interface->close(disk, fds[0]);
    cr_expect_eq(disk->interface->lock(disk, fds[1]), 0);
    disk->interface->close(disk, fds[1]);
    test_folder_remove(&folder);
}

static void count_name(void *context, const char *name) {
    cr_expect(strcmp(name, "a") == 0 || strcmp(name, "b") == 0);
    ++*(unsigned *)context;
}

Test(disk, real_names) {
    struct test_folder folder;
    char path[256], other[256];
    unsigned count = 0;
    const struct sl_disk *disk = sl_disk_real();
    test_folder_make(&folder);
    test_folder_file(path, &folder, "a");
    cr_assert_eq(sl_file_replace(path, "x", 1, 0600, NULL), SL_OK);
    test_folder_file(path, &folder, "c");
    test_folder_file(other, &folder, "b");
    cr_assert_eq(sl_file_replace(path, "x", 1, 0600, NULL), SL_OK);
    cr_expect_eq(disk->interface->rename(disk, path, other), 0);
    cr_expect_eq(disk->interface->list(disk, folder.path, count_name, &count), 0);
    cr_expect_eq(count, 2);
    cr_expect_eq(disk->interface->unlink(disk, path), -1);
    cr_expect_eq(errno, ENOENT);
    cr_expect_eq(disk->interface->list(disk, path, count_name, &count), -1);
    test_folder_remove(&folder);
}
