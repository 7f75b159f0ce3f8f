/*
 * The exit hook: run when no client does what follows the exit. It may ask to be run again later (restart back-off).
 */
#include "monitor-state.h"

#include <sys/wait.h>

enum { HOOK_AGAIN = 75 /* EX_TEMPFAIL, sysexits.h */, HOOK_PIPE = 3 };
static const long long hook_delay_max_ms = 24LL * 3600 * 1000;

static _Noreturn void run_hook(const struct monitor *monitor, int pipe_end)
{
	int null = open("/dev/null", O_RDWR);

	reset_signals();
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(126);
	if (pipe_end == HOOK_PIPE ? fcntl(pipe_end, F_SETFD, 0) < 0 : dup2(pipe_end, HOOK_PIPE) < 0)
		_exit(126);
	sys_close_range(HOOK_PIPE + 1, ~0U, 0);
	execve(monitor->hook_argv[0], monitor->hook_argv, monitor->hook_env);
	_exit(127);
}

static void hook_ready(struct monitor *monitor, struct source *source, uint32_t events)
{
	char text[24];
	int status = 0;
	if (waitpid(monitor->hook_pid, &status, WNOHANG) == 0)
		return;
	source_close(monitor, source);
	ssize_t n = read(monitor->hook_pipe, text, sizeof(text) - 1);
	close(monitor->hook_pipe);
	monitor->hook_pipe = -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == HOOK_AGAIN && n > 0) {
		char *end;
		text[n] = '\0';
		errno = 0;
		long long delay = strtoll(text, &end, 10);
		if (end != text && errno == 0 && delay >= 0)
			monitor->hook_at = monotonic_ms() + (delay < hook_delay_max_ms ? delay : hook_delay_max_ms);
	}
}

void hook_start(struct monitor *monitor)
{
	int ends[2];
	if (!monitor->hook_argv[0] || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	monitor->hook_pid = fork();
	if (monitor->hook_pid == 0)
		run_hook(monitor, ends[1]);
	close(ends[1]);
	if (monitor->hook_pid < 0) {
		close(ends[0]);
		return;
	}
	monitor->hook_pipe = ends[0];
	int pidfd = sys_pidfd_open(monitor->hook_pid);
	if (pidfd < 0) {
		close(ends[0]);
		return;
	}
	source_open(&monitor->hook, pidfd, hook_ready);
}
