/*
 * A monitor without a plan, for test/integration/monitor.test.ts. It speaks as `launcher plan` does, but the payload of its
 * PLAN is a list of strings, each with a NUL: pipe|pty RUNDIR FLAGS LOG BYTES FILES BUFFER HOOK COMMAND...
 * HOOK: a program that is run after the exit, "" none.
 */
#define _GNU_SOURCE
#include "../monitor.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../frame.h"

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static void tell_started(pid_t pid)
{
	unsigned char frame[FRAME_HEADER + 32] = {0};

	/* start times are zero: nobody here asks for them */
	put32(frame, 32);
	frame[4] = FRAME_STARTED;
	put32(frame + FRAME_HEADER, (uint32_t)pid);
	put32(frame + FRAME_HEADER + 12, (uint32_t)getpid());
	if (write(CLIENT_DESCRIPTOR, frame, sizeof(frame)) != sizeof(frame))
		die("write");
}

static void run_child(char **command, int terminal, int in, int out, int err)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	if (terminal)
		ioctl(in, TIOCSCTTY, 0);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	syscall(SYS_close_range, 3, ~0U, 0);
	execvp(command[0], command);
	_exit(127);
}

/* The strings of the PLAN frame, NULL-terminated. */
static char **read_plan(void)
{
	static char *list[64];
	struct frame frame;
	size_t count = 0;
	char *bytes;

	if (frame_read_header(CLIENT_DESCRIPTOR, &frame) != 1)
		die("frame");
	bytes = calloc(1, (size_t)frame.length + 1);
	if (!bytes || read_exactly(CLIENT_DESCRIPTOR, bytes, frame.length) != 0)
		die("plan");
	for (char *at = bytes; at < bytes + frame.length && count < 63; at += strlen(at) + 1)
		list[count++] = at;
	if (count < 9)
		die("plan");
	return list;
}

int main(void)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, master = -1, slave = -1;
	struct monitor_args args = {.client = CLIENT_DESCRIPTOR, .console = -1, .in = -1, .out = -1, .err = -1};
	char **plan = read_plan();
	char *hook[] = {plan[7][0] ? plan[7] : NULL, NULL};
	pid_t pid;

	if (strcmp(plan[0], "pty") == 0) {
		master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (master < 0 || unlockpt(master) < 0 || (slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY)) < 0)
			die("pty");
	} else if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0) {
		die("pipe");
	}
	pid = fork();
	if (pid == 0)
		run_child(plan + 8, slave >= 0, slave >= 0 ? slave : in[0], slave >= 0 ? slave : out[1], slave >= 0 ? slave : err[1]);
	args.pid = pid;
	args.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	args.console = master;
	args.in = in[1];
	args.out = out[0];
	args.err = err[0];
	args.rundir = plan[1];
	args.flags = strtoull(plan[2], NULL, 10);
	args.log_path = plan[3];
	args.log_bytes = strtoull(plan[4], NULL, 10);
	args.log_files = strtoull(plan[5], NULL, 10);
	args.buffer = strtoull(plan[6], NULL, 10);
	args.hook_argv = hook;
	args.hook_env = environ;
	if (monitor_prepare(args.rundir, args.flags, &args.listener) < 0)
		die("attach.sock");
	tell_started(pid);
	return monitor_run(&args);
}
