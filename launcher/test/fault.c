/* In the launcher for test/fault alone: fails, stops or dies just before the operation that the environment names. */
#include "../run.h"

#include <sys/prctl.h>

/* PID 1 of a namespace is immune to its own SIGKILL and SIGSTOP: it traps, or hangs. */
int inject_fault(uint32_t index)
{
	const char *step = getenv("WHERRY_FAULT_STEP"), *action = getenv("WHERRY_FAULT_ACTION");
	if (!step || !action || strtoul(step, NULL, 10) != index)
		return 0;
	if (!strcmp(action, "kill")) {
		kill(getpid(), SIGKILL);
		__builtin_trap();
	}
	if (!strcmp(action, "stop")) {
		prctl(PR_SET_NAME, "fault-stopped"); /* how the tests find it */
		kill(getpid(), SIGSTOP);
		while (getpid() == 1)
			pause();
	}
	errno = EIO;
	return strcmp(action, "exit") ? 0 : -1;
}
