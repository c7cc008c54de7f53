/* Which folders decide what a path means. */
#ifndef SL_NODE_FOLDERS_H
#define SL_NODE_FOLDERS_H

/* Calls `visit` for each folder in which a change may make `path` another file: the one that the path ends in, those
 * that hold a link on the way (as "..data" of a mounted Kubernetes secret, or Let's Encrypt's "live"), and the one that
 * holds the file at last. Some folders may come twice. A path whose file or folders are not there ends where it ends.
 */
void node_visit_folders(const char *path, void (*visit)(void *context, const char *folder), void *context);

#endif
