/*
 * launcher plan [LABEL] | tree: what src/ asks of the kernel (protocol.h, docs/tree-protocol.md). The label is for ps(1), and for
 * whoever looks for the launcher of a dead client.
 * launcher signal PID STARTTIME SIGNO: signal.c.
 * launcher front ..., or this program under any other name (dist/wherry): starts `engine`, which lies beside it.
 */
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include "frame.h"
#include "main.h"
#include "run.h"
#include "tree.h"

extern char **environ;

/* Numbers 0 to 2 must not go to descriptors that matter. */
static int fill_stdio(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3 && fcntl(fd, F_SETFD, 0) == 0);
	return fd < 0 ? -1 : close(fd);
}

static int refuse_plan(uint32_t index, int error, const char *detail)
{
	frame_write_error(CLIENT_DESCRIPTOR, index, error, detail);
	return 1;
}

/* Overwrites the argument, where ps(1) and whoever looks for us read it: a launcher that waited was started without knowing whose it is. */
static int take_label(char *argument, uint32_t length)
{
	size_t room = argument ? strlen(argument) : 0;
	if (length > room || read_exactly(CLIENT_DESCRIPTOR, argument, length) != 0)
		return -1;
	memset(argument + length, 0, room - length);
	return 0;
}

static int plan_main(char **argv)
{
	struct frame frame;
	struct plan plan;
	struct plan_refusal refusal;
	if (fcntl(CLIENT_DESCRIPTOR, F_GETFD) < 0) {
		fputs("launcher: started by wherry, with a socket as descriptor 3\n", stderr);
		return 2;
	}
	if (fill_stdio() != 0 || protect_executable(argv, environ) != 0)
		return refuse_plan(NO_OPERATION, errno, "protecting the launcher's executable");
	/* A file, unlike a socket, does not tell that the client has died: what it wanted is not wanted any more, and its locks are others'. */
	struct stat st;
	if (fstat(CLIENT_DESCRIPTOR, &st) == 0 && S_ISREG(st.st_mode)) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
			return refuse_plan(NO_OPERATION, errno, "PR_SET_PDEATHSIG");
		if (argv[2] && atoi(argv[2]) != getppid())
			return 1; /* the client, whose pid is the label here, died before that */
	}
	reset_signals(); /* here, where nobody waits for it, and not before each exec */
	/* Nobody else may trace us or use our descriptors, whatever namespace we enter (CVE-2016-9962). */
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || fcntl(CLIENT_DESCRIPTOR, F_SETFD, FD_CLOEXEC) != 0)
		return refuse_plan(NO_OPERATION, errno, "PR_SET_DUMPABLE");
	/* KEYRING may fail in a container that has used up its quota: the keys of our caller must be out of reach by then. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return refuse_plan(NO_OPERATION, errno, "a session keyring for the launcher");
	int got = frame_read_header(CLIENT_DESCRIPTOR, &frame);
	if (got == 1 && frame.type == FRAME_LABEL && take_label(argv[2], frame.length) == 0)
		got = frame_read_header(CLIENT_DESCRIPTOR, &frame);
	if (got == 0)
		return 0; /* started for a plan that did not come */
	if (got != 1 || frame.type != FRAME_PLAN)
		return refuse_plan(NO_OPERATION, EPROTO, "the first frame must be a plan");
	unsigned char *data = malloc((size_t)frame.length + 1);
	if (!data || read_exactly(CLIENT_DESCRIPTOR, data, frame.length) != 0)
		return refuse_plan(NO_OPERATION, errno, "reading the plan");
	if (plan_decode(&plan, data, frame.length, &refusal) != 0)
		return refuse_plan(refusal.index, EINVAL, refusal.field);
	plan.data = data;
	return plan_execute(&plan, CLIENT_DESCRIPTOR);
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
	name = name ? name + 1 : argc > 0 ? argv[0] : "";
	if (strncmp(name, "launcher", 8) != 0)
		return front(argv);
	if (argc > 1 && !strcmp(argv[1], "front"))
		return front(argv + 1);
	if ((argc == 2 || argc == 3) && !strcmp(argv[1], "plan"))
		return plan_main(argv);
	if (argc == 2 && !strcmp(argv[1], "tree"))
		return tree_main(CLIENT_DESCRIPTOR);
	if (argc > 1 && !strcmp(argv[1], "signal"))
		return signal_main(argc - 1, argv + 1);
	if (argc == 3 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]); /* how the engine ends: without the runtime's own clearing up (src/cli/leave.ts) */
	if (argc == 2 && !strcmp(argv[1], "version")) {
		printf("plan protocol %d\n", PLAN_VERSION);
		return 0;
	}
	fputs("usage: launcher plan [LABEL] | tree | signal PID STARTTIME SIGNO | version | exit STATUS | front ARGUMENT...\n", stderr);
	return 2;
}
