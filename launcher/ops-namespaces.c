/* Namespaces and the clone. */
#include "run.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "lookup.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static const uint64_t namespace_flags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
	CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME;

/* Out of the way of 0 to 2 and of whatever small numbers the program is to get. */
static int move_high(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 1000);
	if (high < 0)
		return fd; /* a low RLIMIT_NOFILE: it is close-on-exec where it is, too */
	close(fd);
	return high;
}

int op_PIDFD(struct run *run, const union argument *args)
{
	int fd = sys_pidfd_open((pid_t)args[0].u);
	if (fd < 0)
		return -1;
	/* The pidfd holds on to one process; if that is the one meant, it is so for good. */
	if (process_start_time((pid_t)args[0].u) != args[1].u) {
		close(fd);
		return refuse(run, ESRCH, "process %llu was replaced by another", (unsigned long long)args[0].u);
	}
	return slot_fill(run, args[2], fd);
}

int op_SETNS(struct run *run, const union argument *args)
{
	return setns(slot_optional(run, args[0]), (int)args[1].u);
}

int op_UNSHARE(struct run *run, const union argument *args)
{
	return unshare((int)args[0].u);
}

static void become_child(struct run *run, int report, int sync)
{
	close(run->client);
	run->client = -1;
	run->report = report;
	run->sync = sync;
	run->in_child = true;
}

/* The pid as our own procfs has it, wherever the process was cloned from. */
static pid_t pid_of(int pidfd)
{
	char path[48], text[512];
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	closing(fd, 0);
	text[got < 0 ? 0 : got] = 0;
	const char *line = strstr(text, "Pid:");
	return line ? (pid_t)atoi(line + 4) : -1;
}

/*
 * The child is to be born in an existing user namespace, whose its other new namespaces then are. The launcher could not come back from
 * there, so a helper goes, with which it shares the descriptors; what that clones is the launcher's child all the same (CLONE_PARENT).
 */
static pid_t clone_in(struct run *run, int userns, struct clone_args *clone, int *pidfd)
{
	struct clone_args helper = { .flags = CLONE_FILES, .exit_signal = SIGCHLD };
	int status = 0, place = fcntl(userns, F_DUPFD_CLOEXEC, 3);
	clone->flags |= CLONE_PARENT;
	clone->exit_signal = 0; /* ours */
	pid_t pid = place < 0 ? -1 : sys_clone3(&helper);
	if (pid == 0) {
		pid = setns(userns, CLONE_NEWUSER) == 0 ? sys_clone3(clone) : -1;
		if (pid == 0)
			return 0;
		_exit(pid > 0 && dup3(*pidfd, place, O_CLOEXEC) == place && close(*pidfd) == 0 ? 0 : errno);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (pid < 0 || status != 0) {
		errno = pid < 0 ? errno : WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
		return closing(place, fail(run, "in the user namespace that is joined"));
	}
	*pidfd = place;
	return pid_of(place);
}

int op_CLONE(struct run *run, const union argument *args)
{
	int report[2], sync[2], pidfd = -1;
	int cgroup = slot_optional(run, args[1]);
	if (args[0].u & ~namespace_flags)
		return refuse(run, EINVAL, "flags that are not namespaces");
	if (pipe2(report, O_CLOEXEC) != 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) != 0) {
		close(report[0]), close(report[1]);
		return -1;
	}
	report[1] = move_high(report[1]);
	sync[1] = move_high(sync[1]);
	struct clone_args clone = {
		.flags = args[0].u | CLONE_PIDFD | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
	};
	pid_t pid = slot_at(args[2], 0) == SLOT_NONE ? sys_clone3(&clone) : clone_in(run, slot_optional(run, args[2]), &clone, &pidfd);
	int other = pid == 0 ? 0 : 1; /* the ends of the other side */
	closing(report[other], closing(sync[other], 0));
	if (pid < 0)
		return closing(report[0], closing(sync[0], -1));
	if (pid == 0) {
		become_child(run, report[1], sync[1]);
		return 0;
	}
	run->report = report[0];
	run->sync = sync[0];
	run->pidfd = pidfd;
	run->child = pid;
	return 0;
}

/* Moving oneself into a cgroup of v2 waits for a grace period of RCU, 8 to 20 ms on 6.18; to be born in it costs a tenth of a millisecond. */
int op_REHOME(struct run *run, const union argument *args)
{
	struct clone_args clone = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)slot_optional(run, args[0]),
	};
	pid_t pid = sys_clone3(&clone);
	if (pid > 0)
		_exit(0);
	return pid;
}

static int write_map(struct run *run, pid_t pid, const char *file, union argument map)
{
	char path[48];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return write_file(AT_FDCWD, path, map.b.data, map.b.length) == 0 ? 0 : fail(run, "%s", path);
}

int op_IDMAP(struct run *run, const union argument *args)
{
	return write_map(run, run->child, "uid_map", args[0]) || write_map(run, run->child, "gid_map", args[1]) ? -1 : 0;
}

/* A namespace lives as long as a descriptor of it; only to be mapped it needs a process. */
int op_USERNS(struct run *run, const union argument *args)
{
	char path[32];
	struct clone_args clone = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&clone);
	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	int fd = write_map(run, pid, "uid_map", args[0]) || write_map(run, pid, "gid_map", args[1]) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	int error = errno;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	errno = error;
	return slot_fill(run, args[2], fd);
}

int op_OPENCHILD(struct run *run, const union argument *args)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d", (int)run->child);
	int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	return slot_fill(run, args[2], closing(dir, lookup_resolve(dir, args[0].s, args[1].u, 0, 0)));
}
