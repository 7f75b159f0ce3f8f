/* The tree protocol against hostile requests: nothing but answers, nothing outside the root, under ASan and UBSan. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "frame.h"
#include "tree.h"

enum { ROOT = 60, ARCHIVE = 61, ROUNDS = 1000 };

static int failures;

#define CHECK(condition) ((condition) ? (void)0 : (failures++, (void)fprintf(stderr, "tree-test.c:%d: %s (%s)\n", __LINE__, #condition, strerror(errno))))

struct request {
	unsigned char data[4096];
	size_t length, record;
};

static void add(struct request *r, const void *bytes, size_t length)
{
	if (length > sizeof(r->data) - r->length)
		abort();
	memcpy(r->data + r->length, bytes, length);
	r->length += length;
}

static void add32(struct request *r, uint32_t value) { add(r, &value, 4); }
static void add64(struct request *r, uint64_t value) { add(r, &value, 8); }

static void add_text(struct request *r, const char *text)
{
	add32(r, (uint32_t)strlen(text));
	add(r, text, strlen(text) + 1);
}

static void begin(struct request *r, uint32_t code, uint32_t flags)
{
	r->record = r->length;
	add32(r, code | flags << 16);
	add32(r, 0);
	add32(r, ROOT);
}

static void end(struct request *r)
{
	put32(r->data + r->record + 4, (uint32_t)(r->length - r->record));
}

static void add_metadata(struct request *r, uint32_t mode)
{
	const uint32_t words[] = { mode, 0, 0, TREE_MODE | TREE_MTIME };
	add(r, words, sizeof(words));
	add64(r, 1);
	add32(r, 2);
}

static void make(struct request *r, uint32_t flags, uint32_t mode, const char *path, const char *target)
{
	begin(r, TREE_MAKE, flags);
	add_metadata(r, mode);
	add64(r, 0); /* device */
	add_text(r, path);
	add_text(r, target);
	add32(r, 1);
	add_text(r, "user.x");
	add32(r, 2);
	add(r, "ab", 2);
	add64(r, 10);
	add32(r, 1);
	add32(r, ARCHIVE);
	add64(r, 0);
	add64(r, 4);
	add64(r, 3);
	end(r);
}

static void named(struct request *r, uint32_t code, uint32_t flags, const char *path)
{
	begin(r, code, flags);
	if (code == TREE_READ)
		add64(r, 100);
	add_text(r, path);
	end(r);
}

/* One of each, so that every decoder is met. */
static void everything(struct request *r)
{
	r->length = 0;
	make(r, TREE_PARENTS | TREE_REPLACE | TREE_LENIENT, S_IFREG | 0644, "a/b/file", "");
	make(r, TREE_REPLACE | TREE_LENIENT, S_IFDIR | 0755, "a/d", "");
	make(r, TREE_REPLACE | TREE_LENIENT, S_IFLNK | 0777, "a/link", "b/file");
	make(r, TREE_REPLACE | TREE_HARDLINK, S_IFREG, "a/hard", "a/b/file");
	make(r, TREE_REPLACE | TREE_LENIENT, S_IFIFO | 0600, "a/fifo", "");
	begin(r, TREE_SET, TREE_LENIENT);
	add_metadata(r, 0600);
	add_text(r, "a/b/file");
	add32(r, 0);
	end(r);
	named(r, TREE_STAT, TREE_FOLLOW, "a/link");
	named(r, TREE_READ, TREE_FOLLOW, "a/link");
	named(r, TREE_WALK, 0, ".");
	begin(r, TREE_COPY, 0);
	add32(r, ARCHIVE);
	add64(r, 100);
	add64(r, 20);
	add_text(r, "a/b/file");
	end(r);
	begin(r, TREE_CHOWN, 0);
	add32(r, 5000000);
	add32(r, 6000000);
	add32(r, 10);
	end(r);
	named(r, TREE_REMOVE, TREE_MISSING, "a");
}

/* Serves in a child, so that what it does to its working directory, and any crash, is the child's. */
static pid_t serve(int *client)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		/* Damaged sizes must not fill the disk, nor a fault hang the test. */
		const struct rlimit size = { 1 << 20, 1 << 20 };
		setrlimit(RLIMIT_FSIZE, &size);
		signal(SIGXFSZ, SIG_IGN);
		alarm(60);
		close(pair[0]);
		exit(tree_main(pair[1]));
	}
	close(pair[1]);
	*client = pair[0];
	return pid;
}

