/*
 * REMOVE and CHOWN: whole trees, whatever a container has left in them.
 */
#define _GNU_SOURCE
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
	REMOVE_DEPTH = 64, /* deeper directories are first moved up, so that descriptors and stack stay bounded */
	DENTS_SIZE = 32 * 1024,
};

/* struct linux_dirent64 of getdents64(2) */
struct dirent64_header {
	uint64_t inode, offset;
	uint16_t length;
	uint8_t type;
	char name[];
} __attribute__((packed, may_alias));

/* linux/fs.h is not there for musl-gcc. */
#define GET_FLAGS _IOR('f', 1, long)
#define SET_FLAGS _IOW('f', 2, long)
enum { FLAG_IMMUTABLE = 0x10, FLAG_APPEND = 0x20, TYPE_DIRECTORY = 4 };

struct removal {
	struct tree *t;
	int top;       /* the topmost directory being removed */
	uint64_t moved; /* directories moved up into it */
	int error;     /* the first failure; the rest is removed all the same */
};

/* An immutable or append-only entry, or such a directory around it: takes the attribute away. */
static void unlock(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int flags = 0;
	if (fd < 0)
		return;
	if (ioctl(fd, GET_FLAGS, &flags) == 0 && flags & (FLAG_IMMUTABLE | FLAG_APPEND)) {
		flags &= ~(FLAG_IMMUTABLE | FLAG_APPEND);
		(void)ioctl(fd, SET_FLAGS, &flags);
	}
	close(fd);
}

