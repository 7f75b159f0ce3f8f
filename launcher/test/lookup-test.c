/* Frames arrive whole or not at all; lookups and what is made for them stay inside a hostile root. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "frame.h"
#include "kernel.h"
#include "lookup.h"

static int failures;

static void check(int line, int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "lookup-test.c:%d: %s (%s)\n", line, what, strerror(errno));
	failures++;
}

#define CHECK(condition) check(__LINE__, condition, #condition)

static void test_frames(void)
{
	int pair[2];
	struct frame frame;
	char buffer[8];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(frame_write(pair[0], FRAME_GO, 0, "point", 5) == 0 && frame_write(pair[0], FRAME_STDIN_EOF, 0, NULL, 0) == 0);
	CHECK(frame_read_header(pair[1], &frame) == 1 && frame.type == FRAME_GO && frame.length == 5);
	CHECK(read_exactly(pair[1], buffer, 5) == 0 && !memcmp(buffer, "point", 5));
	CHECK(frame_read_header(pair[1], &frame) == 1 && frame.type == FRAME_STDIN_EOF && frame.length == 0);
	unsigned char large[FRAME_HEADER] = { 1, 0, 1, 0, FRAME_GO, 0, 0, 0 }; /* 65,537 */
	CHECK(write(pair[0], large, sizeof(large)) == sizeof(large));
	CHECK(frame_read_header(pair[1], &frame) == -1 && errno == EPROTO);
	large[4] = FRAME_PLAN;
	CHECK(write(pair[0], large, sizeof(large)) == sizeof(large));
	CHECK(frame_read_header(pair[1], &frame) == 1 && frame.length == 65537);
	large[6] = 1;
	CHECK(write(pair[0], large, sizeof(large)) == sizeof(large));
	CHECK(frame_read_header(pair[1], &frame) == -1 && errno == EPROTO);
	CHECK(write(pair[0], large, 3) == 3);
	close(pair[0]);
	CHECK(frame_read_header(pair[1], &frame) == -1 && errno == EPROTO);
	CHECK(frame_read_header(pair[1], &frame) == 0);
	close(pair[1]);
}

static int exists(int dir, const char *path, mode_t type)
{
	struct stat status;
	return fstatat(dir, path, &status, AT_SYMLINK_NOFOLLOW) == 0 && (status.st_mode & S_IFMT) == type;
}

static void test_make(int base, int root)
{
	const struct make directory = { 1, 0750, (uid_t)-1, (gid_t)-1 }, file = { 0, 0640, (uid_t)-1, (gid_t)-1 };
	CHECK(lookup_make(root, "a/b/c", &directory) == 0 && exists(root, "a/b/c", S_IFDIR));
	CHECK(lookup_make(root, "/a/b/c/", &directory) == 0 && lookup_make(root, "", &directory) == 0);
	CHECK(lookup_make(root, "a//./x/../y", &directory) == 0 && exists(root, "a/y", S_IFDIR));
	CHECK(lookup_make(root, "late/..", &directory) == 0 && exists(root, "late", S_IFDIR));
	CHECK(lookup_make(root, "new/one/../two/../../three", &directory) == 0 && exists(root, "three", S_IFDIR));
	CHECK(lookup_make(root, "../../outside", &directory) == 0 && exists(root, "outside", S_IFDIR) && !exists(base, "outside", S_IFDIR));
	CHECK(symlinkat("/../../etc", root, "absolute") == 0 && symlinkat("../../up", root, "relative") == 0);
	CHECK(lookup_make(root, "absolute/passwd", &file) == 0 && exists(root, "etc/passwd", S_IFREG));
	CHECK(lookup_make(root, "relative/x/f", &file) == 0 && exists(root, "up/x/f", S_IFREG) && !exists(base, "up", S_IFDIR));
	CHECK(mkdirat(root, "etc2", 0755) == 0 && symlinkat("../run/resolve/stub.conf", root, "etc2/resolv.conf") == 0);
	CHECK(lookup_make(root, "etc2/resolv.conf", &file) == 0 && exists(root, "run/resolve/stub.conf", S_IFREG)); /* as Ubuntu's images have it */
	CHECK(symlinkat("loop2", root, "loop1") == 0 && symlinkat("loop1", root, "loop2") == 0);
	CHECK(lookup_make(root, "loop1/x", &directory) == -1 && errno == ELOOP);
	CHECK(lookup_make(root, "etc/passwd/x", &directory) == -1 && errno == ENOTDIR);
	CHECK(lookup_make(root, "etc/passwd", &directory) == -1 && errno == ENOTDIR);
	CHECK(lookup_make(root, "a/b", &file) == 0 && exists(root, "a/b", S_IFDIR)); /* something is there: left alone */
	CHECK(symlinkat("/proc/self/root", root, "magic") == 0);
	CHECK(lookup_make(root, "magic/x", &directory) == 0 && exists(root, "proc/self/root/x", S_IFDIR));
}

static void test_open(int root)
{
	const char *name;
	struct stat outer, inner;
	int fd = lookup_open(root, "/../..", O_PATH);
	CHECK(fd >= 0 && fstat(fd, &inner) == 0 && fstat(root, &outer) == 0 && inner.st_ino == outer.st_ino);
	close(fd);
	fd = lookup_parent(root, "absolute/new", &name);
	CHECK(fd >= 0 && !strcmp(name, "new") && symlinkat("t", fd, name) == 0 && exists(root, "etc/new", S_IFLNK));
	close(fd);
	CHECK(lookup_parent(root, "a/..", &name) == -1 && errno == EINVAL);
	CHECK(lookup_parent(root, "a/", &name) == -1 && errno == EINVAL);
	fd = open("/proc", O_PATH | O_DIRECTORY);
	CHECK(lookup_open(fd, "self/fd/0", O_PATH) == -1 && errno == ELOOP); /* a magic link */
	close(fd);
}

int main(void)
{
	char path[] = "/tmp/wherry-lookup-XXXXXX", command[64];
	test_frames();
	if (!mkdtemp(path))
		return 1;
	int base = open(path, O_PATH | O_DIRECTORY);
	int root = mkdirat(base, "root", 0755) == 0 ? openat(base, "root", O_PATH | O_DIRECTORY) : -1;
	test_make(base, root);
	test_open(root);
	snprintf(command, sizeof(command), "rm -rf %s", path);
	if (system(command) != 0 || failures)
		return 1;
	puts("lookup-test: ok");
	return 0;
}
