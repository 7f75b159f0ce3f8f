/*
 * MAKE and SET: one entry with its data, owner, mode, xattrs and time.
 *
 * The file system may belong to a running, hostile container. So parents are pinned
 * (enter_parent), the last component is never followed, and what follows symlinks
 * when given a name (chmod) is done on a descriptor.
 */
#include "tree.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

struct metadata {
	uint32_t mode, uid, gid, mask;
	/* The access time is no part of a layer; the same one keeps two unpackings alike. */
	struct timespec times[2];
	unsigned flags;
	struct cursor xattrs; /* count, then name and value of each */
};

struct new_entry {
	const char *path, *name, *target;
	int root;
	dev_t device;
	struct metadata meta;
	uint64_t size;
	struct cursor segments; /* count, then descriptor, offset, length, offset in the file */
};

static void take_metadata(struct cursor *c, struct metadata *meta, unsigned flags)
{
	meta->flags = flags;
	meta->mode = take_u32(c);
	meta->uid = take_u32(c);
	meta->gid = take_u32(c);
	meta->mask = take_u32(c);
	meta->times[0].tv_sec = (time_t)take_u64(c);
	meta->times[0].tv_nsec = (long)take_u32(c);
	meta->times[1] = meta->times[0];
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
		int status = fd >= 0 ? fsetxattr(fd, key, value.data, value.length, 0) : lsetxattr(name, key, value.data, value.length, 0);
		if (status < 0 && !(meta->flags & TREE_LENIENT && (errno == EOPNOTSUPP || errno == EPERM)))
			return tree_fail(t, "setxattr", key);
	}
	return 0;
}

/* Owner before xattrs and mode: a change of owner drops file capabilities and set-id bits. */
static int apply_to_fd(struct tree *t, int fd, const char *path, const struct metadata *meta)
{
	if (meta->mask & TREE_OWNER && fchown(fd, meta->uid, meta->gid) < 0)
		return tree_fail(t, "chown", path);
	if (meta->mask & TREE_MODE && fchmod(fd, meta->mode & 07777) < 0)
		return tree_fail(t, "chmod", path);
	if (set_xattrs(t, fd, "", meta) < 0)
		return -1;
	return meta->mask & TREE_MTIME && futimens(fd, meta->times) < 0 ? tree_fail(t, "utimensat", path) : 0;
}

