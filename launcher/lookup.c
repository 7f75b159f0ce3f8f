#include "lookup.h"

#include <limits.h>
#include <sys/stat.h>

int lookup_resolve(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve };
	for (int attempt = 0;; attempt++) {
		int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN || attempt == 1000)
			return fd;
	}
}

int lookup_open(int dir, const char *path, uint64_t flags)
{
	if (dir == AT_FDCWD)
		return lookup_resolve(dir, path, flags, 0, 0);
	return lookup_resolve(dir, *path ? path : ".", flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int lookup_parent(int dir, const char *path, const char **name)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	*name = slash ? slash + 1 : path;
	size_t length = (size_t)(*name - path);
	if (!**name || !strcmp(*name, ".") || !strcmp(*name, ".."))
		return failing(EINVAL);
	if (length >= sizeof(parent))
		return failing(ENAMETOOLONG);
	memcpy(parent, path, length);
	parent[length] = 0;
	return lookup_open(dir, length ? parent : ".", O_PATH | O_DIRECTORY);
}

static int make_entry(int parent, const char *name, int directory, const struct make *make)
{
	mode_t mode = directory == make->directory ? make->mode : 0755;
	if (!directory) {
		int fd = openat(parent, name, O_CREAT | O_EXCL | O_RDONLY | O_NOCTTY | O_CLOEXEC, mode);
		return fd < 0 ? -1 : close(fd);
	}
	if (mkdirat(parent, name, mode) != 0)
		return -1;
	if (make->uid == (uid_t)-1 && make->gid == (gid_t)-1)
		return 0;
	return fchownat(parent, name, make->uid, make->gid, AT_SYMLINK_NOFOLLOW);
}

/* `path` with its component at `start` (of `length` bytes) replaced by the target of that symbolic link. */
static int expand_link(int parent, char path[PATH_MAX], size_t start, size_t length)
{
	char target[PATH_MAX], name[NAME_MAX + 1], expanded[2 * PATH_MAX];
	if (length > NAME_MAX)
		return failing(ENAMETOOLONG);
	memcpy(name, path + start, length);
	name[length] = 0;
	ssize_t got = readlinkat(parent, name, target, sizeof(target) - 1);
	if (got < 0)
		return errno == EINVAL ? 0 : -1; /* somebody else made it just now: look again */
	target[got] = 0;
	int kept = target[0] == '/' ? 0 : (int)start;
	int total = snprintf(expanded, sizeof(expanded), "%.*s%s%s", kept, path, target, path + start + length);
	if (total < 0 || total >= PATH_MAX)
		return failing(ENAMETOOLONG);
	memcpy(path, expanded, (size_t)total + 1);
	return 0;
}

/* The last directory on `path` that is there (O_PATH); `*start`: where the component begins that is missing in it. */
static int open_nearest(int dir, char path[PATH_MAX], size_t *start)
{
	size_t at = strlen(path);
	for (;;) {
		while (at > 0 && path[at - 1] == '/')
			at--;
		while (at > 0 && path[at - 1] != '/')
			at--;
		char saved = path[at];
		path[at] = 0;
		int fd = lookup_open(dir, at ? path : ".", O_PATH | O_DIRECTORY);
		path[at] = saved;
		*start = at;
		if (fd >= 0 || errno != ENOENT || at == 0)
			return fd;
	}
}

/* 0: all is there; 1: a dangling link was replaced in `path`, or somebody else has made an entry: start again; -1: errno. */
static int make_components(int dir, char path[PATH_MAX], const struct make *make)
{
	size_t start;
	int parent = open_nearest(dir, path, &start);
	while (parent >= 0 && path[start]) {
		size_t end = start + strcspn(path + start, "/");
		size_t next = end + strspn(path + end, "/");
		char saved = path[end];
		path[end] = 0;
		int made = make_entry(parent, path + start, make->directory || path[next], make);
		int entry = made == 0 && path[next] ? openat(parent, path + start, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		path[end] = saved;
		if (made != 0)
			return closing(parent, errno == EEXIST && expand_link(parent, path, start, end - start) == 0 ? 1 : -1);
		if (!path[next])
			return closing(parent, 0);
		parent = closing(parent, entry);
		start = next;
	}
	return parent < 0 ? -1 : closing(parent, 0);
}

int lookup_make(int dir, const char *path, const struct make *make)
{
	char copy[PATH_MAX];
	size_t length = strlen(path);
	if (length >= sizeof(copy))
		return failing(ENAMETOOLONG);
	memcpy(copy, path, length + 1);
	for (int links = 0; links < 40; links++) {
		int fd = lookup_open(dir, copy, O_PATH | (make->directory ? O_DIRECTORY : 0));
		if (fd >= 0)
			return close(fd);
		int result = errno == ENOENT ? make_components(dir, copy, make) : -1;
		if (result <= 0)
			return result;
	}
	return failing(ELOOP);
}
