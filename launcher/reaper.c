/* --init: PID 1 of the container stays behind, forwards signals and reaps. */
#include "run.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* As execve(2) takes them from whoever isn't root; nothing is executed here. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { 0 };
	if (geteuid() != 0)
		syscall(SYS_capset, &header, none);
}

/* Never returns: exits as the child did. */
static _Noreturn void reap(pid_t child, const sigset_t *awaited)
{
	drop_capabilities();
	sys_close_range(0, ~0U, 0);
	for (;;) {
		int status, result = -1;
		for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) != 0;) {
			if (pid == child)
				result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
			if (pid < 0 && errno != EINTR)
				break;
		}
		if (result >= 0)
			_exit(result);
		siginfo_t info;
		int signal = sigwaitinfo(awaited, &info);
		if (signal > 0 && signal != SIGCHLD)
			kill(child, signal);
	}
}

int op_REAPER(struct run *run, const union argument *args)
{
	sigset_t awaited, before;
	sigfillset(&awaited);
	/* These are the process's own faults, and of the terminal: a blocked fault could not be told from a signal. */
	static const int own[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU };
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		sigdelset(&awaited, own[i]);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	sigprocmask(SIG_SETMASK, &awaited, &before);
	if (getpid() != 1)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t child = fork();
	if (child < 0)
		return -1;
	if (child > 0)
		reap(child, &awaited);
	if (!run->pdeathsig)
		run->pdeathsig = SIGKILL; /* without a pid namespace it would outlive the reaper */
	if (rearm_pdeathsig(run) != 0 || setpgid(0, 0) != 0)
		return -1;
	tcsetpgrp(0, getpgrp()); /* ENOTTY without a terminal; SIGTTOU is ignored still */
	signal(SIGTTIN, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return 0;
}
