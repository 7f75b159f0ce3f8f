#include "main.h"

#include <linux/magic.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include "kernel.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* 6.3 */
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20 /* 6.3 */
#endif

enum { WRITE_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

/* Asked of the kernel, about the very file that runs: no argument or variable can claim it. */
static int is_protected(void)
{
	struct statfs fs;
	if (statfs("/proc/self/exe", &fs) != 0)
		return -1;
	if (fs.f_flags & ST_RDONLY)
		return 1;
	if (fs.f_type != TMPFS_MAGIC)
		return 0;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int seals = fcntl(fd, F_GET_SEALS);
	close(fd);
	return seals >= 0 && (seals & WRITE_SEALS) == WRITE_SEALS;
}

/* A clone of the mount under this one file, read-only and attached nowhere: no copy in memory. */
static int read_only_clone(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd = sys_open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd >= 0 && sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int sealed_copy(void)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return -1;
	int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = (int)syscall(SYS_memfd_create, "launcher", flags | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_memfd_create, "launcher", flags);
	ssize_t got = 1;
	while (fd >= 0 && got > 0)
		got = sendfile(fd, from, NULL, 1 << 20);
	if (fd >= 0 && (got < 0 || fcntl(fd, F_ADD_SEALS, WRITE_SEALS) != 0)) {
		close(fd);
		fd = -1;
	}
	close(from);
	if (fd >= 0)
		fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC); /* beyond need: EINVAL before 6.3 */
	return fd;
}

int protect_executable(char *const argv[], char *const envp[])
{
	int safe = is_protected();
	if (safe != 0)
		return safe > 0 ? 0 : -1;
	int fd = read_only_clone();
	if (fd >= 0)
		sys_execveat(fd, argv, envp);
	fd = sealed_copy(); /* without CAP_SYS_ADMIN, or on a mount of another namespace */
	if (fd >= 0)
		sys_execveat(fd, argv, envp);
	return -1;
}
