/*
 * Loads a seccomp filter into a fresh process for each system call it is asked to try, and tells what came of it.
 *
 *   seccomp-probe FILTER FLAGS < requests > answers
 *
 * FILTER: a file of struct sock_filter. A request is a line `ABI NUMBER ARGUMENT`: ABI n (native) or i (i386, by int 0x80), the first
 * argument in decimal; the others are -1, which no call takes for a pointer, a descriptor or a process. An answer is a line
 * `ABI NUMBER ARGUMENT RESULT`: `=ERRNO` (0: success), `!SIGNAL`, or `.` when the process ended or slept without either.
 * Not part of `payload`: it is compiled by the test that uses it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static long native_call(long number, long first)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = -1;
	register long r8 __asm__("r8") = -1;
	register long r9 __asm__("r9") = -1;
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(-1L), "d"(-1L), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return result;
#else
	long result = syscall(number, first, -1L, -1L, -1L, -1L, -1L);

	return result == -1 ? -errno : result;
#endif
}

static long i386_call(long number, long first)
{
#if defined(__x86_64__)
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"((int)number), "b"((int)first), "c"(-1), "d"(-1), "S"(-1), "D"(-1) : "r8", "r9", "r10", "r11", "memory");
	return result;
#else
	(void)number;
	(void)first;
	return -ENOSYS;
#endif
}

/* The result travels in a pipe, as the call may change everything else. */
static void child(const struct sock_fprog *filter, unsigned int flags, char abi, long number, long first, int report)
{
	struct itimerval bound = { .it_value = { .tv_usec = 400000 } };
	pid_t self = getpid();
	int32_t outcome;
	long result;

	if (syscall(SYS_setresgid, 65534, 65534, 65534) < 0 || syscall(SYS_setresuid, 65534, 65534, 65534) < 0)
		_exit(100);
	setitimer(ITIMER_REAL, &bound, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, filter) < 0) {
		perror("seccomp");
		_exit(101);
	}
	result = abi == 'i' ? i386_call(number, first) : native_call(number, first);
	if (syscall(SYS_getpid) != self) /* it was a fork */
		_exit(0);
	outcome = result < 0 && result > -4096 ? (int32_t)-result : 0;
	if (write(report, &outcome, sizeof(outcome)) != sizeof(outcome))
		_exit(102);
	_exit(0);
}

static int attempt(const struct sock_fprog *filter, unsigned int flags, char abi, long number, long first)
{
	int32_t outcome;
	int ends[2], status;
	ssize_t got;
	pid_t pid;

	if (pipe(ends) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0)
		child(filter, flags, abi, number, first, ends[1]);
	close(ends[1]);
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	got = read(ends[0], &outcome, sizeof(outcome));
	close(ends[0]);
	printf("%c %ld %ld ", abi, number, first);
	if (got == sizeof(outcome))
		printf("=%d\n", outcome);
	else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM)
		printf("!%d\n", WTERMSIG(status));
	else if (WIFEXITED(status) && WEXITSTATUS(status) >= 100 && WEXITSTATUS(status) <= 102)
		return -1;
	else
		printf(".\n");
	return 0;
}

int main(int argc, char **argv)
{
	static struct sock_filter instructions[BPF_MAXINSNS];
	struct sock_fprog filter = { .filter = instructions };
	long number, first;
	FILE *file;
	char abi;

	if (argc != 3 || !(file = fopen(argv[1], "re")))
		return 2;
	filter.len = (unsigned short)fread(instructions, sizeof(instructions[0]), BPF_MAXINSNS, file);
	fclose(file);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (scanf(" %c %ld %ld", &abi, &number, &first) == 3) {
		fflush(stdout);
		if (attempt(&filter, (unsigned int)strtoul(argv[2], NULL, 10), abi, number, first) < 0)
			return 1;
	}
	return 0;
}
