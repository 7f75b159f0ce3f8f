#include "main.h"

#include <limits.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "protocol.h"

extern char **environ;

/* Names the descriptor at which a launcher waits for a plan. */
#define WAITING_LAUNCHER "WHERRY_LAUNCHER"

/*
 * The runtime in the engine obeys the first three before any code of ours runs (BUN_OPTIONS=--preload=x runs x); the last is for us
 * to set.
 */
static int dangerous(const char *variable)
{
	return !strncmp(variable, "BUN_", 4) || !strncmp(variable, "JSC_", 4) || !strncmp(variable, "NODE_", 5) ||
		!strncmp(variable, WAITING_LAUNCHER "=", sizeof(WAITING_LAUNCHER));
}

static int sibling(const char *name, char path[PATH_MAX + 16])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
	if (length <= 0)
		return -1;
	path[length] = 0;
	strcpy(strrchr(path, '/') + 1, name);
	return 0;
}

/* Other engines' runtime by a link's name (src/cli/main.ts): its processes get its caller's streams, which a waiting launcher has not. */
static int is_runtime(const char *name)
{
	const char *slash = strrchr(name, '/');
	name = slash ? slash + 1 : name;
	return !strcmp(name, "wherry-oci") || !strcmp(name, "wherry-runc");
}

/* The verbs that begin by starting a process. A wrong guess costs a process that ends by itself. */
static int begins_with_launch(char *const argv[])
{
	static const char *const verbs[] = { "run", "exec", "start" };
	if (argv[0] && is_runtime(argv[0]))
		return 0;
	char *const *word = argv[0] ? argv + 1 : argv;
	while (*word && **word == '-') {
		int takes_next = !strcmp(*word, "--root") || !strcmp(*word, "--run-root");
		word += takes_next && word[1] ? 2 : 1;
	}
	for (size_t i = 0; *word && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(*word, verbs[i]))
			return 1;
	return 0;
}

/* As the engine would start it: a session of its own, nothing of the caller's. */
static _Noreturn void become_launcher(int socket)
{
	char path[PATH_MAX + 16];
	static char label[] = LABEL_FILLER;
	char *const argv[] = { "launcher", "plan", label, NULL };
	char *const envp[] = { NULL };
	if (setsid() >= 0 && chdir("/") == 0 && dup2(socket, CLIENT_DESCRIPTOR) >= 0 && sys_close_range(CLIENT_DESCRIPTOR + 1, ~0U, 0) == 0 &&
	    close(0) == 0 && open("/dev/null", O_RDWR) == 0 && dup2(0, 1) == 1 && dup2(0, 2) == 2 && sibling("launcher", path) == 0)
		execve(path, argv, envp);
	_exit(127);
}

/*
 * The launcher's own start goes on beside the engine's, which takes some milliseconds: by the time there is a plan, it waits for it. If
 * this fails, the engine starts one itself. The process in between leaves it to init, since the engine does not reap it.
 */
static void start_waiting_launcher(void)
{
	static char variable[sizeof(WAITING_LAUNCHER) + 12];
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return;
	pid_t between = fork();
	if (between == 0) {
		if (fork() == 0)
			become_launcher(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (between > 0)
		waitpid(between, NULL, 0);
	snprintf(variable, sizeof(variable), WAITING_LAUNCHER "=%d", ends[0]);
	if (between < 0 || putenv(variable) != 0)
		close(ends[0]);
}

int front(char **argv)
{
	static char interpret[] = "BUN_JSC_useJIT=0";
	char path[PATH_MAX + 16];
	char **kept = environ;
	for (char **variable = environ; *variable; variable++)
		if (!dangerous(*variable))
			*kept++ = *variable;
	*kept = NULL;
	/* The tests of a faulty one tell it by environment and arguments where to fail. */
	if (!FAULT_BUILD && begins_with_launch(argv)) {
		start_waiting_launcher();
		/* Nothing runs twice on the way to a container: compiling would only take the launcher's processor (a quarter of the time in all). */
		putenv(interpret);
	}
	int found = sibling("engine", path) == 0;
	if (found)
		execve(path, argv, environ);
	fprintf(stderr, "wherry: can't start `%s`: %s\n", found ? path : "engine", strerror(errno));
	return 125;
}
