/*
 * MAKE and SET: one entry with its data, owner, mode, xattrs and time.
 *
 * The file system may belong to a running, hostile container. So parents are pinned
 * (enter_parent), the last component is never followed, and what follows symlinks
 * when given a name (chmod) is done on a descriptor.
 */
#define _GNU_SOURCE
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { XATTR_VALUE_MAX = 64 * 1024 };

struct metadata {
	uint32_t mode, uid, gid, mask;
	struct timespec times[2];
	unsigned int flags;
	struct cursor xattrs; /* count, then name and value of each */
};

struct segments {
	struct cursor records; /* count, then descriptor, offset, length, offset in the file */
	uint64_t size;
};

static void take_metadata(struct cursor *c, struct metadata *meta, unsigned int flags)
{
	meta->flags = flags;
	meta->mode = take_u32(c);
	meta->uid = take_u32(c);
	meta->gid = take_u32(c);
	meta->mask = take_u32(c);
	meta->times[1].tv_sec = (time_t)take_u64(c);
	meta->times[1].tv_nsec = (long)take_u32(c);
	/* The access time is no part of a layer; a fixed one keeps two unpackings alike. */
	meta->times[0] = meta->times[1];
}

static void skip_xattrs(struct cursor *c, struct metadata *meta)
{
	meta->xattrs.at = c->at;
	for (uint32_t count = take_u32(c); count > 0 && !c->bad; count--) {
		take_text(c);
		take_bytes(c);
	}
	meta->xattrs.end = c->at;
	meta->xattrs.bad = false;
}

/* Sets xattrs by descriptor, or without one by name in the working directory. */
static int set_xattrs(struct tree *t, int fd, const char *name, const struct metadata *meta)
{
	struct cursor c = meta->xattrs;
	for (uint32_t count = take_u32(&c); count > 0; count--) {
		const char *key = take_text(&c);
		struct bytes value = take_bytes(&c);
		int status = fd >= 0 ? fsetxattr(fd, key, value.data, value.length, 0)
		                     : lsetxattr(name, key, value.data, value.length, 0);
		if (status == 0 || (meta->flags & TREE_LENIENT && (errno == EOPNOTSUPP || errno == EPERM)))
			continue;
		return tree_fail_errno(t, "setxattr", key);
	}
	return 0;
}

/* Owner before xattrs and mode: a change of owner drops file capabilities and set-id bits. */
static int apply_to_fd(struct tree *t, int fd, const char *path, const struct metadata *meta)
{
	if (meta->mask & TREE_OWNER && fchown(fd, meta->uid, meta->gid) < 0)
		return tree_fail_errno(t, "chown", path);
	if (meta->mask & TREE_MODE && fchmod(fd, meta->mode & 07777) < 0)
		return tree_fail_errno(t, "chmod", path);
	if (set_xattrs(t, fd, "", meta) < 0)
		return -1;
	if (meta->mask & TREE_MTIME && futimens(fd, meta->times) < 0)
		return tree_fail_errno(t, "utimensat", path);
	return 0;
}

/* For what can't be opened without effect: symlinks, devices, FIFOs, sockets. */
static int apply_to_name(struct tree *t, const char *name, const char *path, const struct metadata *meta)
{
	if (meta->mask & TREE_OWNER && fchownat(AT_FDCWD, name, meta->uid, meta->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return tree_fail_errno(t, "chown", path);
	if (meta->mask & TREE_MODE && !S_ISLNK(meta->mode)) {
		char self[32];
		int fd = open_beneath(AT_FDCWD, name, O_PATH | O_NOFOLLOW, NO_CROSSING);
		snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
		int status = fd < 0 ? -1 : chmod(self, meta->mode & 07777);
		int error = errno;
		if (fd >= 0)
			close(fd);
		if (status < 0)
			return tree_fail(t, error, "chmod", path);
	}
	if (set_xattrs(t, -1, name, meta) < 0)
		return -1;
	if (meta->mask & TREE_MTIME && utimensat(AT_FDCWD, name, meta->times, AT_SYMLINK_NOFOLLOW) < 0)
		return tree_fail_errno(t, "utimensat", path);
	return 0;
}

static int fill_file(struct tree *t, int fd, const char *path, struct segments *segments)
{
	struct cursor c = segments->records;
	uint64_t end = 0;
	for (uint32_t count = take_u32(&c); count > 0; count--) {
		int from = take_fd(&c);
		uint64_t source = take_u64(&c), length = take_u64(&c), offset = take_u64(&c);
		int64_t copied = copy_range(t, from, source, fd, offset, length);
		if (copied < 0)
			return tree_fail_errno(t, "write", path);
		if ((uint64_t)copied != length)
			return tree_fail(t, ENODATA, "read data of", path);
		if (offset + length > end)
			end = offset + length;
	}
	if (end != segments->size && ftruncate(fd, (off_t)segments->size) < 0)
		return tree_fail_errno(t, "truncate", path);
	return 0;
}

static int make_file(struct tree *t, const char *name, const char *path, struct metadata *meta, struct segments *segments)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, meta->mode & 0777);
	if (fd < 0)
		return tree_fail_errno(t, "create", path);
	/* open() has set the mode already, unless a default ACL of the directory had a say. */
	int status = fill_file(t, fd, path, segments);
	if (status == 0)
		status = apply_to_fd(t, fd, path, meta);
	int error = errno;
	/* A full quota or a network file system may tell so only now. */
	if (close(fd) < 0 && status == 0)
		return tree_fail_errno(t, "close", path);
	errno = error;
	return status;
}

