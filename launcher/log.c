/*
 * CRI records, `TIME STREAM F|P LINE\n` (kubernetes/design-proposals-archive node/kubelet-cri-logging.md).
 * The bytes of a line are kept as they are, NULs included; P says that the newline is not part of the output.
 */
#include "log.h"

#include <limits.h>
#include <sys/stat.h>

/* " stdout F " */
enum { LOG_TAG = 10, LOG_HEAD = LOG_TIME + LOG_TAG };

static void open_file(struct log *log)
{
	struct stat status;
	char last;
	log->size = 0;
	log->fd = openat(log->directory, log->name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (log->fd < 0)
		return;
	if (fstat(log->fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(log->fd);
		log->fd = -1;
		return;
	}
	log->size = (uint64_t)status.st_size;
	/* a monitor that was killed may have left half a record */
	if (log->size > 0 && pread(log->fd, &last, 1, status.st_size - 1) == 1 && last != '\n' && write(log->fd, "\n", 1) == 1)
		log->size++;
}

void log_open(struct log *log, const char *path, uint64_t max_bytes, uint64_t max_files, char *memory)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	memset(log, 0, sizeof(*log));
	log->directory = log->fd = -1;
	if (!slash || slash[1] == '\0' || max_bytes == 0)
		return;
	char *directory = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	log->name = strdup(slash + 1);
	if (directory && log->name)
		log->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(directory);
	log->max_bytes = max_bytes;
	log->max_files = max_files;
	log->out = memory;
	log->line[0].bytes = memory + LOG_OUT;
	log->line[1].bytes = memory + LOG_OUT + LOG_LINE;
	/* the file itself is made with the first record: most short containers write none */
}

/* LOG, LOG.1, LOG.2 and so on. */
static bool name_file(const struct log *log, uint64_t number, char name[NAME_MAX + 1])
{
	int length = number == 0 ? snprintf(name, NAME_MAX + 1, "%s", log->name)
				 : snprintf(name, NAME_MAX + 1, "%s.%llu", log->name, (unsigned long long)number);
	return length > 0 && length <= NAME_MAX;
}

/* log.1 → log.2, log → log.1; what would be number max_files goes. Errors leave a file in place: the log is then longer, not lost. */
static void rotate(struct log *log)
{
	char from[NAME_MAX + 1], to[NAME_MAX + 1];
	/*
	 * The last one is unlinked, not renamed over: ext4 takes a replacing rename for a careful editor's and writes the new
	 * file's blocks to the disk at once (auto_da_alloc).
	 */
	if (name_file(log, log->max_files > 1 ? log->max_files - 1 : 0, to))
		unlinkat(log->directory, to, 0);
	for (uint64_t number = log->max_files; number > 1; number--)
		if (name_file(log, number - 1, to) && name_file(log, number - 2, from))
			renameat(log->directory, from, log->directory, to);
	if (log->fd >= 0)
		close(log->fd);
	open_file(log);
}

/* All or nothing: after a short write (disk full, quota, file size limit) the file is cut back to whole records. */
static void flush(struct log *log)
{
	size_t done = 0;

	if (log->used == 0)
		return;
	if (log->fd < 0)
		open_file(log);
	while (log->fd >= 0 && done < log->used) {
		ssize_t n = write(log->fd, log->out + done, log->used - done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done == log->used) {
		log->size += done;
	} else {
		log->dropped += log->used_payload;
		if (done > 0 && ftruncate(log->fd, (off_t)log->size) < 0)
			log->size += done;
	}
	log->used = log->used_payload = 0;
}

/* One record from two pieces; the last byte of an F record is the newline of the output itself. */
static void record(struct log *log, const char *time, int stream, bool partial, const char *a, size_t a_length, const char *b,
		   size_t b_length)
{
	size_t length = LOG_HEAD + a_length + b_length + (partial ? 1 : 0);
	if (log->size + log->used > 0 && log->size + log->used + length > log->max_bytes) {
		flush(log);
		if (log->fd >= 0 && log->size > 0)
			rotate(log);
	}
	if (log->used + length > LOG_OUT)
		flush(log);
	char *to = log->out + log->used;
	memcpy(to, time, LOG_TIME);
	memcpy(to + LOG_TIME, stream == 2 ? " stderr " : " stdout ", LOG_TAG - 2);
	to[LOG_HEAD - 2] = partial ? 'P' : 'F';
	to[LOG_HEAD - 1] = ' ';
	to += LOG_HEAD;
	if (a_length > 0)
		memcpy(to, a, a_length);
	if (b_length > 0)
		memcpy(to + a_length, b, b_length);
	if (partial)
		to[a_length + b_length] = '\n';
	log->used += length;
	log->used_payload += a_length + b_length;
}

static void format_time(char *to)
{
	struct timespec now;
	struct tm parts;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(to, LOG_TIME + 1, "%Y-%m-%dT%H:%M:%S.", &parts);
	for (int digit = LOG_TIME - 2; digit >= 20; digit--, now.tv_nsec /= 10)
		to[digit] = (char)('0' + now.tv_nsec % 10);
	to[LOG_TIME - 1] = 'Z';
	to[LOG_TIME] = '\0';
}

void log_write(struct log *log, int stream, const char *bytes, size_t length)
{
	struct log_line *line = &log->line[stream == 2];
	const char *end = bytes + length;
	char now[LOG_TIME + 1];

	if (log->directory < 0) {
		if (log->max_bytes > 0)
			log->dropped += length;
		return;
	}
	format_time(now);
	while (bytes < end) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t visible = (size_t)((newline ? newline : end) - bytes);
		const char *time = line->length > 0 ? line->time : now;

		if (line->length + visible > LOG_LINE) {
			size_t part = LOG_LINE - line->length;

			record(log, time, stream, true, line->bytes, line->length, bytes, part);
			line->length = 0;
			bytes += part;
		} else if (newline) {
			record(log, time, stream, false, line->bytes, line->length, bytes, visible + 1);
			line->length = 0;
			bytes = newline + 1;
		} else {
			if (line->length == 0) {
				memcpy(line->time, now, sizeof(now));
				line->aged = false;
			}
			memcpy(line->bytes + line->length, bytes, visible);
			line->length += visible;
			break;
		}
	}
	flush(log);
}

static void flush_line(struct log *log, int stream)
{
	struct log_line *line = &log->line[stream - 1];

	if (line->length == 0)
		return;
	record(log, line->time, stream, true, line->bytes, line->length, NULL, 0);
	line->length = 0;
	flush(log);
}

bool log_idle(struct log *log)
{
	for (int stream = 1; stream <= 2; stream++) {
		struct log_line *line = &log->line[stream - 1];

		if (line->length > 0 && line->aged)
			flush_line(log, stream);
		line->aged = true;
	}
	return log->line[0].length == 0 && log->line[1].length == 0;
}

void log_close(struct log *log)
{
	if (log->directory >= 0) {
		flush_line(log, 1);
		flush_line(log, 2);
		close(log->directory);
	}
	if (log->fd >= 0)
		close(log->fd);
	free(log->name);
	log->name = NULL;
	log->directory = log->fd = -1;
}
