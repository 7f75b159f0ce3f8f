/*
 * READ and COPY: a file's bytes, to the client or into another file.
 */
#include "tree.h"

enum { READ_CHUNK = 64 * 1024 };

static int write_all(int out, const uint8_t *bytes, size_t length, off_t offset)
{
	for (size_t put = 0; put < length;) {
		ssize_t n = pwrite(out, bytes + put, length - put, offset + (off_t)put);
		if (n < 0)
			return -1;
		put += (size_t)n;
	}
	return 0;
}

/* Through a buffer: for small files, and between file systems that know no better. */
static int64_t copy_buffered(struct tree *t, int in, uint64_t in_offset, int out, uint64_t out_offset, uint64_t length)
{
	uint64_t done = 0;
	while (done < length) {
		uint64_t want = length - done < sizeof(t->copy_buffer) ? length - done : sizeof(t->copy_buffer);
		ssize_t got = pread(in, t->copy_buffer, (size_t)want, (off_t)(in_offset + done));
		if (got < 0 || write_all(out, t->copy_buffer, (size_t)got, (off_t)(out_offset + done)) < 0)
			return -1;
		if (got == 0)
			break;
		done += (uint64_t)got;
	}
	return (int64_t)done;
}

int64_t copy_stream(struct tree *t, int in, int out, uint64_t out_offset, uint64_t length)
{
	uint64_t done = 0;
	while (done < length) {
		uint64_t want = length - done < sizeof(t->copy_buffer) ? length - done : sizeof(t->copy_buffer);
		ssize_t got = read(in, t->copy_buffer, (size_t)want);
		bool zeros = got > 0 && t->copy_buffer[0] == 0 && !memcmp(t->copy_buffer, t->copy_buffer + 1, (size_t)got - 1);
		if (got < 0 || (!zeros && write_all(out, t->copy_buffer, (size_t)got, (off_t)(out_offset + done)) < 0))
			return -1;
		if (got == 0)
			break;
		done += (uint64_t)got;
	}
	return (int64_t)done;
}

/* As far as the data go from `from` on, within the kernel if it can. Whatever the reason, the buffer takes over, and meets a real failure again. */
static int64_t copy_data(struct tree *t, int in, int64_t from, int out, int64_t to, int64_t length)
{
	int64_t source = from, target = to;
	long n = length > COPY_SMALL ? syscall(SYS_copy_file_range, in, &source, out, &target, (size_t)length, 0) : 0;
	return n > 0 ? n : copy_buffered(t, in, (uint64_t)from, out, (uint64_t)to, (uint64_t)length);
}

int64_t copy_range(struct tree *t, int in, uint64_t in_offset, int out, uint64_t out_offset, uint64_t length)
{
	int64_t done = 0, n = 1, want = (int64_t)length, from = (int64_t)in_offset;
	while (n > 0 && done < (int64_t)length) {
		if (length > COPY_SMALL) {
			int64_t data = lseek(in, from + done, SEEK_DATA), end = lseek(in, data < 0 ? 0 : data, data < 0 ? SEEK_END : SEEK_HOLE);
			int64_t hole = (data < 0 ? end : data) - from - done;
			done += hole < 0 ? 0 : hole < (int64_t)length - done ? hole : (int64_t)length - done;
			want = end - from < (int64_t)length ? end - from - done : (int64_t)length - done;
		}
		n = want > 0 ? copy_data(t, in, from + done, out, (int64_t)out_offset + done, want) : 0;
		done += n > 0 ? n : 0;
	}
	return n < 0 ? -1 : done;
}

int open_file(struct tree *t, int root, const char *path, unsigned flags)
{
	struct stat st;
	char self[32];
	int pin = open_beneath(root, path, O_PATH, flags);
	if (pin < 0 || fstat(pin, &st) < 0)
		return closing(pin, tree_fail(t, "open", path));
	if (!S_ISREG(st.st_mode))
		return closing(pin, tree_refuse(t, S_ISDIR(st.st_mode) ? EISDIR : EINVAL, "open", path));
	/* That very entry: under the same name there may be another one by now. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", pin);
	int fd = closing(pin, open(self, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	return fd < 0 ? tree_fail(t, "open", path) : fd;
}

int tree_read(struct tree *t, struct cursor *c, unsigned flags)
{
	uint8_t chunk[READ_CHUNK];
	uint64_t done = 0;
	ssize_t n = 1;
	int root = take_fd(c);
	uint64_t limit = take_u64(c);
	const char *path = take_text(c);
	if (take_end(t, c) < 0)
		return -1;
	int fd = open_file(t, root, path, flags);
	if (fd < 0)
		return flags & TREE_MISSING && (is_missing(errno) || errno == EISDIR || errno == EINVAL) ? reply_result(t, 0) : -1;
	while (n > 0 && done < limit) {
		n = read(fd, chunk, limit - done < sizeof(chunk) ? (size_t)(limit - done) : sizeof(chunk));
		if (n <= 0)
			break;
		reply_begin(t, TREE_DATA);
		reply_bytes(t, chunk, (size_t)n);
		n = reply_end(t) < 0 ? -1 : n;
		done += (uint64_t)n;
	}
	return closing(fd, n < 0 ? tree_fail(t, "read", path) : reply_result(t, done));
}

/* Exactly `length` bytes of the output are written: what the file no longer holds is zeros, so that a tar stays well formed. */
int tree_copy(struct tree *t, struct cursor *c, unsigned flags)
{
	struct stat st;
	int root = take_fd(c), out = take_fd(c);
	uint64_t offset = take_u64(c), length = take_u64(c);
	const char *path = take_text(c);
	c->bad |= offset > INT64_MAX / 2 || length > INT64_MAX / 2;
	if (take_end(t, c) < 0)
		return -1;
	int fd = open_file(t, root, path, flags);
	if (fd < 0)
		return flags & TREE_MISSING && (is_missing(errno) || errno == EISDIR || errno == EINVAL) ? reply_result(t, 0) : -1;
	int64_t copied = copy_range(t, fd, 0, out, offset, length);
	if (copied < 0)
		return closing(fd, tree_fail(t, "copy", path));
	close(fd);
	/* A hole at its end has not been written either. */
	if (fstat(out, &st) == 0 && (uint64_t)st.st_size < offset + length && ftruncate(out, (off_t)(offset + length)) < 0)
		return tree_fail(t, "copy", path);
	return reply_result(t, (uint64_t)copied);
}
