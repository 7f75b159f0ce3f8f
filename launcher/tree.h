/*
 * Tree operations: entries beneath a directory descriptor, by request of a client
 * that knows containers, images and tars. Protocol: docs/tree-protocol.md.
 */
#ifndef WHERRY_TREE_H
#define WHERRY_TREE_H

#include "cursor.h"
#include <sys/stat.h>

enum {
	TREE_FRAME_MAX = 256 * 1024, /* payload of a frame, either direction */
	TREE_PATH_MAX = 64 * 1024,   /* bytes of a path built while walking */
	TREE_FD_FIRST = 4,           /* lowest descriptor that a record may name */
};

enum tree_frame { TREE_ERROR = 16, TREE_RECORDS = 32, TREE_DONE = 48, TREE_ENTRY = 49, TREE_DATA = 50, TREE_RESULT = 51 };

enum tree_record {
	TREE_MAKE = 1,
	TREE_SET = 2,
	TREE_REMOVE = 3,
	TREE_CHOWN = 4,
	TREE_SYNC = 5,
	TREE_READ = 16,
	TREE_STAT = 17,
	TREE_WALK = 18,
	TREE_COPY = 19,
};

enum tree_flag {
	TREE_REPLACE = 1,   /* MAKE: whatever is in the way goes, a directory with all it holds */
	TREE_PARENTS = 2,   /* MAKE: missing parents are made, 0755 */
	TREE_HARDLINK = 4,  /* MAKE: another name for the entry `target` */
	TREE_FOLLOW = 8,    /* symlinks are followed, inside the root; MAKE and SET: those of parents. Without it one in the way is ELOOP */
	TREE_LENIENT = 16,  /* xattrs that the file system can't hold are left out */
	TREE_MISSING = 32,  /* REMOVE, STAT, READ, WALK, COPY: nothing there is fine */
	TREE_NO_XATTR = 64, /* STAT, WALK: without xattrs */
	TREE_NOFOLLOW = 128, /* with FOLLOW: but not the last component */
	TREE_KIND = 256,    /* MAKE: a directory gives way to nothing else, and nothing else to a directory: EISDIR, ENOTDIR */
	TREE_FLAT = 512,    /* WALK: one level; a directory of the kernel's own file systems is empty then */
	TREE_FROM = 1024,   /* MAKE: the data are those of the regular file `target` beneath the segment's descriptor, a directory */
};

enum tree_mask { TREE_OWNER = 1, TREE_MODE = 2, TREE_MTIME = 4 };

struct tree {
	int in, out;
	bool failed; /* a record has: what streams hold next is not what the coming records mean */
	uint8_t frame[TREE_FRAME_MAX];     /* the request being carried out */
	uint8_t reply[2 * TREE_FRAME_MAX]; /* replies not sent yet */
	size_t reply_used, reply_frame; /* bytes in use; where the open frame starts */
	bool reply_bad;                 /* the open frame would be too long, or could not be sent */
	char detail[TREE_PATH_MAX];     /* "CALL PATH" of what failed */
	int cwd_root;                   /* the working directory is `cwd` beneath this descriptor; -1: not known */
	unsigned cwd_flags;
	size_t cwd_length;
	char cwd[4096];
	size_t path_length; /* of the entry being walked */
	char path[TREE_PATH_MAX];
	uint8_t copy_buffer[TREE_FRAME_MAX]; /* for what the kernel can't copy by itself, or not as fast */
};

int take_fd(struct cursor *c);

/* Notes "CALL PATH" for the client beside errno; returns -1. */
int tree_fail(struct tree *t, const char *call, const char *path);
/* The same with an errno of ours. */
int tree_refuse(struct tree *t, int error, const char *call, const char *path);
/* After the last argument: nothing is missing or left over. */
int take_end(struct tree *t, const struct cursor *c);

void reply_begin(struct tree *t, enum tree_frame type);
void reply_bytes(struct tree *t, const void *bytes, size_t length);
void reply_u32(struct tree *t, uint32_t value);
void reply_u64(struct tree *t, uint64_t value);
void reply_text(struct tree *t, const char *text, size_t length);
/* -1 (E2BIG) when the frame would have been too long: it is dropped then. */
int reply_end(struct tree *t);
int reply_result(struct tree *t, uint64_t value);

/* A lookup beneath `dir`: following symlinks inside it (FOLLOW), or not at all (ELOOP). */
int open_beneath(int dir, const char *path, int open_flags, unsigned flags);
/* The same for one directory in another, never entering a mount (EXDEV). */
int open_subdirectory(int dir, const char *name);
/* The errors of a lookup that mean: there is no such entry (a symlink that may not be followed leads nowhere). */
bool is_missing(int error);
/* The last component of `path`; its directory beneath `root` becomes the working directory. NULL after a failure. */
const char *enter_parent(struct tree *t, int root, const char *path, unsigned flags);
void forget_parent(struct tree *t);

/* Cuts t->path to a length that it had before. */
void path_pop(struct tree *t, size_t before);

/* One record each; the cursor stands after the record's header. */
int tree_make(struct tree *t, struct cursor *c, unsigned flags);
int tree_set(struct tree *t, struct cursor *c, unsigned flags);
int tree_remove(struct tree *t, struct cursor *c, unsigned flags);
int tree_chown(struct tree *t, struct cursor *c, unsigned flags);
int tree_read(struct tree *t, struct cursor *c, unsigned flags);
int tree_stat(struct tree *t, struct cursor *c, unsigned flags);
int tree_walk(struct tree *t, struct cursor *c, unsigned flags);
int tree_copy(struct tree *t, struct cursor *c, unsigned flags);

/* A regular file, opened without waiting for anybody (FIFO) and without waking a device. */
int open_file(struct tree *t, int root, const char *path, unsigned flags);
/* Removes `name` in the working directory and all beneath, never crossing a mount. */
int remove_name(struct tree *t, const char *name);
/* Copies exactly `length` bytes of a pipe or socket into a new file, zeros as holes; less only at its end. Returns the number, or -1. */
int64_t copy_stream(struct tree *t, int in, int out, uint64_t out_offset, uint64_t length);
enum { COPY_SMALL = 128 * 1024 }; /* up to here, read and write cost less than copy_file_range's pipe, and holes are not looked for */
/* Copies exactly `length` bytes to where nothing has been written; less only at the end of the source. Holes stay holes. Returns the number, or -1. */
int64_t copy_range(struct tree *t, int in, uint64_t in_offset, int out, uint64_t out_offset, uint64_t length);

/* The names in an open directory. */
struct names {
	char *text;
	size_t used, size;
	const char **list; /* NULL after the last */
	size_t count;
};
enum order { AS_THEY_COME, BY_BYTES };
int read_names(int fd, struct names *names, enum order order);
void free_names(struct names *names);
/* Calls `visit` for each of them, t->path leading there, until one fails. `dir` is the working directory then, and for it to restore. */
int each_entry(struct tree *t, int dir, enum order order, int (*visit)(struct tree *, int, const char *, void *), void *context);

/* Serves one client until it closes; the exit status of the process. */
int tree_main(int fd);

#endif
