/*
 * A static program that tests run as a container's process, so that they need no image and no libc inside.
 *
 *   payload VERB [ARGUMENT...]
 */
#include "payload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

long number_argument(int argc, char **argv, int index, long otherwise)
{
	return argc > index ? strtol(argv[index], NULL, 10) : otherwise;
}

static int verb_exit(int argc, char **argv)
{
	return (int)number_argument(argc, argv, 1, 0);
}

static int verb_die(int argc, char **argv)
{
	raise((int)number_argument(argc, argv, 1, SIGKILL));
	return 1; /* PID 1 is not killed by its own signals */
}

static int verb_sleep(int argc, char **argv)
{
	long seconds = number_argument(argc, argv, 1, -1);

	puts("ready");
	fflush(stdout);
	if (seconds < 0)
		for (;;)
			pause();
	sleep((unsigned int)seconds);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;
} verbs[] = {
	{ "exit", verb_exit, "[CODE]: ends at once" },
	{ "die", verb_die, "[SIGNAL]: kills itself" },
	{ "sleep", verb_sleep, "[SECONDS]: says ready, then sleeps (for ever)" },
	{ "identity", verb_identity, ": who and where it is, as JSON" },
	{ "eat", verb_eat, "MIB: touches memory, a line for each MiB, then holds it" },
	{ "spin", verb_spin, "MILLISECONDS: burns one CPU" },
	{ "forks", verb_forks, "COUNT: forks sleeping children, tells how many it got" },
	{ "orphans", verb_orphans, "COUNT: leaves zombies to PID 1" },
	{ "copy", verb_copy, ": standard input to standard output" },
	{ "pattern", verb_pattern, "BYTES [FD]: writes bytes that `sum` knows" },
	{ "sum", verb_sum, ": counts and checks standard input" },
	{ "interleave", verb_interleave, "LINES: alternating lines on both streams" },
	{ "signals", verb_signals, "[IGNORED...]: says ready, tells each signal that arrives; TERM after QUIT ends it" },
	{ "terminal", verb_terminal, "[RESIZES]: says isatty and size, then each new size" },
	{ "try", verb_try, "OPERATION ARGUMENT...: ok or the errno's name" },
	{ "syscalls", verb_syscalls, "FROM TO: what each system call number answers" },
	{ "leaks", verb_leaks, ": what it has of the host or the launcher, as JSON" },
	{ "keys", verb_keys, ": makes keys until it may have no more, then holds them" },
	{ "watch", verb_watch, ": until TERM, tries to reach into processes that enter the container" },
	{ "overwrite", verb_overwrite, "[PID]: until TERM, tries to write into the program of every other process, or of one" },
	{ "release-agent", verb_release_agent, "[CONTROLLER [anew]]: tries to write a v1 hierarchy's release agent, from namespaces of its own" },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(stderr, "payload %s %s\n", verbs[i].name, verbs[i].usage);
	return 64;
}
