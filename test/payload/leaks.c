/* `payload leaks`: what a process could have kept of the host or of the launcher by mistake, as one JSON object. */
#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum { DESCRIPTORS = 1 << 16, SIGNALS = 64 };

/* <linux/keyctl.h>, which musl's compiler does not find */
enum { KEYCTL_GET_KEYRING_ID = 0, KEYCTL_DESCRIBE = 6, KEYCTL_READ = 11, KEY_SPEC_SESSION_KEYRING = -3 };

/* By fcntl: /proc may be missing or masked. */
static void print_descriptors(void)
{
	const char *comma = "";

	printf("\"descriptors\":[");
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		if (fcntl(fd, F_GETFD) >= 0) {
			printf("%s%d", comma, fd);
			comma = ",";
		}
	printf("],");
}

static void print_signals(void)
{
	struct sigaction action;
	sigset_t blocked;
	const char *comma = "";

	sigprocmask(SIG_SETMASK, NULL, &blocked);
	printf("\"blocked\":[");
	for (int number = 1; number <= SIGNALS; number++)
		if (sigismember(&blocked, number) == 1) {
			printf("%s%d", comma, number);
			comma = ",";
		}
	printf("],\"changed\":[");
	comma = "";
	for (int number = 1; number <= SIGNALS; number++)
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL) {
			printf("%s%d", comma, number);
			comma = ",";
		}
	printf("],");
}

/* A key of the host's user would be found from its session keyring. */
static void print_keyring(void)
{
	long session = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
	char text[256] = "";
	int keys[64];
	long length = 0;

	if (session >= 0) {
		syscall(SYS_keyctl, KEYCTL_DESCRIBE, session, text, sizeof(text) - 1);
		length = syscall(SYS_keyctl, KEYCTL_READ, session, keys, sizeof(keys));
	}
	printf("\"sessionKeys\":%ld,\"sessionKeyring\":\"%s\",", session < 0 ? -1L : length / (long)sizeof(*keys), strrchr(text, ';') ? strrchr(text, ';') + 1 : text);
}

static void print_file(const char *name, const char *path)
{
	FILE *file = fopen(path, "re");
	int c;

	printf("\"%s\":\"", name);
	while (file && (c = getc(file)) != EOF) {
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c == '\n')
			printf("\\n");
		else if (c >= 0x20)
			putchar(c);
	}
	if (file)
		fclose(file);
	printf("\",");
}

int verb_leaks(int argc, char **argv)
{
	struct itimerval timer;
	int death = -1, reaper = -1;

	(void)argc, (void)argv;
	getitimer(ITIMER_REAL, &timer);
	prctl(PR_GET_PDEATHSIG, &death);
	prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	putchar('{');
	print_descriptors();
	print_signals();
	print_keyring();
	print_file("mounts", "/proc/self/mountinfo");
	print_file("cgroup", "/proc/self/cgroup");
	printf("\"deathSignal\":%d,\"subreaper\":%d,\"dumpable\":%d,\"noNewPrivileges\":%d,\"keepCapabilities\":%d,\"securebits\":%d,", death, reaper,
	       prctl(PR_GET_DUMPABLE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_SECUREBITS));
	printf("\"personality\":%d,\"nice\":%d,\"timer\":%ld}\n", personality(0xffffffff), nice(0), (long)timer.it_value.tv_sec);
	return 0;
}

/* Uses up the quota of keys that this user has, and stays: a keyring that can't be made then must not leave the caller's in place. */
int verb_keys(int argc, char **argv)
{
	char name[32];
	long made = 0;

	(void)argc, (void)argv;
	for (;; made++) {
		snprintf(name, sizeof(name), "key-%ld", made);
		if (syscall(SYS_add_key, "user", name, "x", 1UL, KEY_SPEC_SESSION_KEYRING) < 0)
			break;
	}
	printf("%s\n", error_name(errno));
	fflush(stdout);
	for (;;)
		pause();
}
