/* tmpcopyup: what an image has at a place comes along into the tmpfs that is mounted there. */
#include "run.h"

#include <dirent.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include "lookup.h"

enum { DEPTH_MAX = 64 };

static int copy_directory(int from, int to, int depth);

static int copy_file(int from, int to, const char *name)
{
	ssize_t sent = 1;
	int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int out = in < 0 ? -1 : openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	while (out >= 0 && sent > 0)
		sent = sendfile(out, in, NULL, 1 << 30);
	return closing(in, closing(out, out < 0 || sent < 0 ? -1 : 0));
}

static int copy_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(from, name, target, sizeof(target) - 1);
	if (length < 0)
		return -1;
	target[length] = 0;
	return symlinkat(target, to, name);
}

static int copy_below(int from, int to, const char *name, int depth)
{
	int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), out = -1;
	if (in >= 0 && mkdirat(to, name, 0700) == 0)
		out = openat(to, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return closing(out, out < 0 ? closing(in, -1) : copy_directory(in, out, depth + 1));
}

static int copy_entry(int from, int to, const char *name, int depth)
{
	struct stat st;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	int made = S_ISDIR(st.st_mode) ? copy_below(from, to, name, depth)
		: S_ISREG(st.st_mode)  ? copy_file(from, to, name)
		: S_ISLNK(st.st_mode)  ? copy_link(from, to, name)
				       : mknodat(to, name, st.st_mode, st.st_rdev);
	if (made != 0 || fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (!S_ISLNK(st.st_mode) && fchmodat(to, name, st.st_mode & 07777, 0) != 0) /* after chown, which clears bits of it */
		return -1;
	struct timespec times[2] = { st.st_atim, st.st_mtim };
	return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
}

/* Closes `from`. */
static int copy_directory(int from, int to, int depth)
{
	int result = 0;
	DIR *directory = depth > DEPTH_MAX ? NULL : fdopendir(from);
	if (!directory) {
		errno = depth > DEPTH_MAX ? ELOOP : errno;
		return closing(from, -1);
	}
	for (struct dirent *entry; result == 0 && (entry = readdir(directory));)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			result = copy_entry(from, to, entry->d_name, depth);
	int error = errno;
	closedir(directory);
	errno = error;
	return result;
}

int op_COPYUP(struct run *run, const union argument *args)
{
	struct stat st;
	int to = slot_optional(run, args[0]);
	int from = lookup_open(slot_directory(run, args[1]), args[2].s, O_RDONLY | O_DIRECTORY);
	if (from < 0)
		return -1;
	if (fstat(from, &st) != 0 || fchownat(to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) != 0)
		return closing(from, -1);
	return copy_directory(from, to, 0);
}