static int set_directory(struct tree *t, const char *name, const char *path, const struct metadata *meta)
{
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return tree_fail_errno(t, "open", path);
	int status = apply_to_fd(t, fd, path, meta);
	int error = errno;
	close(fd);
	errno = error;
	return status;
}

struct new_entry {
	const char *path, *name, *target;
	int root;
	dev_t device;
	struct metadata meta;
	struct segments segments;
};

/* linkat with both ends pinned; a symlink as the last component of `target` is itself what gets another name. */
static int make_link(struct tree *t, struct new_entry *e)
{
	int from = open_beneath(e->root, e->target, O_PATH | O_NOFOLLOW, NO_CROSSING | NO_FOLLOW);
	if (from < 0)
		return tree_fail_errno(t, "look up", e->target);
	int status = linkat(from, "", AT_FDCWD, e->name, AT_EMPTY_PATH);
	int error = errno;
	struct stat old, new;
	if (status < 0 && error == EEXIST && fstat(from, &old) == 0 && fstatat(AT_FDCWD, e->name, &new, AT_SYMLINK_NOFOLLOW) == 0 &&
	    old.st_dev == new.st_dev && old.st_ino == new.st_ino)
		status = 0; /* already a name of that very entry; replacing it could remove the last one */
	close(from);
	return status < 0 ? tree_fail(t, error, "link", e->path) : 0;
}

static int make_once(struct tree *t, struct new_entry *e)
{
	if (e->meta.flags & TREE_HARDLINK)
		return make_link(t, e);
	switch (e->meta.mode & S_IFMT) {
	case S_IFREG:
		return make_file(t, e->name, e->path, &e->meta, &e->segments);
	case S_IFDIR:
		if (mkdir(e->name, 0700) < 0) {
			struct stat st;
			if (errno != EEXIST || fstatat(AT_FDCWD, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
				return tree_fail(t, EEXIST, "mkdir", e->path);
		}
		return set_directory(t, e->name, e->path, &e->meta);
	case S_IFLNK:
		if (symlink(e->target, e->name) < 0)
			return tree_fail_errno(t, "symlink", e->path);
		return apply_to_name(t, e->name, e->path, &e->meta);
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		if (mknod(e->name, (e->meta.mode & S_IFMT) | (e->meta.mode & 07777), e->device) < 0)
			return tree_fail_errno(t, "mknod", e->path);
		/* The mode is right already; only the set-id bits would be lost by a chown. */
		if ((e->meta.mode & 06000) == 0)
			e->meta.mask &= ~(uint32_t)TREE_MODE;
		return apply_to_name(t, e->name, e->path, &e->meta);
	default:
		return tree_fail(t, EINVAL, "create", e->path);
	}
}

int tree_make(struct tree *t, struct cursor *c, unsigned int flags)
{
	struct new_entry e = { .root = take_fd(c) };
	take_metadata(c, &e.meta, flags);
	uint32_t major_number = take_u32(c), minor_number = take_u32(c);
	e.device = makedev(major_number, minor_number);
	e.path = take_text(c);
	e.target = take_text(c);
	skip_xattrs(c, &e.meta);
	e.segments.size = take_u64(c);
	e.segments.records.at = c->at;
	for (uint32_t count = take_u32(c); count > 0 && !c->bad; count--) {
		take_fd(c);
		for (int i = 0; i < 3; i++)
			if (take_u64(c) > INT64_MAX / 2)
				c->bad = true;
	}
	e.segments.records.end = c->at;
	if (c->bad || c->at != c->end)
		return tree_fail(t, EBADMSG, "decode", "MAKE");
	e.name = enter_parent(t, e.root, e.path, flags);
	if (e.name == NULL)
		return -1;
	int status = make_once(t, &e);
	if (status == 0 || errno != EEXIST || !(flags & TREE_REPLACE))
		return status;
	if (remove_name(t, e.name) < 0)
		return -1;
	e.name = enter_parent(t, e.root, e.path, flags);
	return e.name == NULL ? -1 : make_once(t, &e);
}

int tree_set(struct tree *t, struct cursor *c, unsigned int flags)
{
	struct metadata meta;
	struct stat st;
	int root = take_fd(c);
	take_metadata(c, &meta, flags);
	const char *path = take_text(c);
	skip_xattrs(c, &meta);
	if (c->bad || c->at != c->end)
		return tree_fail(t, EBADMSG, "decode", "SET");
	const char *name = enter_parent(t, root, path, flags & ~(unsigned int)TREE_PARENTS);
	if (name == NULL)
		return -1;
	if (fstatat(AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return tree_fail_errno(t, "stat", path);
	if (S_ISDIR(st.st_mode))
		return set_directory(t, name, path, &meta);
	if (!S_ISREG(st.st_mode)) {
		meta.mode = (meta.mode & 07777) | (st.st_mode & S_IFMT);
		return apply_to_name(t, name, path, &meta);
	}
	int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return tree_fail_errno(t, "open", path);
	int status = apply_to_fd(t, fd, path, &meta);
	int error = errno;
	close(fd);
	errno = error;
	return status;
}
