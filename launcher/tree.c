/*
 * Frames, records and lookups of the tree protocol (docs/tree-protocol.md).
 */
#define _GNU_SOURCE
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FRAME_HEADER = 8, REPLY_SIZE = 2 * TREE_FRAME_MAX, RECORD_HEADER = 8 };

uint32_t take_u32(struct cursor *c)
{
	uint32_t value = 0;
	if (c->end - c->at < (ptrdiff_t)sizeof value) {
		c->bad = true;
		return 0;
	}
	memcpy(&value, c->at, sizeof value);
	c->at += sizeof value;
	return value;
}

uint64_t take_u64(struct cursor *c)
{
	uint64_t low = take_u32(c);
	return low | (uint64_t)take_u32(c) << 32;
}

struct bytes take_bytes(struct cursor *c)
{
	struct bytes bytes = { "", 0 };
	size_t length = take_u32(c);
	if (c->bad || (size_t)(c->end - c->at) < length) {
		c->bad = true;
		return bytes;
	}
	bytes.data = (const char *)c->at;
	bytes.length = length;
	c->at += length;
	return bytes;
}

const char *take_text(struct cursor *c)
{
	struct bytes bytes = take_bytes(c);
	if (c->bad || c->at == c->end || *c->at != '\0' || memchr(bytes.data, '\0', bytes.length) != NULL) {
		c->bad = true;
		return "";
	}
	c->at++;
	return bytes.data;
}

int take_fd(struct cursor *c)
{
	uint32_t fd = take_u32(c);
	if (fd < TREE_FD_FIRST || fd > INT32_MAX) {
		c->bad = true;
		return -1;
	}
	return (int)fd;
}

int tree_fail(struct tree *t, int error, const char *call, const char *path)
{
	size_t used = strlen(call), length = strlen(path);
	if (length > sizeof t->detail - used - 2)
		length = sizeof t->detail - used - 2;
	memcpy(t->detail, call, used);
	t->detail[used++] = ' ';
	memcpy(t->detail + used, path, length);
	t->detail[used + length] = '\0';
	errno = error;
	return -1;
}

int tree_fail_errno(struct tree *t, const char *call, const char *path)
{
	return tree_fail(t, errno, call, path);
}

