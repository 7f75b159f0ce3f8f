/* Verbs that use up what control groups limit. */
#include "payload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int verb_eat(int argc, char **argv)
{
	long mib = number_argument(argc, argv, 1, 64);

	for (long i = 1; i <= mib; i++) {
		char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (block == MAP_FAILED) {
			perror("mmap");
			return 1;
		}
		memset(block, 0xa5, 1 << 20);
		printf("%ld\n", i);
		fflush(stdout);
	}
	for (;;)
		pause();
}

int verb_spin(int argc, char **argv)
{
	long end = number_argument(argc, argv, 1, 1000);
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < end);
	return 0;
}

int verb_forks(int argc, char **argv)
{
	long wanted = number_argument(argc, argv, 1, 10), got = 0;
	int error = 0;

	while (got < wanted) {
		pid_t pid = fork();

		if (pid < 0) {
			error = errno;
			break;
		}
		if (pid == 0)
			for (;;)
				pause();
		got++;
	}
	printf("%ld %s\n", got, error == EAGAIN ? "EAGAIN" : error ? strerror(error) : "ok");
	fflush(stdout);
	for (;;)
		pause();
}

int verb_orphans(int argc, char **argv)
{
	long count = number_argument(argc, argv, 1, 5);

	for (long i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0) {
			if (fork() == 0) {
				usleep(20000); /* the parent is gone by then, and PID 1 inherits */
				_exit(0);
			}
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