/* Reads answers up to DONE or ERROR; its type, or 0 at the end of the connection. */
static int answer(int client)
{
	static unsigned char payload[TREE_FRAME_MAX];
	unsigned char header[FRAME_HEADER];
	while (read_exactly(client, header, sizeof(header)) == 0) {
		uint32_t length = get32(header);
		if (length > sizeof(payload) || read_exactly(client, payload, length) != 0)
			return 0;
		if (header[4] == TREE_DONE || header[4] == TREE_ERROR)
			return header[4];
	}
	return 0;
}

static int send_records(int client, const void *data, size_t length)
{
	return frame_write(client, TREE_RECORDS, 0, data, (uint32_t)length) == 0 ? answer(client) : 0;
}

static void stop(pid_t pid, int client)
{
	int status = 0;
	close(client);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) <= 1);
}

static void test_everything(void)
{
	struct request r;
	int client;
	pid_t pid = serve(&client);
	everything(&r);
	CHECK(send_records(client, r.data, r.length) == TREE_DONE);
	CHECK(send_records(client, "", 0) == TREE_DONE);
	stop(pid, client);
}

static void test_not_a_frame(void)
{
	const unsigned char frames[][FRAME_HEADER] = { { 0, 0, 0, 0, TREE_DONE }, { 1, 0, 4, 0, TREE_RECORDS }, { 8, 0, 0, 0, TREE_RECORDS } };
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		int client;
		pid_t pid = serve(&client);
		CHECK(write(client, frames[i], FRAME_HEADER) == FRAME_HEADER && shutdown(client, SHUT_WR) == 0 && answer(client) == 0);
		stop(pid, client);
	}
}

/* Every byte changed, every length cut, and random damage: an answer comes each time, and the server lives. */
static void test_damage(unsigned seed)
{
	struct request whole, r;
	int client;
	pid_t pid = serve(&client);
	everything(&whole);
	srand(seed);
	for (size_t length = 0; length < whole.length; length++)
		CHECK(send_records(client, whole.data, length));
	for (int round = 0; round < ROUNDS; round++) {
		r = whole;
		for (int i = rand() % 8; i >= 0; i--) {
			size_t at = (size_t)rand() % r.length;
			/* Descriptors stay ours: what the client passes is the client's to answer for. */
			unsigned char value = (unsigned char)(rand() % 3 ? rand() : 0xff);
			r.data[at] = r.data[at] == ROOT || r.data[at] == ARCHIVE ? r.data[at] : value;
		}
		if (!send_records(client, r.data, r.length)) {
			CHECK(!"the server ended");
			break;
		}
	}
	stop(pid, client);
}

/* readdir(3), as POSIX wants it: a directory that somebody has removed since it was opened is at its end. */
static void test_removed_directory(const char *base)
{
	char path[64];
	struct names names;
	snprintf(path, sizeof(path), "%s/removed", base);
	CHECK(mkdir(path, 0755) == 0);
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0 && rmdir(path) == 0);
	CHECK(read_names(fd, &names, BY_BYTES) == 0 && names.count == 0);
	free_names(&names);
	close(fd);
}

int main(int argc, char **argv)
{
	char base[] = "/tmp/wherry-tree-XXXXXX", path[64], command[128];
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
	if (!mkdtemp(base))
		return 1;
	snprintf(path, sizeof(path), "%s/root", base);
	if (mkdir(path, 0755) != 0)
		return 1;
	int root = open(path, O_RDONLY | O_DIRECTORY);
	snprintf(path, sizeof(path), "%s/archive", base);
	int archive = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(dup2(root, ROOT) == ROOT && dup2(archive, ARCHIVE) == ARCHIVE && write(ARCHIVE, "0123456789", 10) == 10);
	test_removed_directory(base);
	test_everything();
	test_not_a_frame();
	test_damage(seed);
	snprintf(command, sizeof(command), "ls %s | wc -l | grep -qx 2", base);
	CHECK(system(command) == 0);
	snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", base, base);
	if (system(command) != 0 || failures)
		return 1;
	puts("tree-test: ok");
	return 0;
}
