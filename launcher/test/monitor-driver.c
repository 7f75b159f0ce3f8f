/*
 * A monitor without a plan: monitor-driver pipe|pty RUNDIR FLAGS LOG BYTES FILES BUFFER HOOK COMMAND...
 * Descriptor 3 is the starting client. HOOK: a program run after the exit, "" none.
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

#include "../protocol.h"

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static void tell_started(pid_t pid)
{
	unsigned char frame[FRAME_HEADER + 32] = {0};

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

int main(int argc, char **argv)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, master = -1, slave = -1;
	struct monitor_args args = {.client = CLIENT_DESCRIPTOR, .console = -1, .in = -1, .out = -1, .err = -1};
	char *hook[] = {NULL, NULL};
	pid_t pid;

	if (argc < 10)
		return 2;
	if (strcmp(argv[1], "pty") == 0) {
		master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (master < 0 || unlockpt(master) < 0 || (slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY)) < 0)
			die("pty");
	} else if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0) {
		die("pipe");
	}
	pid = fork();
	if (pid == 0)
		run_child(argv + 9, slave >= 0, slave >= 0 ? slave : in[0], slave >= 0 ? slave : out[1], slave >= 0 ? slave : err[1]);
	args.pid = pid;
	args.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	args.console = master;
	args.in = in[1];
	args.out = out[0];
	args.err = err[0];
	args.rundir = argv[2];
	args.flags = strtoull(argv[3], NULL, 10);
	args.log_path = argv[4];
	args.log_bytes = strtoull(argv[5], NULL, 10);
	args.log_files = strtoull(argv[6], NULL, 10);
	args.buffer = strtoull(argv[7], NULL, 10);
	hook[0] = argv[8][0] ? argv[8] : NULL;
	args.hook_argv = hook;
	args.hook_env = environ;
	args.listener = args.flags & MONITOR_NO_LISTENER ? -1 : monitor_listen(args.rundir);
	tell_started(pid);
	return monitor_run(&args);
}
