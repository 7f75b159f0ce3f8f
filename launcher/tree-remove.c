/*
 * REMOVE and CHOWN: whole trees, whatever a container has left in them.
 */
#include "tree.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

enum { REMOVE_DEPTH = 64 }; /* deeper directories are first moved up, so that descriptors and stack stay bounded */

struct removal {
	struct tree *t;
	int top;        /* the topmost directory being removed; -1: not opened yet */
	uint64_t moved; /* directories moved up into it */
	int error;      /* the first failure; the rest is removed all the same */
};

/* Takes the immutable or append-only attribute from a file or directory. What else there is can't carry it, and opening it could have effects. */
static void unlock(int dir, const char *name)
{
	struct stat st;
	int flags = 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) {
		flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
		(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	close(fd);
}

static int unlink_unlocked(int dir, const char *name, int flags)
{
	if (unlinkat(dir, name, flags) == 0 || errno == ENOENT)
		return 0;
	if (errno != EPERM && errno != EACCES)
		return -1;
	unlock(dir, ".");
	unlock(dir, name);
	return unlinkat(dir, name, flags) == 0 || errno == ENOENT ? 0 : -1;
}

static void failed(struct removal *r, const char *call, const char *name)
{
	if (r->error)
		return;
	r->error = errno;
	tree_fail(r->t, call, name);
}

/* Moves a deep directory up to where the topmost level will meet it again. */
static int move_up(struct removal *r, int dir, const char *name)
{
	char moved[40];
	for (int attempt = 0; attempt < 1000; attempt++) {
		snprintf(moved, sizeof(moved), ".wherry-removing-%llu", (unsigned long long)r->moved++);
		if (syscall(SYS_renameat2, dir, name, r->top, moved, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno == EPERM || errno == EACCES)
			unlock(dir, ".");
		else if (errno != EEXIST)
			break;
	}
	return -1;
}

static int empty_directory(struct removal *r, int dir, int depth);

static void remove_entry(struct removal *r, int dir, const char *name, int depth)
{
	if (unlink_unlocked(dir, name, 0) == 0)
		return;
	if (errno != EISDIR) {
		failed(r, "unlink", name);
		return;
	}
	if (unlink_unlocked(dir, name, AT_REMOVEDIR) == 0)
		return;
	if (errno != ENOTEMPTY && errno != EEXIST) {
		failed(r, "rmdir", name);
		return;
	}
	if (depth >= REMOVE_DEPTH) {
		if (move_up(r, dir, name) < 0)
			failed(r, "rename", name);
		return;
	}
	int fd = open_subdirectory(dir, name);
	if (fd < 0) {
		failed(r, "open", name);
		return;
	}
	int top = r->top;
	r->top = top < 0 ? fd : top;
	int status = closing(fd, empty_directory(r, fd, depth + 1));
	r->top = top;
	if (status == 0 && unlink_unlocked(dir, name, AT_REMOVEDIR) < 0)
		failed(r, "rmdir", name);
}

/* Passes over the directory until one finds nothing: directories may be moved up into it, or names be skipped while others go. */
static int empty_directory(struct removal *r, int dir, int depth)
{
	int before = r->error;
	size_t found;
	do {
		struct names names;
		if (read_names(dir, &names, AS_THEY_COME) < 0)
			failed(r, "read directory", "");
		found = names.count;
		for (const char **name = names.list; name && *name; name++)
			remove_entry(r, dir, *name, depth);
		free_names(&names);
	} while (found > 0 && r->error == before);
	return r->error == before ? 0 : -1;
}

int remove_name(struct tree *t, const char *name)
{
	struct removal r = { .t = t, .top = -1 };
	remove_entry(&r, AT_FDCWD, name, 0);
	/* The working directory of a later record may have gone. */
	forget_parent(t);
	errno = r.error;
	return r.error ? -1 : 0;
}

int tree_remove(struct tree *t, struct cursor *c, unsigned flags)
{
	struct stat st;
	int root = take_fd(c);
	const char *path = take_text(c), *name = take_end(t, c) < 0 ? NULL : enter_parent(t, root, path, 0);
	if (!name)
		return flags & TREE_MISSING && errno == ENOENT ? 0 : -1;
	if (!strcmp(name, ".")) {
		/* Everything in the root, but not the root itself. */
		struct removal r = { .t = t, .top = root };
		int status = empty_directory(&r, root, 1);
		errno = r.error;
		return status;
	}
	if (fstatat(AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return flags & TREE_MISSING && errno == ENOENT ? 0 : tree_fail(t, "stat", path);
	return remove_name(t, name);
}

struct shift {
	uint32_t from, to, count;
};

static uint32_t shifted(const struct shift *s, uint32_t id)
{
	return id - s->from < s->count ? id - s->from + s->to : id;
}

/*
 * A file capability counts in a user namespace only when it names that namespace's root: revision 3 (Linux 4.14,
 * linux/capability.h: struct vfs_ns_cap_data), 24 bytes instead of 20.
 */
static int keep_capability(const char *name, uint8_t *capability, ssize_t length, const struct shift *s)
{
	uint32_t root = shifted(s, length == 24 ? get32(capability + 20) : 0);
	put32(capability, 0x03000000 | (get32(capability) & 0x00ffffff));
	put32(capability + 20, root);
	return lsetxattr(name, "security.capability", capability, 24, 0);
}

/* In the working directory. */
static int chown_name(struct tree *t, const char *name, const struct stat *st, const struct shift *s)
{
	uint8_t capability[24];
	uint32_t uid = shifted(s, st->st_uid), gid = shifted(s, st->st_gid);
	if (uid == st->st_uid && gid == st->st_gid)
		return 0;
	ssize_t length = S_ISREG(st->st_mode) ? lgetxattr(name, "security.capability", capability, sizeof(capability)) : -1;
	if (fchownat(AT_FDCWD, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return tree_fail(t, "chown", t->path);
	if (S_ISREG(st->st_mode) && st->st_mode & 06000) {
		int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 || closing(fd, fchmod(fd, st->st_mode & 07777)) < 0)
			return tree_fail(t, "chmod", t->path);
	}
	return length >= 20 && keep_capability(name, capability, length, s) < 0 ? tree_fail(t, "setxattr", t->path) : 0;
}

/* Contents before their directory, so that a repetition after a crash still finds its way. */
static int chown_entry(struct tree *t, int dir, const char *name, void *shift)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return tree_fail(t, "stat", t->path);
	if (S_ISDIR(st.st_mode)) {
		int fd = open_subdirectory(dir, name);
		if (fd < 0)
			return tree_fail(t, "open", t->path);
		if (closing(fd, each_entry(t, fd, AS_THEY_COME, chown_entry, shift)) < 0)
			return -1;
		if (fchdir(dir) < 0)
			return tree_fail(t, "chdir", t->path);
	}
	return chown_name(t, name, &st, shift);
}

int tree_chown(struct tree *t, struct cursor *c, unsigned flags)
{
	struct stat st;
	int root = take_fd(c);
	uint32_t from = take_u32(c), to = take_u32(c);
	struct shift s = { from, to, take_u32(c) };
	if (take_end(t, c) < 0)
		return -1;
	/* Ranges apart from each other make a second visit (hard links, a repetition) harmless. */
	if (s.to - s.from < s.count || s.from - s.to < s.count)
		return tree_refuse(t, EINVAL, "shift ids of", ".");
	forget_parent(t);
	path_pop(t, 0);
	if (each_entry(t, root, AS_THEY_COME, chown_entry, &s) < 0)
		return -1;
	if (fstat(root, &st) < 0 || fchown(root, shifted(&s, st.st_uid), shifted(&s, st.st_gid)) < 0)
		return tree_fail(t, "chown", ".");
	return 0;
}
