/*
 * Frames, records and lookups of the tree protocol (docs/tree-protocol.md).
 */
#include "tree.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "frame.h"
#include "lookup.h"

enum { TREE_RECORD_HEADER = 8, REPLY_SOON = 64 * 1024 };
_Static_assert(REPLY_SOON + FRAME_HEADER + TREE_FRAME_MAX <= sizeof(((struct tree *)0)->reply), "a frame behind what waits");

int take_fd(struct cursor *c)
{
	uint32_t fd = take_u32(c);
	if (fd >= TREE_FD_FIRST && fd <= INT32_MAX)
		return (int)fd;
	c->bad = true;
	return -1;
}

int take_end(struct tree *t, const struct cursor *c)
{
	return c->bad || c->at != c->end ? tree_refuse(t, EBADMSG, "decode", "arguments") : 0;
}

int tree_fail(struct tree *t, const char *call, const char *path)
{
	int error = errno;
	snprintf(t->detail, sizeof(t->detail), "%s %s", call, path);
	errno = error;
	return -1;
}

int tree_refuse(struct tree *t, int error, const char *call, const char *path)
{
	errno = error;
	return tree_fail(t, call, path);
}

static int reply_flush(struct tree *t)
{
	for (size_t sent = 0; sent < t->reply_used;) {
		ssize_t n = write(t->out, t->reply + sent, t->reply_used - sent);
		if (n < 0)
			return -1;
		sent += (size_t)n;
	}
	t->reply_used = 0;
	return 0;
}

void reply_begin(struct tree *t, enum tree_frame type)
{
	const uint8_t header[FRAME_HEADER] = { 0, 0, 0, 0, (uint8_t)type };
	/* A whole frame has room then, and the client something to do meanwhile. */
	t->reply_bad = t->reply_used > REPLY_SOON && reply_flush(t) < 0;
	t->reply_frame = t->reply_used;
	reply_bytes(t, header, sizeof(header));
}

void reply_bytes(struct tree *t, const void *bytes, size_t length)
{
	if (t->reply_bad || t->reply_used - t->reply_frame + length > FRAME_HEADER + TREE_FRAME_MAX) {
		t->reply_bad = true;
		return;
	}
	memcpy(t->reply + t->reply_used, bytes, length);
	t->reply_used += length;
}

void reply_u32(struct tree *t, uint32_t value)
{
	reply_bytes(t, &value, sizeof(value));
}

void reply_u64(struct tree *t, uint64_t value)
{
	reply_bytes(t, &value, sizeof(value));
}

void reply_text(struct tree *t, const char *text, size_t length)
{
	reply_u32(t, (uint32_t)length);
	reply_bytes(t, text, length);
	reply_bytes(t, "", 1);
}

int reply_end(struct tree *t)
{
	if (t->reply_bad) {
		t->reply_used = t->reply_frame;
		errno = E2BIG;
		return -1;
	}
	put32(t->reply + t->reply_frame, (uint32_t)(t->reply_used - t->reply_frame - FRAME_HEADER));
	return 0;
}

int reply_result(struct tree *t, uint64_t value)
{
	reply_begin(t, TREE_RESULT);
	reply_u64(t, value);
	return reply_end(t);
}

int open_beneath(int dir, const char *path, int open_flags, unsigned flags)
{
	uint64_t resolve = flags & TREE_FOLLOW ? RESOLVE_IN_ROOT : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	bool follow = flags & TREE_FOLLOW && !(flags & TREE_NOFOLLOW);
	return lookup_resolve(dir, path, (unsigned)open_flags | (follow ? 0 : O_NOFOLLOW), 0, resolve | RESOLVE_NO_MAGICLINKS);
}

