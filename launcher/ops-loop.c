/* Block devices over files, for file systems that this kernel mounts from nothing else. */
#include "run.h"

#include <linux/loop.h>
#include <sys/ioctl.h>

/* Between asking for a free device and taking it, somebody else may have taken it. */
enum { ATTEMPTS = 100, SECTOR = 512 };

/*
 * Nothing to be undone: the kernel frees the device when it is closed the last time (LO_FLAGS_AUTOCLEAR), by whoever mounts it or by the
 * launcher's end. Direct I/O, where the file can, so that not both of them are cached; the file itself is opened without O_DIRECT, for which
 * the kernel would choose the disk's block size. LOOP_CONFIGURE sets all at once (Linux 5.8).
 */
static int attach(struct run *run, int control, int file)
{
	struct loop_config config = { .fd = (uint32_t)file, .block_size = SECTOR };
	config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
	for (int attempt = 1;; attempt++) {
		char path[32];
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0)
			return fail(run, "a free one of /dev/loop-control");
		snprintf(path, sizeof(path), "/dev/loop%d", number);
		int loop = open(path, O_RDONLY | O_CLOEXEC);
		if (loop < 0)
			return fail(run, "%s", path);
		if (ioctl(loop, LOOP_CONFIGURE, &config) == 0)
			return loop;
		closing(loop, -1);
		if (errno != EBUSY || attempt == ATTEMPTS)
			return fail(run, "set up %s", path);
	}
}

int op_LOOP(struct run *run, const union argument *args)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return fail(run, "/dev/loop-control");
	int file = open(args[0].s, O_RDONLY | O_CLOEXEC);
	int loop = file < 0 ? fail(run, "%s", args[0].s) : closing(file, attach(run, control, file));
	return slot_fill(run, args[1], closing(control, loop));
}
