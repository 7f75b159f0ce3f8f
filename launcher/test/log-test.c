/* The log: records, cut lines, rotation, and what happens when nothing can be written. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>
#include "log.h"

static int failures;
static char directory[] = "/tmp/wherry-log-test-XXXXXX";
static char path[64];
static char memory[LOG_MEMORY];

static void check(int line, bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "log-test.c:%d: %s\n", line, what);
	failures++;
}

#define CHECK(condition) check(__LINE__, condition, #condition)

static char content[1 << 20];

static size_t read_file(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, content, sizeof(content) - 1);

	if (fd >= 0)
		close(fd);
	content[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

/* The text behind the time of the n-th record; NULL: there are not so many, or its time is malformed. */
static const char *record_text(int n)
{
	static char text[LOG_LINE + 64];
	const char *at = content;

	while (at && n-- > 0)
		at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
	if (!at || !*at || strspn(at, "0123456789-:T.Z") != LOG_TIME || at[LOG_TIME - 1] != 'Z' || at[19] != '.')
		return NULL;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(at + LOG_TIME, "\n"), at + LOG_TIME);
	return text;
}

static bool record_is(int n, const char *expected)
{
	const char *text = record_text(n);

	return text && !strcmp(text, expected);
}

static void write_text(struct log *log, int stream, const char *text)
{
	log_write(log, stream, text, strlen(text));
}

static void test_records(void)
{
	struct log log;

	log_open(&log, path, 1 << 20, 3, memory);
	write_text(&log, 1, "one\ntwo");
	write_text(&log, 2, "error\n");
	write_text(&log, 1, "more\n\n");
	log_write(&log, 1, "a\0b\n", 4);
	write_text(&log, 2, "rest");
	log_close(&log);
	size_t length = read_file(path);
	CHECK(record_is(0, " stdout F one"));
	CHECK(record_is(1, " stderr F error"));
	CHECK(record_is(2, " stdout F twomore"));
	CHECK(record_is(3, " stdout F "));
	CHECK(memmem(content, length, " stdout F a\0b\n", 14) != NULL);
	*(char *)memchr(content, 0, length) = '?';
	CHECK(record_is(5, " stderr P rest"));
	CHECK(log.dropped == 0);
	unlink(path);
}

static void test_long_lines(void)
{
	static char line[3 * LOG_LINE];
	struct log log;
	const char *text;

	memset(line, 'x', sizeof(line));
	log_open(&log, path, 1 << 20, 3, memory);
	log_write(&log, 1, line, LOG_LINE);
	log_write(&log, 1, "\n", 1);
	log_write(&log, 1, line, LOG_LINE + 1);
	log_write(&log, 1, "\n", 1);
	line[sizeof(line) - 1] = '\n';
	for (size_t at = 0; at < sizeof(line); at += 1000)
		log_write(&log, 1, line + at, sizeof(line) - at < 1000 ? sizeof(line) - at : 1000);
	log_close(&log);
	read_file(path);
	static const struct { const char *head; size_t length; } expected[] = {
		{ " stdout F x", LOG_LINE }, { " stdout P x", LOG_LINE }, { " stdout F x", 1 },
		{ " stdout P x", LOG_LINE }, { " stdout P x", LOG_LINE }, { " stdout F x", LOG_LINE - 1 },
	};
	for (int i = 0; i < 6; i++) {
		text = record_text(i);
		CHECK(text && !strncmp(text, expected[i].head, 11) && strlen(text) == 10 + expected[i].length);
	}
	CHECK(record_text(6) == NULL);
	unlink(path);
}

static void test_idle(void)
{
	struct log log;

	log_open(&log, path, 1 << 20, 3, memory);
	CHECK(log_idle(&log));
	write_text(&log, 1, "prompt> ");
	CHECK(!log_idle(&log));
	CHECK(read_file(path) == 0);
	CHECK(log_idle(&log));
	read_file(path);
	CHECK(record_is(0, " stdout P prompt> "));
	write_text(&log, 1, "answer\n");
	log_close(&log);
	read_file(path);
	CHECK(record_is(1, " stdout F answer"));
	unlink(path);
}

static void test_rotation(void)
{
	char name[80], text[32];
	struct log log;
	struct stat status;
	int next = 999;

	log_open(&log, path, 500, 3, memory);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d\n", i);
		write_text(&log, 1, text);
	}
	log_close(&log);
	for (int number = 0; number < 3; number++) {
		snprintf(name, sizeof(name), number ? "%s.%d" : "%s", path, number);
		CHECK(stat(name, &status) == 0 && status.st_size > 0 && status.st_size <= 500);
		size_t length = read_file(name);
		for (int i = (int)(length / (LOG_TIME + 14)) - 1; i >= 0; i--, next--) {
			snprintf(text, sizeof(text), " stdout F %d", next);
			CHECK(record_is(i, text));
		}
		unlink(name);
	}
	CHECK(next < 970);
	snprintf(name, sizeof(name), "%s.3", path);
	CHECK(access(name, F_OK) != 0);

	log_open(&log, path, 100, 1, memory);
	write_text(&log, 1, "first\n");
	write_text(&log, 1, "second\n");
	write_text(&log, 1, "third\n");
	log_close(&log);
	read_file(path);
	CHECK(record_is(0, " stdout F third") && record_text(1) == NULL);
	snprintf(name, sizeof(name), "%s.1", path);
	CHECK(access(name, F_OK) != 0);
	unlink(path);
}

static void test_crash_repair(void)
{
	struct log log;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && write(fd, "half a rec", 10) == 10);
	close(fd);
	log_open(&log, path, 1 << 20, 3, memory);
	write_text(&log, 1, "next\n");
	log_close(&log);
	read_file(path);
	CHECK(!strncmp(content, "half a rec\n", 11) && record_is(1, " stdout F next"));
	unlink(path);
}

/* RLIMIT_FSIZE stands for the full disk: a short write, then none. */
static void test_full(void)
{
	struct rlimit before, limit;
	struct log log;

	CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
	limit = before;
	limit.rlim_cur = 200;
	signal(SIGXFSZ, SIG_IGN);
	log_open(&log, path, 1 << 20, 3, memory);
	write_text(&log, 1, "kept\n");
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int i = 0; i < 3; i++)
		write_text(&log, 1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
	CHECK(log.dropped == 2 * 116 || log.dropped == 3 * 116);
	setrlimit(RLIMIT_FSIZE, &before);
	write_text(&log, 1, "after\n");
	uint64_t dropped = log.dropped;
	log_close(&log);
	read_file(path);
	CHECK(record_is(0, " stdout F kept"));
	CHECK(record_is(dropped == 3 * 116 ? 1 : 2, " stdout F after"));
	unlink(path);
}

static void test_absent(void)
{
	char missing[80];
	struct log log;

	log_open(&log, path, 0, 3, memory);
	write_text(&log, 1, "unlogged\n");
	log_close(&log);
	CHECK(log.dropped == 0 && access(path, F_OK) != 0);
	snprintf(missing, sizeof(missing), "%s/none/log", directory);
	log_open(&log, missing, 100, 3, memory);
	write_text(&log, 1, "dropped\n");
	CHECK(log.dropped == 8 && log_idle(&log));
	log_close(&log);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/log", directory);
	test_records();
	test_long_lines();
	test_idle();
	test_rotation();
	test_crash_repair();
	test_full();
	test_absent();
	CHECK(rmdir(directory) == 0);
	printf("log-test: %s\n", failures ? "failed" : "ok");
	return failures ? 1 : 0;
}