int open_subdirectory(int dir, const char *name)
{
	return lookup_resolve(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

bool is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

void forget_parent(struct tree *t)
{
	t->cwd_root = -1;
}

/* Opens a directory beneath `root`, making what is missing of it. */
static int open_parents(int root, const char *path, unsigned flags)
{
	char upto[sizeof(((struct tree *)0)->cwd)];
	int dir = open_beneath(root, ".", O_PATH | O_DIRECTORY, flags);
	for (size_t i = 0, start = 0; dir >= 0; i++) {
		upto[i] = path[i];
		if (path[i] != '/' && path[i])
			continue;
		upto[i] = 0;
		int next = open_beneath(root, upto, O_PATH | O_DIRECTORY, flags);
		if (next < 0 && errno == ENOENT && (mkdirat(dir, upto + start, 0755) == 0 || errno == EEXIST))
			next = open_beneath(root, upto, O_PATH | O_DIRECTORY, flags);
		dir = closing(dir, next);
		if (!path[i])
			break;
		upto[i] = '/';
		start = i + 1;
	}
	return dir;
}

const char *enter_parent(struct tree *t, int root, const char *path, unsigned flags)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t length = slash ? (size_t)(slash - path) : 0;
	flags &= TREE_FOLLOW | TREE_PARENTS;
	if (!*name || !strcmp(name, "..") || *path == '/' || (slash && !strcmp(name, ".")) || length >= sizeof(t->cwd)) {
		tree_refuse(t, length < sizeof(t->cwd) ? EINVAL : ENAMETOOLONG, "look up", path);
		return NULL;
	}
	if (t->cwd_root == root && t->cwd_flags == flags && t->cwd_length == length && !memcmp(t->cwd, path, length))
		return name;
	forget_parent(t);
	memcpy(t->cwd, path, length);
	t->cwd[length] = 0;
	int fd = open_beneath(root, length ? t->cwd : ".", O_PATH | O_DIRECTORY, flags);
	if (fd < 0 && errno == ENOENT && flags & TREE_PARENTS)
		fd = open_parents(root, t->cwd, flags);
	if (fd < 0 || closing(fd, fchdir(fd)) < 0) {
		tree_fail(t, "look up", length ? t->cwd : ".");
		return NULL;
	}
	t->cwd_root = root;
	t->cwd_flags = flags;
	t->cwd_length = length;
	return name;
}

static int tree_sync(struct tree *t, struct cursor *c, unsigned flags)
{
	int root = take_fd(c);
	if (take_end(t, c) < 0)
		return -1;
	return syncfs(root) < 0 ? tree_fail(t, "syncfs", ".") : 0;
}

static int (*const operations[])(struct tree *t, struct cursor *c, unsigned flags) = {
	[TREE_MAKE] = tree_make,   [TREE_SET] = tree_set,   [TREE_REMOVE] = tree_remove,
	[TREE_CHOWN] = tree_chown, [TREE_SYNC] = tree_sync, [TREE_READ] = tree_read,
	[TREE_STAT] = tree_stat,   [TREE_WALK] = tree_walk, [TREE_COPY] = tree_copy,
};

static int run_record(struct tree *t, struct cursor *c, uint32_t kind)
{
	uint32_t code = kind & 0xffff;
	if (code >= sizeof(operations) / sizeof(*operations) || !operations[code])
		return tree_refuse(t, ENOSYS, "decode", "record");
	return operations[code](t, c, kind >> 16);
}

/* Runs the records of one frame up to the first failure and answers with DONE or ERROR. */
static int run_frame(struct tree *t, size_t length)
{
	struct cursor frame = { t->frame, t->frame + length, false };
	uint32_t index = 0;
	int status = 0;
	while (frame.at < frame.end) {
		uint32_t kind = take_u32(&frame), size = take_u32(&frame);
		if (frame.bad || size < TREE_RECORD_HEADER || size - TREE_RECORD_HEADER > (size_t)(frame.end - frame.at)) {
			status = tree_refuse(t, EBADMSG, "decode", "record");
			break;
		}
		struct cursor record = { frame.at, frame.at + (size - TREE_RECORD_HEADER), false };
		frame.at = record.end;
		status = run_record(t, &record, kind);
		/* Of those that change something, which may be sent ahead of the answers. */
		t->failed |= status < 0 && (kind & 0xffff) < TREE_READ;
		if (status < 0)
			break;
		index++;
	}
	int error = errno;
	reply_begin(t, status < 0 ? TREE_ERROR : TREE_DONE);
	reply_u32(t, index);
	if (status < 0) {
		reply_u32(t, (uint32_t)error);
		reply_bytes(t, t->detail, strlen(t->detail));
	}
	return reply_end(t) < 0 ? -1 : reply_flush(t);
}

static int serve(struct tree *t)
{
	uint8_t header[FRAME_HEADER];
	ssize_t got;
	while ((got = read(t->in, header, 1)) == 1) {
		if (read_exactly(t->in, header + 1, sizeof(header) - 1) < 0)
			return -1;
		uint32_t length = get32(header);
		if (header[4] != TREE_RECORDS || length > TREE_FRAME_MAX || read_exactly(t->in, t->frame, length) < 0 || run_frame(t, length) < 0)
			return -1;
	}
	return (int)got;
}

int tree_main(int fd)
{
	struct stat st;
	struct rlimit files;
	struct tree *t = calloc(1, sizeof(*t));
	if (!t)
		return 1;
	bool socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
	t->in = socket ? fd : STDIN_FILENO;
	t->out = socket ? fd : STDOUT_FILENO;
	t->cwd_root = -1;
	umask(0);
	/* What a killed client has asked for is not wanted any more; somebody may already be clearing it away. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A deep tree is walked with one descriptor a level. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	int status = serve(t);
	free(t);
	return status < 0 ? 1 : 0;
}
