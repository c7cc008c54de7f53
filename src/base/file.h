/* Whole small files, and files replaced so that a crash leaves the old or the new one, never a part. */
#ifndef SL_BASE_FILE_H
#define SL_BASE_FILE_H

#include <sys/types.h>

#include "base/disk.h"

/* Replaces what `out` holds by the file; at most `limit` bytes, a longer file is SL_LIMIT. The error names the path. A
 * NUL that is not counted follows. On failure `out` is empty. In any case the caller finishes `out`. */
SL_MUST_USE enum sl_status sl_file_read(struct sl_buffer *out, const char *path, size_t limit, struct sl_error *error);

/* temporary name in the same folder, write, fsync, rename, fsync of the folder. On failure the temporary file is gone
 * and the old one untouched; only where the very last step fails, the fsync of the folder, is the new one in place
 * already. `mode` passes through the umask. A full disk is SL_DISK_FULL; a file-size limit of the process is SL_LIMIT
 * in a program that ignores SIGXFSZ, which otherwise ends it. After a failed write a commit fails, too. */
struct sl_file_writer;
SL_MUST_USE enum sl_status sl_file_writer_open(struct sl_file_writer **out, const char *path, mode_t mode,
                                               struct sl_error *error);
/* On a disk that outlives the writer. */
SL_MUST_USE enum sl_status sl_file_writer_open_on(struct sl_file_writer **out, const struct sl_disk *disk,
                                                  const char *path, mode_t mode, struct sl_error *error);
SL_MUST_USE enum sl_status sl_file_writer_write(struct sl_file_writer *writer, const void *data, size_t length,
                                                struct sl_error *error);
SL_MUST_USE enum sl_status sl_file_writer_commit(struct sl_file_writer *writer,
                                                 struct sl_error *error); /* frees it too */
void sl_file_writer_abandon(struct sl_file_writer *writer);               /* accepts NULL */

SL_MUST_USE enum sl_status sl_file_replace(const char *path, const void *data, size_t length, mode_t mode,
                                           struct sl_error *error);
SL_MUST_USE enum sl_status sl_file_replace_on(const struct sl_disk *disk, const char *path, const void *data,
                                              size_t length, mode_t mode, struct sl_error *error);
/* Makes a folder and its missing parents; one that is there already is fine. */
SL_MUST_USE enum sl_status sl_folder_make(const char *path, mode_t mode, struct sl_error *error);
/* folder + "/" + path, or path itself when absolute; the caller frees; NULL when out of memory. */
SL_MUST_USE char *sl_path_join(const char *folder, const char *path);
SL_MUST_USE char *sl_path_parent(const char *path); /* "." where there is none; the caller frees */

#endif