static int chmod_name(const char *name, mode_t mode)
{
	char self[32];
	int fd = open_beneath(AT_FDCWD, name, O_PATH, 0);
	if (fd < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return closing(fd, chmod(self, mode));
}

/* For what can't be opened without effect: symlinks, devices, FIFOs, sockets. */
static int apply_to_name(struct tree *t, const char *name, const char *path, const struct metadata *meta)
{
	if (meta->mask & TREE_OWNER && fchownat(AT_FDCWD, name, meta->uid, meta->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return tree_fail(t, "chown", path);
	if (meta->mask & TREE_MODE && !S_ISLNK(meta->mode) && chmod_name(name, meta->mode & 07777) < 0)
		return tree_fail(t, "chmod", path);
	if (set_xattrs(t, -1, name, meta) < 0)
		return -1;
	return meta->mask & TREE_MTIME && utimensat(AT_FDCWD, name, meta->times, AT_SYMLINK_NOFOLLOW) < 0 ? tree_fail(t, "utimensat", path) : 0;
}

/* Gives its bytes one after the other, and each once. */
static bool is_stream(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
}

static int fill_file(struct tree *t, int fd, const struct new_entry *e)
{
	struct cursor c = e->segments;
	uint64_t end = 0;
	for (uint32_t count = take_u32(&c); count > 0; count--) {
		int given = take_fd(&c), from = e->meta.flags & TREE_FROM ? open_file(t, given, e->target, 0) : given;
		uint64_t source = take_u64(&c), length = take_u64(&c), offset = take_u64(&c);
		if (from < 0)
			return -1;
		bool stream = is_stream(from);
		if (stream && t->failed)
			return tree_refuse(t, ECANCELED, "read data of", e->path);
		int64_t copied = stream ? copy_stream(t, from, fd, offset, length) : copy_range(t, from, source, fd, offset, length);
		(void)closing(from == given ? -1 : from, 0);
		if (copied < 0)
			return tree_fail(t, "write", e->path);
		if ((uint64_t)copied != length)
			return tree_refuse(t, ENODATA, "read data of", e->path);
		if (!stream && length <= COPY_SMALL)
			end = offset + length > end ? offset + length : end; /* what is written last may be a hole */
	}
	return end != e->size && ftruncate(fd, (off_t)e->size) < 0 ? tree_fail(t, "truncate", e->path) : 0;
}

/*
 * With data from a stream: it comes slowly, and only once. So the file has no name before it is whole, and what is in the way goes
 * only then; where a file system can't do that (overlayfs before 6.1, NFS), it has its name from the start.
 */
static int make_streamed(struct tree *t, const struct new_entry *e)
{
	bool replace = e->meta.flags & TREE_REPLACE;
	/* By path it may be another directory next time. */
	int parent = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = open(".", O_TMPFILE | O_WRONLY | O_CLOEXEC, e->meta.mode & 0777);
	bool named = fd < 0;
	if (named && replace)
		(void)remove_name(t, e->name);
	if (named)
		fd = openat(parent, e->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, e->meta.mode & 0777);
	int status = fd < 0 ? tree_fail(t, "create", e->path) : fill_file(t, fd, e);
	if (status == 0)
		status = apply_to_fd(t, fd, e->path, &e->meta);
	if (status == 0 && !named && linkat(fd, "", parent, e->name, AT_EMPTY_PATH) < 0 &&
	    (errno != EEXIST || !replace || remove_name(t, e->name) < 0 || linkat(fd, "", parent, e->name, AT_EMPTY_PATH) < 0))
		status = tree_fail(t, "create", e->path);
	/* Not EEXIST, after which the entry would be made again: its data is gone. */
	if (status < 0 && errno == EEXIST && replace)
		errno = EBUSY;
	return closing(parent, closing(fd, status));
}

static int make_file(struct tree *t, const struct new_entry *e)
{
	struct cursor c = e->segments;
	if (take_u32(&c) > 0 && !(e->meta.flags & TREE_FROM) && is_stream(take_fd(&c)))
		return make_streamed(t, e);
	int fd = open(e->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, e->meta.mode & 0777);
	if (fd < 0)
		return tree_fail(t, "create", e->path);
	if (fill_file(t, fd, e) < 0 || apply_to_fd(t, fd, e->path, &e->meta) < 0)
		return closing(fd, -1);
	/* A full quota or a network file system may tell so only now. */
	return close(fd) < 0 ? tree_fail(t, "close", e->path) : 0;
}

/* A file or directory that is there. */
static int set_opened(struct tree *t, const char *name, const char *path, const struct metadata *meta)
{
	int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return tree_fail(t, "open", path);
	return closing(fd, apply_to_fd(t, fd, path, meta));
}

static bool same_entry(int fd, const char *name)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && fstatat(AT_FDCWD, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* linkat with both ends pinned; a symlink as the last component of `target` is itself what gets another name. */
static int make_link(struct tree *t, const struct new_entry *e)
{
	int from = open_beneath(e->root, e->target, O_PATH, (e->meta.flags & TREE_FOLLOW) | TREE_NOFOLLOW);
	if (from < 0)
		return tree_fail(t, "look up", e->target);
	int status = linkat(from, "", AT_FDCWD, e->name, AT_EMPTY_PATH) < 0 ? tree_fail(t, "link", e->path) : 0;
	/* Already a name of that very entry; replacing it could remove the last one. */
	if (status < 0 && errno == EEXIST && same_entry(from, e->name))
		status = 0;
	return closing(from, status);
}

static int make_directory(struct tree *t, const struct new_entry *e)
{
	struct stat st;
	if (mkdir(e->name, 0700) < 0 && (errno != EEXIST || fstatat(AT_FDCWD, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)))
		return tree_fail(t, "mkdir", e->path);
	return set_opened(t, e->name, e->path, &e->meta);
}

static int make_once(struct tree *t, struct new_entry *e)
{
	if (e->meta.flags & TREE_HARDLINK)
		return make_link(t, e);
	switch (e->meta.mode & S_IFMT) {
	case S_IFREG:
		return make_file(t, e);
	case S_IFDIR:
		return make_directory(t, e);
	case S_IFLNK:
		if (symlink(e->target, e->name) < 0)
			return tree_fail(t, "symlink", e->path);
		return apply_to_name(t, e->name, e->path, &e->meta);
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		if (mknod(e->name, e->meta.mode & (S_IFMT | 07777), e->device) < 0)
			return tree_fail(t, "mknod", e->path);
		return apply_to_name(t, e->name, e->path, &e->meta);
	default:
		return tree_refuse(t, EINVAL, "create", e->path);
	}
}

static void take_segments(struct cursor *c, struct new_entry *e)
{
	e->size = take_u64(c);
	e->segments.at = c->at;
	for (uint32_t count = take_u32(c); count > 0 && !c->bad; count--) {
		take_fd(c);
		for (int i = 0; i < 3; i++)
			c->bad |= take_u64(c) > INT64_MAX / 2;
	}
	e->segments.end = c->at;
}

int tree_make(struct tree *t, struct cursor *c, unsigned flags)
{
	struct stat st;
	struct new_entry e = { .root = take_fd(c) };
	take_metadata(c, &e.meta, flags);
	uint32_t major_number = take_u32(c), minor_number = take_u32(c);
	e.device = makedev(major_number, minor_number);
	e.path = take_text(c);
	e.target = take_text(c);
	skip_xattrs(c, &e.meta);
	take_segments(c, &e);
	if (take_end(t, c) < 0 || !(e.name = enter_parent(t, e.root, e.path, flags)))
		return -1;
	if (flags & TREE_KIND && fstatat(AT_FDCWD, e.name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) != S_ISDIR(e.meta.mode))
		return tree_refuse(t, S_ISDIR(st.st_mode) ? EISDIR : ENOTDIR, "overwrite", e.path);
	int status = make_once(t, &e);
	if (status == 0 || errno != EEXIST || !(flags & TREE_REPLACE))
		return status;
	if (remove_name(t, e.name) < 0 || !(e.name = enter_parent(t, e.root, e.path, flags)))
		return -1;
	return make_once(t, &e);
}

int tree_set(struct tree *t, struct cursor *c, unsigned flags)
{
	struct metadata meta;
	struct stat st;
	int root = take_fd(c);
	take_metadata(c, &meta, flags);
	const char *path = take_text(c);
	skip_xattrs(c, &meta);
	const char *name = take_end(t, c) < 0 ? NULL : enter_parent(t, root, path, flags & TREE_FOLLOW);
	if (!name)
		return -1;
	if (fstatat(AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return tree_fail(t, "stat", path);
	if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode))
		return set_opened(t, name, path, &meta);
	meta.mode = (meta.mode & 07777) | (st.st_mode & S_IFMT);
	return apply_to_name(t, name, path, &meta);
}
