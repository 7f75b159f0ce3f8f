/*
 * READ and COPY: a file's bytes, to the client or into another file.
 */
#define _GNU_SOURCE
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	COPY_BUFFER = 256 * 1024,
	COPY_SMALL = 128 * 1024, /* below, read and write cost less than copy_file_range's pipe */
	READ_CHUNK = 64 * 1024,
};

/* Through a buffer: for small files, and between file systems that know no better. */
static int64_t copy_buffered(struct tree *t, int in, uint64_t in_offset, int out, uint64_t out_offset, uint64_t length)
{
	uint64_t done = 0;
	if (t->copy_buffer == NULL && (t->copy_buffer = malloc(COPY_BUFFER)) == NULL)
		return -1;
	while (done < length) {
		uint64_t want = length - done < COPY_BUFFER ? length - done : COPY_BUFFER;
		ssize_t got = pread(in, t->copy_buffer, (size_t)want, (off_t)(in_offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		for (ssize_t put = 0; put < got;) {
			ssize_t n = pwrite(out, t->copy_buffer + put, (size_t)(got - put), (off_t)(out_offset + done) + put);
			if (n < 0 && errno != EINTR)
				return -1;
			put += n < 0 ? 0 : n;
		}
		done += (uint64_t)got;
	}
	return (int64_t)done;
}

int64_t copy_range(struct tree *t, int in, uint64_t in_offset, int out, uint64_t out_offset, uint64_t length)
{
	uint64_t done = 0;
	while (length - done > COPY_SMALL) {
		int64_t from = (int64_t)(in_offset + done), to = (int64_t)(out_offset + done);
		long n = syscall(SYS_copy_file_range, in, &from, out, &to, (size_t)(length - done < (1u << 30) ? length - done : 1u << 30), 0);
		if (n > 0)
			done += (uint64_t)n;
		else if (n == 0 || (errno != EINTR && errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS))
			break;
		else if (errno != EINTR)
			break;
	}
	int64_t rest = copy_buffered(t, in, in_offset + done, out, out_offset + done, length - done);
	return rest < 0 ? -1 : (int64_t)done + rest;
}

/* A regular file, opened without waiting for anybody (FIFO) and without waking a device. */
static int open_file(struct tree *t, int root, const char *path, unsigned int flags, struct stat *st)
{
	uint64_t resolve = flags & TREE_FOLLOW ? IN_ROOT : NO_CROSSING | NO_FOLLOW;
	int pin = open_beneath(root, path, O_PATH | (flags & TREE_FOLLOW ? 0 : O_NOFOLLOW), resolve);
	if (pin < 0)
		return tree_fail_errno(t, "open", path);
	int status = fstat(pin, st);
	close(pin);
	if (status < 0 || !S_ISREG(st->st_mode))
		return tree_fail(t, status < 0 ? errno : S_ISDIR(st->st_mode) ? EISDIR : EINVAL, "open", path);
	int fd = open_beneath(root, path, O_RDONLY | O_NONBLOCK | (flags & TREE_FOLLOW ? 0 : O_NOFOLLOW), resolve);
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	int error = fd < 0 ? errno : EINVAL;
	if (fd >= 0)
		close(fd);
	return tree_fail(t, error, "open", path);
}

int tree_read(struct tree *t, struct cursor *c, unsigned int flags)
{
	struct stat st;
	uint8_t chunk[READ_CHUNK];
	uint64_t done = 0;
	int root = take_fd(c);
	uint64_t limit = take_u64(c);
	const char *path = take_text(c);
	if (c->bad || c->at != c->end)
		return tree_fail(t, EBADMSG, "decode", "READ");
	int fd = open_file(t, root, path, flags, &st);
	if (fd < 0)
		return flags & TREE_MISSING && (is_missing(errno) || errno == EISDIR || errno == EINVAL) ? reply_result(t, 0) : -1;
	ssize_t n = 0;
	while (done < limit) {
		n = read(fd, chunk, limit - done < sizeof chunk ? (size_t)(limit - done) : sizeof chunk);
		if (n <= 0)
			break;
		if (reply_begin(t, TREE_DATA) < 0 || reply_bytes(t, chunk, (size_t)n) < 0) {
			n = -1;
			break;
		}
		reply_end(t);
		done += (uint64_t)n;
	}
	int error = errno;
	close(fd);
	return n < 0 ? tree_fail(t, error, "read", path) : reply_result(t, done);
}

/* Exactly `length` bytes of the output are written: what the file no longer holds is zeros, so that a tar stays well formed. */
int tree_copy(struct tree *t, struct cursor *c, unsigned int flags)
{
	struct stat st;
	int root = take_fd(c), out = take_fd(c);
	uint64_t offset = take_u64(c), length = take_u64(c);
	const char *path = take_text(c);
	if (c->bad || c->at != c->end || offset > INT64_MAX / 2 || length > INT64_MAX / 2)
		return tree_fail(t, EBADMSG, "decode", "COPY");
	int fd = open_file(t, root, path, flags, &st);
	if (fd < 0)
		return -1;
	int64_t copied = copy_range(t, fd, 0, out, offset, length);
	int error = errno;
	close(fd);
	if (copied < 0)
		return tree_fail(t, error, "copy", path);
	if ((uint64_t)copied < length && fstat(out, &st) == 0 && (uint64_t)st.st_size < offset + length && ftruncate(out, (off_t)(offset + length)) < 0)
		return tree_fail_errno(t, "copy", path);
	return reply_result(t, (uint64_t)copied);
}
