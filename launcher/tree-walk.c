/*
 * STAT and WALK: what lies beneath a directory, told entry by entry.
 */
#include "tree.h"

#include <linux/magic.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "lookup.h"

enum {
	XATTR_LIST_MAX = 64 * 1024, /* linux/limits.h, as XATTR_SIZE_MAX */
	XATTR_VALUE_MAX = 64 * 1024,
	XATTR_LIKELY = 512, /* the kernel clears as much memory as it is offered room: little at first */
	DENTS_SIZE = 32 * 1024,
	/* struct linux_dirent64 of getdents64(2): u64 inode, i64 offset, u16 length, u8 type, name */
	DENT_LENGTH = 16,
	DENT_NAME = 19,
};

static int path_push(struct tree *t, const char *name)
{
	size_t length = strlen(name);
	if (t->path_length + length + 2 > sizeof(t->path))
		return tree_refuse(t, ENAMETOOLONG, "walk", t->path);
	if (t->path_length > 0)
		t->path[t->path_length++] = '/';
	memcpy(t->path + t->path_length, name, length + 1);
	t->path_length += length;
	return 0;
}

void path_pop(struct tree *t, size_t before)
{
	t->path_length = before;
	t->path[before] = 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_name(struct names *names, const char *name)
{
	size_t length = strlen(name) + 1;
	if (!names->text || names->used + length > names->size) {
		size_t size = names->size ? names->size * 2 : 4096;
		char *text = realloc(names->text, size);
		if (!text)
			return -1;
		names->text = text;
		names->size = size;
	}
	memcpy(names->text + names->used, name, length);
	names->used += length;
	names->count++;
	return 0;
}

static long read_all_names(int fd, struct names *names, char *dents)
{
	long got;
	while ((got = syscall(SYS_getdents64, fd, dents, DENTS_SIZE)) > 0) {
		for (long at = 0; at < got; at += get16(dents + at + DENT_LENGTH)) {
			const char *name = dents + at + DENT_NAME;
			if (strcmp(name, ".") && strcmp(name, "..") && add_name(names, name) < 0)
				return -1;
		}
	}
	/* A directory that has been removed since it was opened is at its end, as readdir(3) has it. */
	return got < 0 && errno == ENOENT ? 0 : got;
}

int read_names(int fd, struct names *names, enum order order)
{
	memset(names, 0, sizeof(*names));
	char *dents = malloc(DENTS_SIZE);
	long status = !dents || lseek(fd, 0, SEEK_SET) < 0 ? -1 : read_all_names(fd, names, dents);
	free(dents);
	names->list = calloc(names->count + 1, sizeof(*names->list));
	if (status < 0 || !names->list)
		return -1;
	const char *at = names->text;
	for (size_t i = 0; i < names->count; i++, at += strlen(at) + 1)
		names->list[i] = at;
	if (order == BY_BYTES)
		qsort(names->list, names->count, sizeof(*names->list), by_bytes);
	return 0;
}

void free_names(struct names *names)
{
	free(names->list);
	free(names->text);
}

int each_entry(struct tree *t, int dir, enum order order, int (*visit)(struct tree *, int, const char *, void *), void *context)
{
	struct names names;
	size_t before = t->path_length;
	int status = read_names(dir, &names, order) < 0 || fchdir(dir) < 0 ? tree_fail(t, "read directory", t->path) : 0;
	for (const char **name = names.list; status == 0 && name && *name; name++) {
		status = path_push(t, *name);
		if (status == 0)
			status = visit(t, dir, *name, context);
		path_pop(t, before);
	}
	free_names(&names);
	return status;
}

/* How an entry is told of: by name in the working directory, or by the procfs link of an O_PATH descriptor, which alone gives its xattrs. */
struct subject {
	const char *name;
	int fd; /* -1: by name */
};

static ssize_t list_xattrs(const struct subject *s, char *list, size_t size)
{
	ssize_t length = s->fd < 0 ? llistxattr(s->name, list, size) : listxattr(s->name, list, size);
	return length < 0 && errno == ERANGE && size < XATTR_LIST_MAX ? list_xattrs(s, list, XATTR_LIST_MAX) : length;
}

static ssize_t get_xattr(const struct subject *s, const char *key, char *value, size_t size)
{
	ssize_t length = s->fd < 0 ? lgetxattr(s->name, key, value, size) : getxattr(s->name, key, value, size);
	return length < 0 && errno == ERANGE && size < XATTR_VALUE_MAX ? get_xattr(s, key, value, XATTR_VALUE_MAX) : length;
}

/* Count and pairs; the count is put in once it is known. */
static int reply_xattrs(struct tree *t, const struct subject *s)
{
	size_t count_at = t->reply_used;
	uint32_t count = 0;
	reply_u32(t, 0);
	/* Nothing is copied meanwhile; allocating so much would take as long as asking. */
	char *list = (char *)t->copy_buffer, *value = list + XATTR_LIST_MAX;
	_Static_assert(sizeof(t->copy_buffer) >= XATTR_LIST_MAX + XATTR_VALUE_MAX, "the xattrs' buffer");
	ssize_t length = list_xattrs(s, list, XATTR_LIKELY);
	if (length <= 0)
		return length == 0 || errno == EOPNOTSUPP ? 0 : -1;
	int status = 0;
	for (char *key = list; status == 0 && key < list + length; key += strlen(key) + 1) {
		ssize_t size = get_xattr(s, key, value, XATTR_LIKELY);
		if (size < 0 && errno == ENODATA)
			continue; /* gone meanwhile, or not meant for us */
		status = size < 0 ? -1 : 0;
		if (status < 0)
			break;
		reply_text(t, key, strlen(key));
		reply_u32(t, (uint32_t)size);
		reply_bytes(t, value, (size_t)size);
		count++;
	}
	if (!t->reply_bad)
		put32(t->reply + count_at, count);
	return status;
}

/* t->path is what the client calls it. */
static int reply_entry(struct tree *t, const struct subject *s, const struct stat *st, unsigned flags)
{
	char target[4096];
	ssize_t length = 0;
	if (S_ISLNK(st->st_mode))
		length = readlinkat(s->fd < 0 ? AT_FDCWD : s->fd, s->fd < 0 ? s->name : "", target, sizeof(target));
	if (length < 0)
		return -1;
	reply_begin(t, TREE_ENTRY);
	const uint32_t numbers[] = { st->st_mode, st->st_uid, st->st_gid, (uint32_t)st->st_nlink, major(st->st_rdev), minor(st->st_rdev) };
	reply_bytes(t, numbers, sizeof(numbers));
	reply_u64(t, (uint64_t)st->st_mtim.tv_sec);
	reply_u32(t, (uint32_t)st->st_mtim.tv_nsec);
	const uint64_t sizes[] = { (uint64_t)st->st_size, (uint64_t)st->st_blocks * 512, st->st_ino, st->st_dev };
	reply_bytes(t, sizes, sizeof(sizes));
	reply_text(t, t->path, t->path_length);
	reply_text(t, target, (size_t)length);
	int status = 0;
	if (flags & TREE_NO_XATTR)
		reply_u32(t, 0);
	else
		status = reply_xattrs(t, s);
	int error = errno;
	t->reply_bad |= status < 0;
	if (reply_end(t) == 0)
		return 0;
	errno = status < 0 ? error : errno;
	return -1;
}

struct walk {
	unsigned flags;
	uint64_t count;
};

#ifndef MQUEUE_MAGIC
#define MQUEUE_MAGIC 0x19800202 /* ipc/mqueue.c */
#endif

/* The kernel's own words: such files have no size, and some no end. */
static bool is_kernels(int fd)
{
	static const uint32_t magics[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC,
		MQUEUE_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC, BPF_FS_MAGIC };
	struct statfs fs;
	bool found = fstatfs(fd, &fs) < 0;
	for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		found |= (uint32_t)fs.f_type == magics[i];
	return found;
}

/* Directories before what they hold, names in the order of their bytes. */
static int walk_entry(struct tree *t, int dir, const char *name, void *context)
{
	struct stat st;
	struct walk *walk = context;
	const struct subject subject = { name, -1 };
	/* What is gone since the directory was read is left out: a running container may do that. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || reply_entry(t, &subject, &st, walk->flags) < 0)
		return errno == ENOENT ? 0 : tree_fail(t, "read", t->path);
	walk->count++;
	if (!S_ISDIR(st.st_mode) || walk->flags & TREE_FLAT)
		return 0;
	int fd = open_subdirectory(dir, name);
	/* A mount point's contents belong to another tree. */
	if (fd < 0)
		return errno == EXDEV || errno == ENOENT ? 0 : tree_fail(t, "open", t->path);
	if (closing(fd, each_entry(t, fd, BY_BYTES, walk_entry, walk)) < 0)
		return -1;
	return fchdir(dir) < 0 ? tree_fail(t, "chdir", t->path) : 0;
}

int tree_stat(struct tree *t, struct cursor *c, unsigned flags)
{
	char self[32];
	struct stat st;
	int root = take_fd(c);
	const char *path = take_text(c);
	path_pop(t, 0);
	if (take_end(t, c) < 0 || path_push(t, path) < 0)
		return -1;
	int fd = open_beneath(root, path, O_PATH, flags);
	if (fd < 0)
		return flags & TREE_MISSING && is_missing(errno) ? reply_result(t, 0) : tree_fail(t, "look up", path);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	const struct subject subject = { self, fd };
	int status = fstat(fd, &st) < 0 || reply_entry(t, &subject, &st, flags) < 0 ? tree_fail(t, "stat", path) : 0;
	return closing(fd, status);
}

int tree_walk(struct tree *t, struct cursor *c, unsigned flags)
{
	struct walk walk = { flags, 0 };
	int root = take_fd(c);
	const char *path = take_text(c);
	if (take_end(t, c) < 0)
		return -1;
	forget_parent(t);
	path_pop(t, 0);
	int fd = open_beneath(root, path, O_RDONLY | O_DIRECTORY, flags);
	if (fd < 0)
		return flags & TREE_MISSING && is_missing(errno) ? reply_result(t, 0) : tree_fail(t, "open", path);
	if (flags & TREE_FLAT && is_kernels(fd))
		return closing(fd, reply_result(t, 0));
	return closing(fd, each_entry(t, fd, BY_BYTES, walk_entry, &walk)) < 0 ? -1 : reply_result(t, walk.count);
}