static int unlink_unlocked(int dir, const char *name, int flags)
{
	if (unlinkat(dir, name, flags) == 0 || errno == ENOENT)
		return 0;
	if (errno != EPERM && errno != EACCES)
		return -1;
	struct stat st;
	/* EPERM is also what a directory answers to unlink. */
	if (flags == 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	unlock(dir, ".");
	/* A device is not opened: that could have effects. Nor can it carry the attribute. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		unlock(dir, name);
	return unlinkat(dir, name, flags) == 0 || errno == ENOENT ? 0 : -1;
}

static void failed(struct removal *r, const char *call, const char *name)
{
	if (r->error == 0) {
		r->error = errno;
		tree_fail(r->t, errno, call, name);
	}
}

static int empty_directory(struct removal *r, int dir, int depth);

/* Moves a deep directory up to where the topmost level will meet it again. */
static int move_up(struct removal *r, int dir, const char *name)
{
	char moved[40];
	for (int attempt = 0; attempt < 1000; attempt++) {
		snprintf(moved, sizeof moved, ".wherry-removing-%llu", (unsigned long long)r->moved++);
		if (syscall(SYS_renameat2, dir, name, r->top, moved, 1u /* RENAME_NOREPLACE */) == 0)
			return 0;
		if (errno == EPERM || errno == EACCES)
			unlock(dir, ".");
		else if (errno != EEXIST)
			break;
	}
	return -1;
}

static void remove_entry(struct removal *r, int dir, const char *name, bool directory, int depth)
{
	if (!directory) {
		if (unlink_unlocked(dir, name, 0) == 0)
			return;
		if (errno != EISDIR) {
			failed(r, "unlink", name);
			return;
		}
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
	int fd = open_beneath(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, NO_CROSSING | NO_FOLLOW);
	if (fd < 0) {
		failed(r, "open", name);
		return;
	}
	int top = r->top;
	if (top < 0)
		r->top = fd;
	int status = empty_directory(r, fd, depth + 1);
	r->top = top;
	close(fd);
	if (status == 0 && unlink_unlocked(dir, name, AT_REMOVEDIR) < 0)
		failed(r, "rmdir", name);
}

/* Passes over the directory until one finds nothing: entries may be moved up into it, or be skipped while others go. */
static int empty_directory(struct removal *r, int dir, int depth)
{
	uint8_t *dents = malloc(DENTS_SIZE);
	long got = 0;
	bool found = true;
	int before = r->error;
	while (dents != NULL && found && r->error == before) {
		found = false;
		if (lseek(dir, 0, SEEK_SET) < 0)
			got = -1;
		while ((got = syscall(SYS_getdents64, dir, dents, DENTS_SIZE)) > 0) {
			for (long at = 0; at < got;) {
				struct dirent64_header *entry = (struct dirent64_header *)(dents + at);
				at += entry->length;
				if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
					continue;
				found = true;
				remove_entry(r, dir, entry->name, entry->type == TYPE_DIRECTORY, depth);
			}
		}
		if (got < 0)
			break;
	}
	if (dents == NULL || got < 0)
		failed(r, "read directory", "");
	free(dents);
	return r->error == before ? 0 : -1;
}

int remove_name(struct tree *t, const char *name)
{
	struct removal r = { .t = t, .top = -1 };
	int dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return tree_fail_errno(t, "open", name);
	remove_entry(&r, dir, name, false, 0);
	close(dir);
	/* The working directory of a later record may have gone. */
	forget_parent(t);
	errno = r.error;
	return r.error == 0 ? 0 : -1;
}

int tree_remove(struct tree *t, struct cursor *c, unsigned int flags)
{
	struct stat st;
	int root = take_fd(c);
	const char *path = take_text(c);
	if (c->bad || c->at != c->end)
		return tree_fail(t, EBADMSG, "decode", "REMOVE");
	const char *name = enter_parent(t, root, path, 0);
	if (name == NULL)
		return flags & TREE_MISSING && errno == ENOENT ? 0 : -1;
	if (strcmp(name, ".") == 0) {
		/* Everything in the root, but not the root itself. */
		struct removal r = { .t = t, .top = root };
		int status = empty_directory(&r, root, 1);
		forget_parent(t);
		errno = r.error;
		return status;
	}
	if (fstatat(AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return flags & TREE_MISSING && errno == ENOENT ? 0 : tree_fail_errno(t, "stat", path);
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
 * include/uapi/linux/capability.h: struct vfs_ns_cap_data).
 */
static int keep_capability(const char *name, const uint8_t *capability, ssize_t length, const struct shift *s)
{
	uint8_t value[24] = { 0 };
	uint32_t magic, root = 0;
	if (length != 20 && length != 24)
		return 0;
	memcpy(value, capability, (size_t)length);
	memcpy(&magic, value, sizeof magic);
	memcpy(&root, value + 20, sizeof root);
	magic = 0x03000000 | (magic & 0x00ffffff);
	root = shifted(s, root);
	memcpy(value, &magic, sizeof magic);
	memcpy(value + 20, &root, sizeof root);
	return lsetxattr(name, "security.capability", value, root == 0 ? 20 : 24, 0);
}

static int chown_name(struct tree *t, const char *name, const struct stat *st, const struct shift *s)
{
	uint8_t capability[24];
	uint32_t uid = shifted(s, st->st_uid), gid = shifted(s, st->st_gid);
	if (uid == st->st_uid && gid == st->st_gid)
		return 0;
	ssize_t length = S_ISREG(st->st_mode) ? lgetxattr(name, "security.capability", capability, sizeof capability) : -1;
	if (fchownat(AT_FDCWD, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return tree_fail_errno(t, "chown", t->path);
	if (S_ISREG(st->st_mode) && st->st_mode & 06000) {
		int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		int status = fd < 0 ? -1 : fchmod(fd, st->st_mode & 07777);
		if (fd >= 0)
			close(fd);
		if (status < 0)
			return tree_fail_errno(t, "chmod", t->path);
	}
	return length > 0 && keep_capability(name, capability, length, s) < 0 ? tree_fail_errno(t, "setxattr", t->path) : 0;
}

/* Contents before their directory, so that a repetition after a crash still finds its way. */
static int chown_directory(struct tree *t, int dir, const struct shift *s)
{
	struct names names;
	int status = read_names(dir, &names) < 0 || fchdir(dir) < 0 ? tree_fail_errno(t, "read directory", t->path) : 0;
	const char *name;
	for (size_t i = 0; status == 0 && i < names.count && (name = names.sorted[i]) != NULL; i++) {
		struct stat st;
		size_t before;
		if (path_push(t, name, &before) < 0)
			status = tree_fail_errno(t, "walk", t->path);
		else if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			status = tree_fail_errno(t, "stat", t->path);
		if (status == 0 && S_ISDIR(st.st_mode)) {
			int fd = open_beneath(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, NO_CROSSING | NO_FOLLOW);
			status = fd < 0 ? tree_fail_errno(t, "open", t->path) : chown_directory(t, fd, s);
			if (fd >= 0)
				close(fd);
			if (status == 0 && fchdir(dir) < 0)
				status = tree_fail_errno(t, "chdir", t->path);
		}
		if (status == 0)
			status = chown_name(t, name, &st, s);
		if (status == 0)
			path_pop(t, before);
	}
	free_names(&names);
	return status;
}

int tree_chown(struct tree *t, struct cursor *c, unsigned int flags)
{
	struct shift s;
	struct stat st;
	int root = take_fd(c);
	s.from = take_u32(c);
	s.to = take_u32(c);
	s.count = take_u32(c);
	(void)flags;
	if (c->bad || c->at != c->end)
		return tree_fail(t, EBADMSG, "decode", "CHOWN");
	/* Ranges apart from each other make a second visit (hard links, a repetition) harmless. */
	if (s.to - s.from < s.count || s.from - s.to < s.count)
		return tree_fail(t, EINVAL, "shift ids of", ".");
	forget_parent(t);
	path_pop(t, 0);
	if (chown_directory(t, root, &s) < 0)
		return -1;
	if (fstat(root, &st) < 0 || fchown(root, shifted(&s, st.st_uid), shifted(&s, st.st_gid)) < 0)
		return tree_fail_errno(t, "chown", ".");
	return 0;
}
