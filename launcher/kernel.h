/* What every file needs of the C library, and the system calls that it lacks, or wraps with more than the call. */
#ifndef WHERRY_KERNEL_H
#define WHERRY_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/*
 * The launcher has no signal handler that returns, so no call of it but epoll_wait(2) and sigwaitinfo(2) ends early with EINTR (signal(7),
 * "Interruption of system calls and library functions by stop signals").
 */

/* A failure of our own: -1 with that errno. */
static inline int failing(int error)
{
	errno = error;
	return -1;
}

/* Closes what is open, and keeps errno for the caller to report; returns `result`. */
static inline int closing(int fd, int result)
{
	int error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return result;
}

/* Nothing ignored, nothing blocked: both are inherited through execve. */
static inline void reset_signals(void)
{
	sigset_t none;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL); /* EINVAL for some */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static inline uint64_t realtime_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline int64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int sys_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags);
}

static inline int sys_mount_setattr(int dir, const char *path, unsigned flags, const void *attr, size_t size)
{
	return (int)syscall(SYS_mount_setattr, dir, path, flags, attr, size);
}

static inline int sys_fsconfig(int fd, unsigned command, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, command, key, value, aux);
}

static inline int sys_clone3(const struct clone_args *args)
{
	return (int)syscall(SYS_clone3, args, sizeof(*args));
}

static inline int sys_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static inline int sys_pidfd_send_signal(int pidfd, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

static inline int sys_execveat(int fd, char *const argv[], char *const envp[])
{
	return (int)syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
}

#endif
