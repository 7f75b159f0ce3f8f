/*
 * Times whole processes: vfork, exec, wait. Node's own spawn costs a millisecond or more, which would hide what is measured.
 *
 *   stopwatch [-m MOUNT-NAMESPACE] PROGRAM [ARGUMENT...]
 *
 * runs it with stdio on /dev/null, inside that mount namespace if one is given; prints microseconds and the exit code.
 */
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	struct timespec start, end;
	int status, error, mounts;
	pid_t pid;

	if (argc > 3 && strcmp(argv[1], "-m") == 0) {
		mounts = open(argv[2], O_RDONLY | O_CLOEXEC);
		if (mounts < 0 || setns(mounts, CLONE_NEWNS) < 0) {
			perror(argv[2]);
			return 1;
		}
		argv += 2;
		argc -= 2;
	}

	if (argc < 2)
		return 64;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	error = posix_spawnp(&pid, argv[1], &actions, NULL, argv + 1, environ);
	if (error) {
		fprintf(stderr, "%s: spawn error %d\n", argv[1], error);
		return 1;
	}
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%lld %d\n", (end.tv_sec - start.tv_sec) * 1000000LL + (end.tv_nsec - start.tv_nsec) / 1000,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
