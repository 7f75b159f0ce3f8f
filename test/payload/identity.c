/* `payload identity`: everything that a container's set-up decides about its process, as one JSON object. */
#include "payload.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_list(const char *name, char **texts)
{
	printf("\"%s\":[", name);
	for (int i = 0; texts[i]; i++) {
		if (i)
			putchar(',');
		print_string(texts[i]);
	}
	printf("],");
}

static void print_groups(void)
{
	gid_t groups[256];
	int count = getgroups(256, groups);

	printf("\"groups\":[");
	for (int i = 0; i < count; i++)
		printf("%s%u", i ? "," : "", groups[i]);
	printf("],");
}

/* The lines of /proc/self/status that security settings show up in, as strings. */
static void print_status(void)
{
	static const char *const wanted[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
					      "SigBlk", "SigIgn", "Cpus_allowed_list", "Mems_allowed_list", "Umask" };
	FILE *file = fopen("/proc/self/status", "re");
	char line[512], *value;

	printf("\"status\":{\"none\":\"\"");
	while (file && fgets(line, sizeof(line), file)) {
		value = strchr(line, ':');
		if (!value)
			continue;
		*value++ = 0;
		value += strspn(value, " \t");
		value[strcspn(value, "\n")] = 0;
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strcmp(line, wanted[i]) == 0) {
				printf(",\"%s\":", line);
				print_string(value);
			}
	}
	if (file)
		fclose(file);
	printf("},");
}

static void print_links(const char *name, const char *directory, int skip)
{
	DIR *entries = opendir(directory);
	struct dirent *entry;
	char target[PATH_MAX];
	const char *comma = "";

	printf("\"%s\":{", name);
	while (entries && (entry = readdir(entries))) {
		ssize_t length;

		if (entry->d_name[0] == '.' || (skip && atoi(entry->d_name) == dirfd(entries)))
			continue;
		length = readlinkat(dirfd(entries), entry->d_name, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = 0;
		printf("%s", comma);
		comma = ",";
		print_string(entry->d_name);
		putchar(':');
		print_string(target);
	}
	if (entries)
		closedir(entries);
	printf("},");
}

static void print_limits(void)
{
	printf("\"rlimits\":[");
	for (int i = 0; i < 16; i++) {
		struct rlimit limit;

		if (getrlimit(i, &limit) < 0)
			break;
		/* RLIM_INFINITY as -1: JSON numbers don't hold 64 bits */
		printf("%s[%lld,%lld]", i ? "," : "", (long long)limit.rlim_cur, (long long)limit.rlim_max);
	}
	printf("],");
}

static void print_first_line(const char *name, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[4096] = "";

	if (file && fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = 0;
	if (file)
		fclose(file);
	printf("\"%s\":", name);
	print_string(line);
	putchar(',');
}

int verb_identity(int argc, char **argv)
{
	struct utsname uts;
	struct timespec boot;
	char cwd[PATH_MAX] = "";
	mode_t mask = umask(0);

	(void)argc;
	umask(mask);
	uname(&uts);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	if (!getcwd(cwd, sizeof(cwd)))
		cwd[0] = 0;
	printf("{\"pid\":%d,\"ppid\":%d,\"sid\":%d,\"pgid\":%d,", getpid(), getppid(), getsid(0), getpgid(0));
	printf("\"uid\":%u,\"euid\":%u,\"gid\":%u,\"egid\":%u,", getuid(), geteuid(), getgid(), getegid());
	print_groups();
	printf("\"umask\":%u,", mask);
	printf("\"hostname\":");
	print_string(uts.nodename);
	printf(",\"cwd\":");
	print_string(cwd);
	putchar(',');
	print_list("argv", argv);
	print_list("env", environ);
	print_links("fds", "/proc/self/fd", 1);
	print_links("namespaces", "/proc/self/ns", 0);
	print_limits();
	print_first_line("oomScoreAdj", "/proc/self/oom_score_adj");
	print_first_line("label", "/proc/self/attr/current");
	print_status();
	printf("\"tty\":[%d,%d,%d],\"boottimeSeconds\":%lld}\n", isatty(0), isatty(1), isatty(2), (long long)boot.tv_sec);
	return 0;
}
