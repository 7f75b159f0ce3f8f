/* Mounts. No <sys/mount.h>: it and <linux/mount.h> define the same names. */
#include "run.h"

#include <linux/mount.h>
#include "lookup.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

enum { UNMOUNT_DETACH = 2 }; /* MNT_DETACH */

/* The kernel's own sentences ("e overlay: ..."), as far as they fit. */
static int fail_from_context(struct run *run, int context, const char *what)
{
	int error = errno;
	size_t used = (size_t)snprintf(run->detail, sizeof(run->detail), "%.200s", what);
	for (;;) {
		char message[256];
		ssize_t got = read(context, message, sizeof(message));
		if (got <= 0 || used + 3 + (size_t)got >= sizeof(run->detail))
			break;
		const char *text = got > 2 && message[1] == ' ' ? message + 2 : message;
		int length = (int)(message + got - text);
		while (length > 0 && text[length - 1] == '\n')
			length--;
		used += (size_t)snprintf(run->detail + used, sizeof(run->detail) - used, "%s%.*s", used ? ": " : "", length, text);
	}
	errno = error;
	return closing(context, -1);
}

static int configure(int context, const char *option)
{
	char key[256];
	const char *equals = strchr(option, '=');
	if (!equals)
		return sys_fsconfig(context, FSCONFIG_SET_FLAG, option, NULL, 0);
	size_t length = (size_t)(equals - option);
	if (length >= sizeof(key))
		return failing(EINVAL);
	memcpy(key, option, length);
	key[length] = 0;
	return sys_fsconfig(context, FSCONFIG_SET_STRING, key, equals + 1, 0);
}

/* By descriptor, or, as `KEY=`, by its path: erofs takes devices by name only. */
static int configure_slot(int context, const char *key, int fd)
{
	char link[32], option[256];
	size_t length = strlen(key);
	if (!length || key[length - 1] != '=')
		return sys_fsconfig(context, FSCONFIG_SET_FD, key, NULL, fd);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	snprintf(option, sizeof(option), "%s", key);
	if (length + 1 >= sizeof(option))
		return failing(EINVAL);
	ssize_t got = readlink(link, option + length, sizeof(option) - 1 - length);
	if (got < 0)
		return -1;
	option[length + (size_t)got] = 0;
	return configure(context, option);
}

int op_FS(struct run *run, const union argument *args)
{
	char **keys = args[2].v.list;
	if (args[2].v.count != args[3].slots.count)
		return refuse(run, EINVAL, "as many keys as slots are needed");
	int context = (int)syscall(SYS_fsopen, args[0].s, FSOPEN_CLOEXEC);
	if (context < 0)
		return -1;
	for (uint32_t i = 0; i < args[1].v.count; i++)
		if (configure(context, args[1].v.list[i]) != 0)
			return fail_from_context(run, context, args[1].v.list[i]);
	for (uint32_t i = 0; i < args[2].v.count; i++)
		if (configure_slot(context, keys[i], run->slots[slot_at(args[3], i)]) != 0)
			return fail_from_context(run, context, keys[i]);
	if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return fail_from_context(run, context, "");
	int mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, (unsigned)args[4].u);
	if (mount < 0)
		return fail_from_context(run, context, "fsmount");
	close(context);
	return slot_fill(run, args[5], mount);
}

int op_MOUNT(struct run *run, const union argument *args)
{
	char target[32];
	const char *path = args[2].s;
	int fd = -1, dir = slot_directory(run, args[1]);
	if (dir != AT_FDCWD) {
		fd = lookup_open(dir, path, O_PATH);
		if (fd < 0)
			return -1;
		snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
		path = target;
	}
	const char *type = *args[3].s ? args[3].s : NULL, *data = *args[5].s ? args[5].s : NULL;
	return closing(fd, (int)syscall(SYS_mount, args[0].s, path, type, args[4].u, data));
}

/* With a directory slot the last lookup is of "" on a descriptor found safely; `owned` is to be closed. */
static int find(int dir, const char **path, unsigned *flags, int *owned)
{
	*owned = -1;
	if (dir == AT_FDCWD)
		return dir;
	*flags |= AT_EMPTY_PATH;
	if (!**path)
		return dir;
	*owned = lookup_open(dir, *path, O_PATH | (*flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0));
	*path = "";
	return *owned;
}

int op_TREE(struct run *run, const union argument *args)
{
	const char *path = args[1].s;
	unsigned flags = (unsigned)args[2].u;
	int owned;
	if (args[2].u & ~(uint64_t)(AT_RECURSIVE | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return refuse(run, EINVAL, "flags");
	int dir = find(slot_directory(run, args[0]), &path, &flags, &owned);
	if (dir == -1)
		return -1;
	return slot_fill(run, args[3], closing(owned, sys_open_tree(dir, path, flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
}

int op_ATTR(struct run *run, const union argument *args)
{
	const char *path = args[1].s;
	unsigned flags = (unsigned)args[2].u;
	int owned, userns = slot_optional(run, args[6]);
	struct mount_attr attr = {
		.attr_set = args[3].u,
		.attr_clr = args[4].u,
		.propagation = args[5].u,
		.userns_fd = userns >= 0 ? (uint64_t)userns : 0,
	};
	int dir = find(slot_directory(run, args[0]), &path, &flags, &owned);
	if (dir == -1)
		return -1;
	return closing(owned, sys_mount_setattr(dir, path, flags, &attr, sizeof(attr)));
}

int op_MOVE(struct run *run, const union argument *args)
{
	const char *path = args[2].s;
	unsigned unused = 0;
	int owned, flags = MOVE_MOUNT_F_EMPTY_PATH;
	int dir = find(slot_directory(run, args[1]), &path, &unused, &owned);
	if (dir == -1)
		return -1;
	flags |= dir == AT_FDCWD ? MOVE_MOUNT_T_SYMLINKS : MOVE_MOUNT_T_EMPTY_PATH;
	return closing(owned, (int)syscall(SYS_move_mount, slot_optional(run, args[0]), "", dir, path, (unsigned)flags));
}

int op_PIVOT(struct run *run, const union argument *args)
{
	if (fchdir(slot_optional(run, args[0])) != 0)
		return fail(run, "fchdir");
	if (syscall(SYS_pivot_root, ".", ".") != 0)
		return fail(run, "pivot_root");
	/* The old root lies on top of the new one now. */
	if (syscall(SYS_umount2, ".", UNMOUNT_DETACH) != 0)
		return fail(run, "umount2");
	return chdir("/");
}

int op_CHROOT(struct run *run, const union argument *args)
{
	if (fchdir(slot_optional(run, args[0])) != 0)
		return fail(run, "fchdir");
	return chroot(".");
}

int op_UMOUNT(struct run *run, const union argument *args)
{
	return (int)syscall(SYS_umount2, args[0].s, (int)args[1].u);
}
