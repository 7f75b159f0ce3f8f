/* Paths below a directory that may be hostile: nothing leads out of it. */
#ifndef WHERRY_LOOKUP_H
#define WHERRY_LOOKUP_H

#include "kernel.h"

/* openat2 with O_CLOEXEC, repeated while a concurrent rename makes the kernel unsure (EAGAIN). */
int lookup_resolve(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

/*
 * `dir` AT_FDCWD: the host's own path, taken as it is. Else `dir` is the root of the lookup: `..`, absolute paths
 * and symbolic links end inside it; "" is `dir` itself.
 */
int lookup_open(int dir, const char *path, uint64_t flags);

/* The directory that holds the last component (O_PATH), and that component's name. */
int lookup_parent(int dir, const char *path, const char **name);

struct make {
	int directory; /* else an empty file, whose missing parents get mode 0755 */
	mode_t mode;
	uid_t uid; /* -1: leave */
	gid_t gid;
};

/* Makes what is missing of `path`. Dangling symbolic links are followed: their targets are made (inside `dir`). Existing entries are left alone. */
int lookup_make(int dir, const char *path, const struct make *make);

#endif
