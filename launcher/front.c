#include "main.h"

#include <limits.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "protocol.h"

extern char **environ;

/* Names the descriptor at which a launcher waits for a plan. */
#define WAITING_LAUNCHER "WHERRY_LAUNCHER"

enum { HUGE_PAGE = 2 << 20 };

/* Under it the engine finds what its caller has set and its runtime must not see: `run -e NODE_ENV` passes it on. */
#define CALLERS "WHERRY_CALLERS_"

/* The runtime in the engine and its allocator obey these before any code of ours runs (BUN_OPTIONS=--preload=x runs x). */
static int dangerous(const char *variable)
{
	return !strncmp(variable, "BUN_", 4) || !strncmp(variable, "JSC_", 4) || !strncmp(variable, "NODE_", 5) ||
		!strncasecmp(variable, "mimalloc_", 9);
}

/* Only for us to set. */
static int ours(const char *variable)
{
	return !strncmp(variable, WAITING_LAUNCHER "=", sizeof(WAITING_LAUNCHER)) || !strncmp(variable, CALLERS, strlen(CALLERS));
}

static char *renamed(const char *variable)
{
	size_t size = strlen(CALLERS) + strlen(variable) + 1;
	char *name = malloc(size);
	if (name)
		snprintf(name, size, CALLERS "%s", variable);
	return name;
}

static void clean_environment(void)
{
	char **kept = environ;
	for (char **variable = environ; *variable; variable++) {
		char *keep = ours(*variable) ? NULL : dangerous(*variable) ? renamed(*variable) : *variable;
		if (keep)
			*kept++ = keep;
	}
	*kept = NULL;
}

/* Where one is closed, what is opened first would have its number: a socket of ours would be read as if typed, output go into the state. */
static void open_missing_stdio(void)
{
	int fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR);
	closing(fd, 0);
}

/*
 * The first start after boot reads the engine whole, which takes no longer than its page faults would: then the page cache holds it in
 * pieces of 2 MiB, which is what MADV_HUGEPAGE is for, and not in those of 4 KiB that faults would leave there for all later starts
 * (docs/adr/0019). Whether its first page is there is asked without waiting.
 */
static void read_when_cold(const char *path)
{
	char byte;
	struct stat st;
	struct iovec part = { &byte, 1 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && syscall(SYS_preadv2, fd, &part, 1, 0L, 0L, RWF_NOWAIT) < 0 && errno == EAGAIN && fstat(fd, &st) == 0) {
		volatile char *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (file != MAP_FAILED && madvise((char *)file, (size_t)st.st_size, MADV_HUGEPAGE) == 0)
			for (off_t at = 0; at < st.st_size; at += HUGE_PAGE)
				(void)file[at];
	}
	closing(fd, 0);
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

/* What a command begins with: no process, one with nothing of its caller's, or one with its caller's streams. */
enum launch { NO_LAUNCH, LAUNCH, LAUNCH_WITH_STDIO };

static int is_among(const char *word, const char *const list[])
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return 1;
	return 0;
}

/* Other engines' runtime, by a link's name or by its first word (src/cli/main.ts). */
static int is_runtime(char *const argv[])
{
	static const char *const names[] = { "wherry-oci", "wherry-runc", NULL };
	const char *slash = strrchr(argv[0], '/');
	return is_among(slash ? slash + 1 : argv[0], names) || (argv[1] && !strcmp(argv[1], "oci"));
}

/* The first word behind the global flags, or an empty one. */
static const char *find_verb(char *const argv[], int runtime)
{
	static const char *const taking[] = { "--root", "--run-root", "--log", "--log-format", "--cgroup-manager", "--rootless", NULL };
	if (!argv[0] || !argv[1])
		return "";
	char *const *word = argv + (runtime && !strcmp(argv[1], "oci") ? 2 : 1);
	while (*word && **word == '-')
		word += is_among(*word, taking) && word[1] ? 2 : 1;
	return *word ? *word : "";
}

/* A wrong guess costs a process that ends by itself. */
static enum launch begins_with_launch(const char *verb, int runtime)
{
	static const char *const verbs[] = { "run", "exec", "start", NULL };
	static const char *const runtime_verbs[] = { "create", "run", "exec", NULL };
	if (!is_among(verb, runtime ? runtime_verbs : verbs))
		return NO_LAUNCH;
	return runtime ? LAUNCH_WITH_STDIO : LAUNCH;
}

/* Reads archives or long streams, or may (`image load`). A wrong guess costs time. */
static int computes(const char *verb, int runtime)
{
	static const char *const verbs[] = { "attach", "commit", "cp", "demo", "diff", "export", "import", "load", "logs", "pull", "push", "save",
		"container", "image", "system", "volume", NULL };
	return !runtime && is_among(verb, verbs);
}

static int drop_stdio(void)
{
	return close(0) == 0 && open("/dev/null", O_RDWR) == 0 && dup2(0, 1) == 1 && dup2(0, 2) == 2;
}

/* As the engine would start it: a session of its own, nothing of the caller's but the streams, if they are wanted. */
static _Noreturn void become_launcher(int socket, enum launch launch)
{
	char path[PATH_MAX + 16];
	static char label[] = LABEL_FILLER;
	char *const argv[] = { "launcher", "plan", label, NULL };
	char *const envp[] = { NULL };
	if (setsid() >= 0 && chdir("/") == 0 && dup2(socket, CLIENT_DESCRIPTOR) >= 0 && sys_close_range(CLIENT_DESCRIPTOR + 1, ~0U, 0) == 0 &&
	    (launch == LAUNCH_WITH_STDIO || drop_stdio()) && sibling("launcher", path) == 0)
		execve(path, argv, envp);
	_exit(127);
}

/*
 * The launcher's own start goes on beside the engine's, which takes some milliseconds: by the time there is a plan, it waits for it. If
 * this fails, the engine starts one itself. The process in between leaves it to init, since the engine does not reap it.
 */
static void start_waiting_launcher(enum launch launch)
{
	static char variable[sizeof(WAITING_LAUNCHER) + 12];
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return;
	pid_t between = fork();
	if (between == 0) {
		if (fork() == 0)
			become_launcher(ends[1], launch);
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
	static char interpret[] = "BUN_JSC_useJIT=0", optimize_late[] = "BUN_JSC_thresholdForOptimizeAfterWarmUp=20000";
	char path[PATH_MAX + 16];
	open_missing_stdio();
	clean_environment();
	/* The tests of a faulty one tell it by environment and arguments where to fail. */
	int runtime = argv[0] && is_runtime(argv);
	const char *verb = find_verb(argv, runtime);
	enum launch launch = FAULT_BUILD ? NO_LAUNCH : begins_with_launch(verb, runtime);
	if (launch != NO_LAUNCH)
		start_waiting_launcher(launch);
	/*
	 * Nothing runs twice in a short command: compiling would only take the processor (a quarter of a run's time in all). Others compile, but what
	 * an image of ten thousand files needs does not repay being optimized (a third of a commit's processor time); a larger one's does.
	 */
	putenv(computes(verb, runtime) ? optimize_late : interpret);
	int found = sibling("engine", path) == 0;
	if (found) {
		read_when_cold(path);
		execve(path, argv, environ);
	}
	fprintf(stderr, "wherry: can't start `%s`: %s\n", found ? path : "engine", strerror(errno));
	return 125;
}
