/* Hooks: programs that somebody else runs at points of a container's life, with its state on their standard input. */
#include "run.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The parts of the state with the pid between them. In the child it is that of its own namespace, as the specification wants. */
static int open_state(const struct run *run, union argument parts)
{
	int pid = run->in_child ? (int)getpid() : (int)run->child, fd = memfd_create("state", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	for (uint32_t i = 0; i < parts.v.count; i++)
		i ? dprintf(fd, "%d%s", pid, parts.v.list[i]) : dprintf(fd, "%s", parts.v.list[i]);
	return lseek(fd, 0, SEEK_SET) == 0 ? fd : closing(fd, -1);
}

static _Noreturn void become_hook(const struct run *run, const union argument *args, int state, int output)
{
	reset_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid(); /* so that a timeout reaches what it started, too */
	if (!run->masked)
		umask(run->umask);
	if (dup2(state, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2 && sys_close_range(3, ~0U, 0) == 0)
		execve(args[0].s, args[1].v.list, args[2].v.list);
	dprintf(2, "%s", strerror(errno));
	_exit(127);
}

/* What a hook without a timeout still has when nobody waits for the container any more: it may be half-way through changing the host. */
enum { ORPHANED_MS = 10000 };

/* Keeps the beginning of what the hook says in `text`. 1 when it has ended, 0 when its time is over. */
static int await_hook(int pidfd, int output, int client, uint64_t timeout_ms, char text[], size_t room)
{
	int64_t end = monotonic_ms() + (int64_t)timeout_ms;
	size_t used = 0;
	for (;;) {
		struct pollfd polls[3] = { { output, POLLIN, 0 }, { pidfd, POLLIN, 0 }, { client, 0, 0 } };
		int64_t left = end - monotonic_ms();
		int ready = poll(polls, 3, timeout_ms == 0 ? -1 : left > INT32_MAX ? INT32_MAX : left > 0 ? (int)left : 0);
		if (ready <= 0)
			return ready;
		if (polls[2].revents) {
			end = monotonic_ms() + (int64_t)(timeout_ms = ORPHANED_MS);
			client = -1;
			continue;
		}
		if (!polls[0].revents)
			return 1;
		char chunk[512];
		ssize_t got = read(output, chunk, sizeof(chunk));
		if (got <= 0)
			output = -1;
		for (ssize_t i = 0; i < got && used + 1 < room; i++)
			text[used++] = chunk[i];
		text[used] = 0;
	}
}

/* Waits, ends it when it has to, and judges. */
static int finish_hook(struct run *run, pid_t pid, int output, uint64_t timeout_ms)
{
	char text[900] = "";
	siginfo_t info = { 0 };
	int pidfd = sys_pidfd_open(pid);
	int ended = pidfd < 0 ? -1 : await_hook(pidfd, output, run->in_child || timeout_ms ? -1 : run->client, timeout_ms, text, sizeof(text));
	int error = errno;
	if (ended != 1)
		kill(-pid, SIGKILL), kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED);
	closing(pidfd, 0);
	errno = ended < 0 ? error : ended == 0 ? ETIMEDOUT : ECANCELED;
	if (ended < 0)
		return fail(run, "waiting for it");
	if (ended == 0)
		return fail(run, "ended after %llu ms: %s", (unsigned long long)timeout_ms, text);
	if (info.si_code == CLD_EXITED && info.si_status == 0)
		return 0;
	return fail(run, "%s %d: %s", info.si_code == CLD_EXITED ? "it exited with status" : "it was killed by signal", info.si_status, text);
}

int op_HOOK(struct run *run, const union argument *args)
{
	int output[2], state = open_state(run, args[3]);
	if (state < 0)
		return -1;
	if (pipe2(output, O_CLOEXEC) != 0)
		return closing(state, -1);
	pid_t pid = fork(); /* docker's filter knows no clone3 */
	if (pid == 0)
		become_hook(run, args, state, output[1]);
	closing(state, closing(output[1], 0));
	return closing(output[0], pid < 0 ? -1 : finish_hook(run, pid, output[0], args[4].u));
}
