/* Verbs that try what a container may or may not do, and tell the kernel's answer. */
#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

const char *error_name(int error)
{
	static const struct {
		int number;
		const char *name;
	} names[] = { { EPERM, "EPERM" }, { ENOENT, "ENOENT" }, { EACCES, "EACCES" }, { EEXIST, "EEXIST" }, { EINVAL, "EINVAL" }, { EROFS, "EROFS" },
		      { ENOSYS, "ENOSYS" }, { EBUSY, "EBUSY" }, { ENOSPC, "ENOSPC" }, { EFAULT, "EFAULT" }, { EBADF, "EBADF" }, { ENODEV, "ENODEV" },
		      { ENXIO, "ENXIO" }, { ENOTDIR, "ENOTDIR" }, { EISDIR, "EISDIR" }, { ETXTBSY, "ETXTBSY" }, { ESRCH, "ESRCH" }, { EAGAIN, "EAGAIN" }, { EDQUOT, "EDQUOT" },
		      { EIO, "EIO" }, { EXDEV, "EXDEV" }, { EOPNOTSUPP, "EOPNOTSUPP" }, { EAFNOSUPPORT, "EAFNOSUPPORT" }, { ENOTEMPTY, "ENOTEMPTY" } };
	static char number[16];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == error)
			return names[i].name;
	snprintf(number, sizeof(number), "errno %d", error);
	return number;
}

static int try_open(const char *path, int flags, const char *text)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);
	char buffer[4096];
	ssize_t length;

	if (fd < 0)
		return -1;
	if (text) {
		length = write(fd, text, strlen(text));
		return length < 0 || close(fd) < 0 ? -1 : 0;
	}
	while ((length = read(fd, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, (size_t)length, stdout);
	close(fd);
	return length < 0 ? -1 : 0;
}

/* argv: try OPERATION ARGUMENT...; missing arguments are empty */
static int attempt(const char *operation, char *const *a)
{
	if (strcmp(operation, "read") == 0)
		return try_open(a[0], O_RDONLY, NULL);
	if (strcmp(operation, "write") == 0)
		return try_open(a[0], O_WRONLY | O_NONBLOCK, a[1]);
	if (strcmp(operation, "create") == 0)
		return try_open(a[0], O_WRONLY | O_CREAT, a[1]);
	if (strcmp(operation, "stat") == 0) {
		struct stat status;

		if (lstat(a[0], &status) < 0)
			return -1;
		printf("%o %u %u %u:%u ", status.st_mode, status.st_uid, status.st_gid, major(status.st_rdev), minor(status.st_rdev));
		return 0;
	}
	if (strcmp(operation, "mknod") == 0)
		return mknod(a[0], S_IFCHR | 0600, makedev((unsigned int)atoi(a[1]), (unsigned int)atoi(a[2])));
	if (strcmp(operation, "mkfifo") == 0)
		return mkfifo(a[0], 0644);
	if (strcmp(operation, "symlink") == 0)
		return symlink(a[0], a[1]);
	if (strcmp(operation, "unlink") == 0)
		return unlink(a[0]);
	if (strcmp(operation, "truncate") == 0)
		return truncate(a[0], atoll(a[1]));
	if (strcmp(operation, "chown") == 0)
		return chown(a[0], (uid_t)atoi(a[1]), (gid_t)atoi(a[2]));
	if (strcmp(operation, "mkdir") == 0)
		return mkdir(a[0], 0755);
	if (strcmp(operation, "mount") == 0)
		return mount("none", a[1], a[0], 0, NULL);
	if (strcmp(operation, "umount") == 0)
		return umount2(a[0], MNT_DETACH);
	if (strcmp(operation, "unshare") == 0)
		return unshare(atoi(a[0]));
	if (strcmp(operation, "kill") == 0)
		return kill(atoi(a[0]), atoi(a[1]));
	if (strcmp(operation, "sethostname") == 0)
		return sethostname(a[0], strlen(a[0]));
	if (strcmp(operation, "settime") == 0) {
		struct timeval now;

		gettimeofday(&now, NULL);
		return settimeofday(&now, NULL);
	}
	if (strcmp(operation, "socket") == 0)
		return socket(atoi(a[0]), atoi(a[1]), atoi(a[2]));
	if (strcmp(operation, "setuid") == 0)
		return setuid((uid_t)atoi(a[0]));
	errno = ENOSYS;
	return -1;
}

int verb_try(int argc, char **argv)
{
	char empty[] = "", *arguments[4] = { empty, empty, empty, empty };

	for (int i = 2; i < argc && i < 6; i++)
		arguments[i - 2] = argv[i];
	if (attempt(argc > 1 ? argv[1] : "", arguments) == 0) {
		puts("ok");
		return 0;
	}
	puts(error_name(errno));
	return 1;
}

/* One number in a child of its own: it may kill, block or change the caller. Every argument is -1: nothing valid to act on. */
static void probe(long number)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		long result;

		alarm(1);
		errno = 0;
		result = syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
		printf("%ld %s\n", number, result == -1 ? error_name(errno) : "ok");
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		printf("%ld not run\n", number);
	else if (WIFSIGNALED(status))
		printf("%ld %s\n", number, WTERMSIG(status) == SIGALRM ? "blocks" : WTERMSIG(status) == SIGSYS ? "SIGSYS" : "killed");
	else if (WEXITSTATUS(status) != 0)
		printf("%ld exits\n", number);
}

int verb_syscalls(int argc, char **argv)
{
	long from = number_argument(argc, argv, 1, 0), to = number_argument(argc, argv, 2, 500);

	for (long number = from; number <= to; number++)
		probe(number);
	return 0;
}
