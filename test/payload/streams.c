/* Verbs about standard input and output, signals and terminals. */
#include "payload.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

int verb_copy(int argc, char **argv)
{
	static char buffer[1 << 16];
	ssize_t length;

	(void)argc, (void)argv;
	while ((length = read(0, buffer, sizeof(buffer))) > 0)
		if (write_all(1, buffer, (size_t)length) < 0)
			return 1;
	return length < 0;
}

/* Byte i of the pattern: no period that a buffer size could share. */
static unsigned char pattern_byte(uint64_t i)
{
	return (unsigned char)((i * 0x9e3779b97f4a7c15ULL) >> 56);
}

int verb_pattern(int argc, char **argv)
{
	static char buffer[1 << 16];
	uint64_t total = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, done = 0;
	int fd = (int)number_argument(argc, argv, 2, 1);

	while (done < total) {
		size_t length = total - done < sizeof(buffer) ? (size_t)(total - done) : sizeof(buffer);

		for (size_t i = 0; i < length; i++)
			buffer[i] = (char)pattern_byte(done + i);
		if (write_all(fd, buffer, length) < 0)
			return 1;
		done += length;
	}
	return 0;
}

int verb_sum(int argc, char **argv)
{
	static unsigned char buffer[1 << 16];
	uint64_t done = 0, wrong = 0;
	ssize_t length;

	(void)argc, (void)argv;
	while ((length = read(0, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < length; i++)
			wrong += buffer[i] != pattern_byte(done + (uint64_t)i);
		done += (uint64_t)length;
	}
	printf("%llu bytes, %llu wrong\n", (unsigned long long)done, (unsigned long long)wrong);
	return length < 0 || wrong;
}

int verb_interleave(int argc, char **argv)
{
	long lines = number_argument(argc, argv, 1, 10);
	char line[64];

	for (long i = 0; i < lines; i++) {
		int fd = i % 2 ? 2 : 1;
		int length = snprintf(line, sizeof(line), "%s %ld\n", fd == 1 ? "out" : "err", i);

		if (write_all(fd, line, (size_t)length) < 0)
			return 1;
	}
	return 0;
}

int verb_signals(int argc, char **argv)
{
	sigset_t all;
	int signal_number, quit = 0;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int i = 1; i < argc; i++)
		signal(atoi(argv[i]), SIG_IGN);
	puts("ready");
	fflush(stdout);
	while (sigwait(&all, &signal_number) == 0) {
		printf("%d\n", signal_number);
		fflush(stdout);
		if (signal_number == SIGTERM && quit)
			return 0;
		quit = signal_number == SIGQUIT;
	}
	return 1;
}

int verb_terminal(int argc, char **argv)
{
	long resizes = number_argument(argc, argv, 1, 0);
	struct winsize size = { 0 };
	sigset_t changes;
	int signal_number;

	sigemptyset(&changes);
	sigaddset(&changes, SIGWINCH);
	sigprocmask(SIG_BLOCK, &changes, NULL);
	for (long i = 0;; i++) {
		ioctl(0, TIOCGWINSZ, &size);
		printf("%d %d %d %ux%u\n", isatty(0), isatty(1), isatty(2), size.ws_row, size.ws_col);
		fflush(stdout);
		if (i >= resizes || sigwait(&changes, &signal_number))
			return 0;
	}
}
