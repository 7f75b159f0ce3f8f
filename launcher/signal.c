/*
 * launcher signal PID STARTTIME SIGNO: a signal for exactly that process, never for one that got its number later.
 * Exit status 0: sent (or it is a zombie, which is past caring); 3: there is no such process any more; 1: anything else.
 */
#include "main.h"

#include "run.h"

enum { SIGNAL_NO_PROCESS = 3 };

static int parse_number(const char *text, unsigned long long max, unsigned long long *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || *number > max ? -1 : 0;
}

int signal_main(int argc, char **argv)
{
	unsigned long long pid, expected, number;
	int pidfd;

	if (argc != 4 || parse_number(argv[1], 1 << 22, &pid) < 0 || parse_number(argv[2], ~0ULL, &expected) < 0 ||
	    parse_number(argv[3], 64, &number) < 0 || pid == 0) {
		fprintf(stderr, "usage: launcher signal PID STARTTIME SIGNO\n");
		return 1;
	}
	/* the descriptor first: what is then seen in /proc under this number is that process, or a later one with a later start */
	pidfd = sys_pidfd_open((pid_t)pid);
	if (pidfd < 0 && errno != ESRCH && errno != EINVAL) {
		fprintf(stderr, "pidfd_open %llu: %s\n", pid, strerror(errno));
		return 1;
	}
	if (pidfd < 0 || expected == 0 || process_start_time((pid_t)pid) != expected)
		return SIGNAL_NO_PROCESS;
	if (sys_pidfd_send_signal(pidfd, (int)number) == 0)
		return 0;
	if (errno == ESRCH)
		return SIGNAL_NO_PROCESS;
	fprintf(stderr, "pidfd_send_signal %llu: %s\n", pid, strerror(errno));
	return 1;
}