static int read_exactly(int fd, uint8_t *into, size_t length)
{
	size_t got = 0;
	while (got < length) {
		ssize_t n = read(fd, into + got, length - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 && got == 0 ? 0 : -1;
		got += (size_t)n;
	}
	return 1;
}

static int reply_flush(struct tree *t, size_t upto)
{
	size_t sent = 0;
	while (sent < upto) {
		ssize_t n = write(t->out, t->reply + sent, upto - sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		sent += (size_t)n;
	}
	memmove(t->reply, t->reply + upto, t->reply_used - upto);
	t->reply_used -= upto;
	return 0;
}

int reply_begin(struct tree *t, enum tree_frame type)
{
	uint8_t header[FRAME_HEADER] = { 0, 0, 0, 0, (uint8_t)type, 0, 0, 0 };
	if (t->reply_used > REPLY_SIZE - TREE_FRAME_MAX - FRAME_HEADER && reply_flush(t, t->reply_used) < 0)
		return -1;
	t->reply_frame = t->reply_used;
	memcpy(t->reply + t->reply_used, header, sizeof header);
	t->reply_used += sizeof header;
	return 0;
}

int reply_bytes(struct tree *t, const void *bytes, size_t length)
{
	if (t->reply_used - t->reply_frame + length > FRAME_HEADER + TREE_FRAME_MAX) {
		errno = E2BIG;
		return -1;
	}
	memcpy(t->reply + t->reply_used, bytes, length);
	t->reply_used += length;
	return 0;
}

int reply_u32(struct tree *t, uint32_t value)
{
	return reply_bytes(t, &value, sizeof value);
}

int reply_u64(struct tree *t, uint64_t value)
{
	return reply_bytes(t, &value, sizeof value);
}

int reply_text(struct tree *t, const char *text, size_t length)
{
	if (reply_u32(t, (uint32_t)length) < 0 || reply_bytes(t, text, length) < 0)
		return -1;
	return reply_bytes(t, "", 1);
}

void reply_end(struct tree *t)
{
	uint32_t length = (uint32_t)(t->reply_used - t->reply_frame - FRAME_HEADER);
	memcpy(t->reply + t->reply_frame, &length, sizeof length);
}

void reply_abandon(struct tree *t)
{
	t->reply_used = t->reply_frame;
}

int reply_result(struct tree *t, uint64_t value)
{
	if (reply_begin(t, TREE_RESULT) < 0 || reply_u64(t, value) < 0)
		return -1;
	reply_end(t);
	return 0;
}

/* linux/openat2.h is not there for musl-gcc. */
struct open_how_v0 {
	uint64_t flags, mode, resolve;
};
enum { RESOLVE_NO_XDEV_ = 1, RESOLVE_NO_MAGICLINKS_ = 2, RESOLVE_NO_SYMLINKS_ = 4, RESOLVE_BENEATH_ = 8, RESOLVE_IN_ROOT_ = 16 };

int open_beneath(int dir, const char *path, int flags, uint64_t resolve)
{
	struct open_how_v0 how = { .flags = (uint64_t)(unsigned int)flags | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS_ };
	how.resolve |= resolve & IN_ROOT ? RESOLVE_IN_ROOT_ : RESOLVE_BENEATH_;
	how.resolve |= resolve & NO_FOLLOW ? RESOLVE_NO_SYMLINKS_ : 0;
	how.resolve |= resolve & NO_CROSSING ? RESOLVE_NO_XDEV_ : 0;
	/* IN_ROOT answers EAGAIN when anything on the system was renamed meanwhile (openat2(2)); bounded, since a container can rename for ever. */
	for (int attempt = 0; attempt < 128; attempt++) {
		int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			return fd;
	}
	return -1;
}

bool is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

void forget_parent(struct tree *t)
{
	t->cwd_root = -1;
}

/* Opens `path` (length bytes, all of them directories), making what is missing. */
static int open_parents(struct tree *t, int root, const char *path, uint64_t resolve)
{
	char upto[sizeof t->cwd];
	int dir = open_beneath(root, ".", O_PATH | O_DIRECTORY, resolve);
	for (size_t i = 0; dir >= 0; i++) {
		if (path[i] != '/' && path[i] != '\0') {
			upto[i] = path[i];
			continue;
		}
		upto[i] = '\0';
		int next = open_beneath(root, upto, O_PATH | O_DIRECTORY, resolve);
		if (next < 0 && errno == ENOENT) {
			const char *slash = strrchr(upto, '/');
			if (mkdirat(dir, slash == NULL ? upto : slash + 1, 0755) == 0 || errno == EEXIST)
				next = open_beneath(root, upto, O_PATH | O_DIRECTORY, resolve);
		}
		close(dir);
		dir = next;
		if (path[i] == '\0')
			break;
		upto[i] = '/';
	}
	return dir;
}

const char *enter_parent(struct tree *t, int root, const char *path, unsigned int flags)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	size_t length = slash == NULL ? 0 : (size_t)(slash - path);
	if (*name == '\0' || strcmp(name, "..") == 0 || *path == '/' || (strcmp(name, ".") == 0 && slash != NULL)) {
		tree_fail(t, EINVAL, "look up", path);
		return NULL;
	}
	flags &= TREE_FOLLOW | TREE_PARENTS;
	if (t->cwd_root == root && t->cwd_flags == flags && t->cwd_length == length && memcmp(t->cwd, path, length) == 0)
		return name;
	if (length >= sizeof t->cwd) {
		tree_fail(t, ENAMETOOLONG, "look up", path);
		return NULL;
	}
	forget_parent(t);
	memcpy(t->cwd, path, length);
	t->cwd[length] = '\0';
	uint64_t resolve = NO_CROSSING | (flags & TREE_FOLLOW ? IN_ROOT : NO_FOLLOW);
	int fd = open_beneath(root, length == 0 ? "." : t->cwd, O_PATH | O_DIRECTORY, resolve);
	if (fd < 0 && errno == ENOENT && flags & TREE_PARENTS)
		fd = open_parents(t, root, t->cwd, resolve);
	if (fd < 0 || fchdir(fd) < 0) {
		tree_fail_errno(t, "look up", length == 0 ? "." : t->cwd);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	close(fd);
	t->cwd_root = root;
	t->cwd_flags = flags;
	t->cwd_length = length;
	return name;
}

static int tree_sync(struct tree *t, struct cursor *c)
{
	int root = take_fd(c);
	if (c->bad)
		return tree_fail(t, EBADMSG, "decode", "SYNC");
	return syncfs(root) < 0 ? tree_fail_errno(t, "syncfs", ".") : 0;
}

static int run_record(struct tree *t, struct cursor *c, unsigned int code, unsigned int flags)
{
	switch (code) {
	case TREE_MAKE:
		return tree_make(t, c, flags);
	case TREE_SET:
		return tree_set(t, c, flags);
	case TREE_REMOVE:
		return tree_remove(t, c, flags);
	case TREE_CHOWN:
		return tree_chown(t, c, flags);
	case TREE_SYNC:
		return tree_sync(t, c);
	case TREE_READ:
		return tree_read(t, c, flags);
	case TREE_STAT:
		return tree_stat(t, c, flags);
	case TREE_WALK:
		return tree_walk(t, c, flags);
	case TREE_COPY:
		return tree_copy(t, c, flags);
	default:
		return tree_fail(t, ENOSYS, "decode", "record");
	}
}

/* Runs the records of one frame up to the first failure and answers with DONE or ERROR. */
static int run_frame(struct tree *t, size_t length)
{
	struct cursor frame = { t->frame, t->frame + length, false };
	uint32_t index = 0;
	int status = 0;
	for (; frame.at < frame.end && status == 0; index++) {
		uint32_t kind = take_u32(&frame), size = take_u32(&frame);
		if (frame.bad || size < RECORD_HEADER || size - RECORD_HEADER > (size_t)(frame.end - frame.at)) {
			status = tree_fail(t, EBADMSG, "decode", "record");
			break;
		}
		struct cursor record = { frame.at, frame.at + (size - RECORD_HEADER), false };
		frame.at = record.end;
		status = run_record(t, &record, kind & 0xffff, kind >> 16);
		if (status != 0)
			break;
	}
	int error = errno;
	if (reply_begin(t, status == 0 ? TREE_DONE : TREE_ERROR) < 0 || reply_u32(t, index) < 0)
		return -1;
	if (status != 0 && (reply_u32(t, (uint32_t)error) < 0 || reply_bytes(t, t->detail, strlen(t->detail)) < 0))
		return -1;
	reply_end(t);
	return reply_flush(t, t->reply_used);
}

static int serve(struct tree *t)
{
	for (;;) {
		uint8_t header[FRAME_HEADER];
		uint32_t length = 0;
		int got = read_exactly(t->in, header, sizeof header);
		if (got <= 0)
			return got;
		memcpy(&length, header, sizeof length);
		if (header[4] != TREE_RECORDS || length > TREE_FRAME_MAX)
			return -1;
		if (length > 0 && read_exactly(t->in, t->frame, length) <= 0)
			return -1;
		if (run_frame(t, length) < 0)
			return -1;
	}
}

int tree_main(int fd)
{
	struct stat st;
	struct rlimit files;
	struct tree *t = calloc(1, sizeof *t);
	if (t == NULL)
		return 1;
	bool socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
	t->in = socket ? fd : STDIN_FILENO;
	t->out = socket ? fd : STDOUT_FILENO;
	t->frame = malloc(TREE_FRAME_MAX);
	t->reply = malloc(REPLY_SIZE);
	t->cwd_root = -1;
	umask(0);
	/* What a killed client has asked for is not wanted any more; somebody may already be clearing it away. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A deep tree is walked with one descriptor a level. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	int status = t->frame == NULL || t->reply == NULL ? -1 : serve(t);
	free(t->copy_buffer);
	free(t->reply);
	free(t->frame);
	free(t);
	return status < 0 ? 1 : 0;
}
