/* For engines that create a container now and start it later, and that keep its terminal themselves. */
#include "run.h"

#include <sys/socket.h>
#include <sys/un.h>
#include "frame.h"
#include "tree.h"

static _Noreturn void end_by_signal(int number)
{
	_exit(128 + number);
}

/* PID 1 of a namespace is deaf to signals without a handler, but who waits here must be possible to end. EXEC undoes it. */
static void heed_signals(void)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction action = { .sa_handler = end_by_signal };
	sigset_t none;
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		sigaction(ending[i], &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Says now what EXEC would say of a program that is not there, when somebody still waits for the answer. An answer that a filter gives in
 * the kernel's place (ENOSYS, EPERM) tells nothing.
 */
static int find_candidate(struct run *run, char *const *candidates, uint32_t count)
{
	const char *denied = NULL, *candidate = "";
	int error = ENOENT;
	for (uint32_t i = 0; i < count; i++) {
		candidate = candidates[i];
		if (syscall(SYS_faccessat2, AT_FDCWD, candidate, X_OK, AT_EACCESS) == 0)
			return 0;
		error = errno;
		if (error == EACCES)
			denied = candidate;
		else if (error != ENOENT && error != ENOTDIR)
			return 0;
	}
	errno = denied ? EACCES : error;
	return fail(run, "%.1000s", denied ? denied : candidate);
}

/*
 * The launcher is told that all is done, and leaves. What follows is reported to whoever starts the container: it has written a byte to
 * one FIFO and reads the other. No more than read, write and close is needed, since a filter may be in force already.
 */
int op_STARTWAIT(struct run *run, const union argument *args)
{
	char go;
	uint16_t start_slot = slot_at(args[0], 0), reply_slot = slot_at(args[1], 0);
	int start = run->slots[start_slot];
	if (find_candidate(run, args[2].v.list, args[2].v.count) != 0)
		return -1;
	close_slots(run, start_slot, reply_slot); /* nobody who may look into what waits here is to find a way to the host */
	heed_signals();
	if (frame_write(run->report, FRAME_EXECUTING, 0, NULL, 0) != 0)
		return -1;
	close(run->report);
	run->report = run->slots[reply_slot];
	run->slots[reply_slot] = -1;
	if (read(start, &go, 1) != 1)
		return -1;
	close(start);
	run->slots[start_slot] = -1;
	return 0;
}

/* One descriptor, with a text as the message's data: what runc's callers expect of a console socket, and the agent of a seccomp filter. */
int op_SENDFD(struct run *run, const union argument *args)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct iovec text[16];
	char pid[16];
	size_t parts = 0, digits = (size_t)snprintf(pid, sizeof(pid), "%d", (int)run->child);
	for (uint32_t i = 0; i < args[2].v.count && parts + 2 <= sizeof(text) / sizeof(*text); i++) {
		if (i)
			text[parts++] = (struct iovec){ pid, digits };
		text[parts++] = (struct iovec){ args[2].v.list[i], strlen(args[2].v.list[i]) };
	}
	size_t length = strlen(args[1].s);
	if (length >= sizeof(address.sun_path))
		return failing(ENAMETOOLONG);
	memcpy(address.sun_path, args[1].s, length);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int result = connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1));
	if (result == 0)
		result = send_descriptors(fd, text, parts, &run->slots[slot_at(args[0], 0)], 1);
	return closing(fd, result);
}

/* What the plan has made lives as long as the launcher, which from here on serves it. */
int op_SERVE(struct run *run, const union argument *args)
{
	int number = (int)args[1].u, fd = run->slots[slot_at(args[0], 0)];
	if (args[1].u < TREE_FD_FIRST || args[1].u > 1023)
		return refuse(run, EINVAL, "descriptor number");
	if (fd != number && dup3(fd, number, O_CLOEXEC) < 0)
		return -1;
	exit(tree_main(run->client));
}
