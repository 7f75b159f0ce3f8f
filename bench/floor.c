/*
 * The floor: the least that a container can cost on this machine. clone3 with all namespaces, an overlay with proc, dev and sys,
 * pivot_root, exec of a static program that exits, reap. No image, log, state, limit, seccomp or network; nothing is checked.
 *
 *   floor LOWERDIR WORKDIR [net]      prints microseconds from the clone to the reaping
 *
 * LOWERDIR holds /payload and the directories proc, sys and dev; WORKDIR is on a file system that may be an overlay's upper.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void must(int failed, const char *what)
{
	if (!failed)
		return;
	perror(what);
	_exit(125);
}

static void container(const char *lower, const char *work)
{
	char options[1024], root[512];
	char *const argv[] = { "/payload", "exit", "0", NULL }, *const environment[] = { "PATH=/", NULL };

	snprintf(root, sizeof(root), "%s/root", work);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, work, work);
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0, "private");
	must(mount("overlay", root, "overlay", 0, options) < 0, "overlay");
	must(chdir(root) < 0, "chdir");
	must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0, "proc");
	must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=65536k") < 0, "dev");
	must(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL) < 0 && errno != EPERM, "sys");
	must(syscall(SYS_pivot_root, ".", ".") < 0, "pivot_root");
	must(umount2(".", MNT_DETACH) < 0, "umount");
	must(chdir("/") < 0, "chdir /");
	must(sethostname("floor", 5) < 0, "sethostname");
	execve(argv[0], argv, environment);
	must(1, "exec");
}

int main(int argc, char **argv)
{
	const char *const directories[] = { "upper", "work", "root" };
	struct clone_args args = { .exit_signal = SIGCHLD };
	struct timespec start, end;
	char path[512];
	int status;
	pid_t pid;

	must(argc < 3, "usage: floor LOWERDIR WORKDIR [net]");
	args.flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWCGROUP;
	if (argc > 3)
		args.flags |= CLONE_NEWNET;
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", argv[2], directories[i]);
		must(mkdir(path, 0755) < 0 && errno != EEXIST, path);
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	must(pid < 0, "clone3");
	if (pid == 0)
		container(argv[1], argv[2]);
	must(waitpid(pid, &status, 0) != pid, "waitpid");
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%lld\n", (end.tv_sec - start.tv_sec) * 1000000LL + (end.tv_nsec - start.tv_nsec) / 1000);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
