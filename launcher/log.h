/*
 * The container's log: CRI records in a file that rotates by size.
 */
#ifndef WHERRY_LOG_H
#define WHERRY_LOG_H

#include "kernel.h"

enum {
	LOG_LINE = 16384,        /* longest line of one record; a longer one is cut into P records */
	LOG_OUT = 65536,         /* bytes gathered for one write(2) */
	LOG_MEMORY = LOG_OUT + 2 * LOG_LINE,
	LOG_TIME = 30,           /* 2006-01-02T15:04:05.000000000Z */
};

/* The begin of a line whose end has not come yet. */
struct log_line {
	char *bytes;             /* LOG_LINE bytes */
	size_t length;
	bool aged;
	char time[LOG_TIME + 1]; /* of its first byte */
};

struct log {
	int directory;           /* -1: there is no log */
	int fd;                  /* -1: it could not be opened, the next write tries again */
	char *name;
	uint64_t size, max_bytes, max_files;
	uint64_t dropped;        /* bytes of output that no record holds */
	char *out;               /* LOG_OUT bytes */
	size_t used, used_payload;
	struct log_line line[2];
};

/*
 * Opens path for appending; max_bytes 0 means that nothing is ever logged. memory: LOG_MEMORY zeroed bytes that the caller may
 * give back to the kernel whenever log_idle() says so. A log that can't be opened drops and counts.
 */
void log_open(struct log *log, const char *path, uint64_t max_bytes, uint64_t max_files, char *memory);

/* Appends bytes of stream 1 or 2. Never fails: what can't be written is counted in dropped. */
void log_write(struct log *log, int stream, const char *bytes, size_t length);

/*
 * To be called some time after a write, until it returns true: writes the begin of lines that have been waiting for their end
 * since the last call as P records. True: nothing is held, memory holds nothing of worth.
 */
bool log_idle(struct log *log);

/* Writes what is held and closes. */
void log_close(struct log *log);

#endif
