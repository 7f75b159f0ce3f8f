/* Files and descriptors. */
#include "run.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "lookup.h"

int op_OPEN(struct run *run, const union argument *args)
{
	int fd = lookup_resolve(slot_directory(run, args[0]), args[1].s, args[2].u, args[3].u, args[4].u);
	return slot_fill(run, args[5], fd);
}

int op_MKDIRP(struct run *run, const union argument *args)
{
	struct make make = { 1, (mode_t)args[2].u, (uid_t)args[3].u, (gid_t)args[4].u };
	return lookup_make(slot_directory(run, args[0]), args[1].s, &make);
}

int op_TOUCH(struct run *run, const union argument *args)
{
	struct make make = { 0, (mode_t)args[2].u, (uid_t)-1, (gid_t)-1 };
	return lookup_make(slot_directory(run, args[0]), args[1].s, &make);
}

int op_SYMLINK(struct run *run, const union argument *args)
{
	const char *name;
	int parent = lookup_parent(slot_directory(run, args[0]), args[1].s, &name);
	if (parent < 0)
		return -1;
	return closing(parent, symlinkat(args[2].s, parent, name));
}

int op_MKNOD(struct run *run, const union argument *args)
{
	const char *name;
	int parent = lookup_parent(slot_directory(run, args[0]), args[1].s, &name);
	if (parent < 0)
		return -1;
	dev_t device = makedev((unsigned)args[3].u, (unsigned)args[4].u);
	int result = mknodat(parent, name, (mode_t)args[2].u, device);
	if (result == 0)
		result = fchownat(parent, name, (uid_t)args[5].u, (gid_t)args[6].u, AT_SYMLINK_NOFOLLOW);
	return closing(parent, result);
}

/* procfs and cgroupfs targets: a symbolic link or a mount on the way is an attack (CVE-2025-52881). */
int write_file(int dir, const char *path, const void *data, size_t length)
{
	uint64_t resolve = dir == AT_FDCWD ? 0 : RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
	int fd = lookup_resolve(dir, path, O_WRONLY | O_NOCTTY, 0, resolve);
	if (fd < 0)
		return -1;
	ssize_t wrote = write(fd, data, length);
	if (wrote >= 0)
		errno = EIO;
	return closing(fd, wrote == (ssize_t)length ? 0 : -1);
}

int op_WRITE(struct run *run, const union argument *args)
{
	return write_file(slot_directory(run, args[0]), args[1].s, args[2].b.data, args[2].b.length);
}

int op_WRITEPID(struct run *run, const union argument *args)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", (int)(run->child ? run->child : getpid()));
	return write_file(slot_directory(run, args[0]), args[1].s, text, (size_t)length);
}

int op_CLOSE(struct run *run, const union argument *args)
{
	for (uint32_t i = 0; i < args[0].slots.count; i++) {
		int *slot = &run->slots[slot_at(args[0], i)];
		if (*slot >= 0)
			close(*slot);
		*slot = -1;
	}
	return 0;
}

int op_PIPE(struct run *run, const union argument *args)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	slot_fill(run, args[0], ends[0]);
	return slot_fill(run, args[1], ends[1]);
}

int op_CHOWN(struct run *run, const union argument *args)
{
	return fchownat(slot_optional(run, args[0]), "", (uid_t)args[1].u, (gid_t)args[2].u, AT_EMPTY_PATH);
}

/* In a container, a path like /proc/self/fd/7 must not make a directory of the host the working directory (CVE-2024-21626). */
int op_CHDIR(struct run *run, const union argument *args)
{
	char where[4096];
	int dir = slot_directory(run, args[0]);
	int fd = dir == AT_FDCWD && run->in_child
		? lookup_resolve(dir, args[1].s, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_MAGICLINKS)
		: lookup_open(dir, args[1].s, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return -1;
	if (closing(fd, fchdir(fd)) != 0)
		return -1;
	long got = syscall(SYS_getcwd, where, sizeof(where));
	if (got > 0 && where[0] == '/')
		return 0;
	errno = got < 0 && errno == ERANGE ? 0 : ENOENT;
	return errno ? fail(run, "the directory is outside of the root") : 0;
}
