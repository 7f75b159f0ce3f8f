/*
 * STAT and WALK: what lies beneath a directory, told entry by entry.
 */
#define _GNU_SOURCE
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { XATTR_LIST_MAX = 64 * 1024, XATTR_SIZE_MAX = 64 * 1024, DENTS_SIZE = 32 * 1024 };

int path_push(struct tree *t, const char *name, size_t *before)
{
	size_t length = strlen(name);
	*before = t->path_length;
	if (t->path_length + length + 2 > sizeof t->path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (t->path_length > 0)
		t->path[t->path_length++] = '/';
	memcpy(t->path + t->path_length, name, length + 1);
	t->path_length += length;
	return 0;
}

void path_pop(struct tree *t, size_t before)
{
	t->path_length = before;
	t->path[before] = '\0';
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_name(struct names *names, const char *name)
{
	size_t length = strlen(name) + 1;
	if (names->text == NULL || names->used + length > names->size) {
		size_t size = names->size == 0 ? 4096 : names->size * 2;
		char *text = realloc(names->text, size);
		if (text == NULL)
			return -1;
		names->text = text;
		names->size = size;
	}
	memcpy(names->text + names->used, name, length);
	names->used += length;
	names->count++;
	return 0;
}

int read_names(int fd, struct names *names)
{
	uint8_t *dents = malloc(DENTS_SIZE);
	long got;
	int result = -1;
	memset(names, 0, sizeof *names);
	if (dents == NULL || lseek(fd, 0, SEEK_SET) < 0)
		goto out;
	while ((got = syscall(SYS_getdents64, fd, dents, DENTS_SIZE)) > 0) {
		for (long at = 0; at < got;) {
			/* struct linux_dirent64: u64 inode, i64 offset, u16 length, u8 type, name */
			const char *name = (const char *)dents + at + 19;
			uint16_t length;
			memcpy(&length, dents + at + 16, sizeof length);
			at += length;
			if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
				continue;
			if (add_name(names, name) < 0)
				goto out;
		}
	}
	names->sorted = got < 0 ? NULL : calloc(names->count + 1, sizeof *names->sorted);
	if (names->sorted == NULL)
		goto out;
	const char *at = names->text;
	for (size_t i = 0; i < names->count; i++, at += strlen(at) + 1)
		names->sorted[i] = at;
	qsort(names->sorted, names->count, sizeof *names->sorted, by_bytes);
	result = 0;
out:
	free(dents);
	return result;
}

void free_names(struct names *names)
{
	free(names->sorted);
	free(names->text);
}

/* Count and pairs; the count is patched in once it is known. `pinned`: name is the procfs link of a descriptor, to be followed. */
static int reply_xattrs(struct tree *t, const char *name, bool pinned)
{
	ssize_t (*list_names)(const char *, char *, size_t) = pinned ? listxattr : llistxattr;
	ssize_t (*get_value)(const char *, const char *, void *, size_t) = pinned ? getxattr : lgetxattr;
	static const uint32_t none = 0;
	size_t count_at = t->reply_used;
	uint32_t count = 0;
	if (reply_bytes(t, &none, sizeof none) < 0)
		return -1;
	ssize_t length = list_names(name, NULL, 0);
	if (length <= 0)
		return length == 0 || errno == EOPNOTSUPP ? 0 : -1;
	char *list = malloc(XATTR_LIST_MAX + XATTR_SIZE_MAX);
	if (list == NULL)
		return -1;
	char *value = list + XATTR_LIST_MAX;
	length = list_names(name, list, XATTR_LIST_MAX);
	int status = length < 0 ? -1 : 0;
	for (char *key = list; status == 0 && key < list + length; key += strlen(key) + 1) {
		ssize_t size = get_value(name, key, value, XATTR_SIZE_MAX);
		if (size < 0 && errno == ENODATA)
			continue; /* gone meanwhile, or not meant for us */
		if (size < 0 || reply_text(t, key, strlen(key)) < 0 || reply_u32(t, (uint32_t)size) < 0 || reply_bytes(t, value, (size_t)size) < 0)
			status = -1;
		count++;
	}
	int error = errno;
	free(list);
	errno = error;
	memcpy(t->reply + count_at, &count, sizeof count);
	return status;
}

/* Tells of `name` in the working directory, or of `fd` and its procfs link; t->path is what the client calls it. */
static int reply_entry(struct tree *t, int fd, const char *name, const struct stat *st, unsigned int flags)
{
	char target[4096];
	ssize_t length = 0;
	if (S_ISLNK(st->st_mode) && (length = readlinkat(fd < 0 ? AT_FDCWD : fd, fd < 0 ? name : "", target, sizeof target)) < 0)
		return -1;
	if (reply_begin(t, TREE_ENTRY) < 0)
		return -1;
	if (reply_u32(t, st->st_mode) < 0 || reply_u32(t, st->st_uid) < 0 || reply_u32(t, st->st_gid) < 0 ||
	    reply_u32(t, (uint32_t)st->st_nlink) < 0 || reply_u32(t, major(st->st_rdev)) < 0 || reply_u32(t, minor(st->st_rdev)) < 0 ||
	    reply_u64(t, (uint64_t)st->st_mtim.tv_sec) < 0 || reply_u32(t, (uint32_t)st->st_mtim.tv_nsec) < 0 ||
	    reply_u64(t, (uint64_t)st->st_size) < 0 || reply_u64(t, (uint64_t)st->st_blocks * 512) < 0 ||
	    reply_u64(t, st->st_ino) < 0 || reply_u64(t, st->st_dev) < 0 || reply_text(t, t->path, t->path_length) < 0 ||
	    reply_text(t, target, (size_t)length) < 0 || (flags & TREE_NO_XATTR ? reply_u32(t, 0) : reply_xattrs(t, name, fd >= 0)) < 0) {
		reply_abandon(t);
		return -1;
	}
	reply_end(t);
	return 0;
}

/* Directories before what they hold, names in the order of their bytes. */
static int walk_directory(struct tree *t, int dir, unsigned int flags, uint64_t *count)
{
	struct names names;
	int status = read_names(dir, &names) < 0 || fchdir(dir) < 0 ? tree_fail_errno(t, "read directory", t->path) : 0;
	const char *name;
	for (size_t i = 0; status == 0 && names.sorted != NULL && i < names.count && (name = names.sorted[i]) != NULL; i++) {
		struct stat st;
		size_t before;
		if (path_push(t, name, &before) < 0) {
			status = tree_fail_errno(t, "walk", t->path);
			break;
		}
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || reply_entry(t, -1, name, &st, flags) < 0) {
			/* Gone since the directory was read: a running container may do that. */
			status = errno == ENOENT ? 0 : tree_fail_errno(t, "read", t->path);
			path_pop(t, before);
			continue;
		}
		++*count;
		if (S_ISDIR(st.st_mode)) {
			int fd = open_beneath(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, NO_CROSSING | NO_FOLLOW);
			/* A mount point's contents belong to another tree. */
			if (fd < 0 && errno != EXDEV && errno != ENOENT)
				status = tree_fail_errno(t, "open", t->path);
			else if (fd >= 0)
				status = walk_directory(t, fd, flags, count);
			if (fd >= 0)
				close(fd);
			if (status == 0 && fd >= 0 && fchdir(dir) < 0)
				status = tree_fail_errno(t, "chdir", t->path);
		}
		path_pop(t, before);
	}
	free_names(&names);
	return status;
}

int tree_stat(struct tree *t, struct cursor *c, unsigned int flags)
{
	char self[32];
	struct stat st;
	int root = take_fd(c);
	const char *path = take_text(c);
	size_t before;
	if (c->bad || c->at != c->end)
		return tree_fail(t, EBADMSG, "decode", "STAT");
	path_pop(t, 0);
	if (path_push(t, path, &before) < 0)
		return tree_fail_errno(t, "look up", path);
	int fd = open_beneath(root, path, O_PATH | (flags & TREE_FOLLOW ? 0 : O_NOFOLLOW), flags & TREE_FOLLOW ? IN_ROOT : NO_FOLLOW);
	if (fd < 0)
		return flags & TREE_MISSING && is_missing(errno) ? reply_result(t, 0) : tree_fail_errno(t, "look up", path);
	/* The xattrs of an O_PATH descriptor can be read only by way of procfs. */
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	int status = fstat(fd, &st) < 0 || reply_entry(t, fd, self, &st, flags) < 0 ? tree_fail_errno(t, "stat", path) : 0;
	int error = errno;
	close(fd);
	errno = error;
	return status;
}

int tree_walk(struct tree *t, struct cursor *c, unsigned int flags)
{
	uint64_t count = 0;
	int root = take_fd(c);
	const char *path = take_text(c);
	if (c->bad || c->at != c->end)
		return tree_fail(t, EBADMSG, "decode", "WALK");
	forget_parent(t);
	path_pop(t, 0);
	int fd = open_beneath(root, path, O_RDONLY | O_DIRECTORY | (flags & TREE_FOLLOW ? 0 : O_NOFOLLOW), flags & TREE_FOLLOW ? IN_ROOT : NO_FOLLOW);
	if (fd < 0)
		return tree_fail_errno(t, "open", path);
	int status = walk_directory(t, fd, flags, &count);
	int error = errno;
	close(fd);
	errno = error;
	return status < 0 ? -1 : reply_result(t, count);
}
