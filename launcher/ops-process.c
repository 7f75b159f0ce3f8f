/* The process: session, terminal, stdio, names, limits. */
#include "run.h"

#include <linux/keyctl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include "lookup.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

enum { DEVPTS_MAGIC = 0x1cd1, PTMX_MAJOR = 5, PTMX_MINOR = 2 };

int op_SETSID(struct run *run, const union argument *args)
{
	return setsid() < 0 ? -1 : 0;
}

/* A ptmx that the image replaced by something else must not become the console. */
static int check_ptmx(int fd)
{
	struct stat status;
	struct statfs fs;
	if (fstat(fd, &status) != 0 || fstatfs(fd, &fs) != 0)
		return -1;
	if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(PTMX_MAJOR, PTMX_MINOR) && fs.f_type == DEVPTS_MAGIC)
		return 0;
	return failing(ENODEV);
}

/* The slave comes from the master's descriptor, not from a path in the container (CVE-2025-52565). */
int op_PTY(struct run *run, const union argument *args)
{
	struct winsize size = { .ws_row = (unsigned short)args[2].u, .ws_col = (unsigned short)args[3].u };
	int unlock = 0, slave;
	int probe = lookup_open(slot_directory(run, args[0]), args[1].s, O_PATH);
	if (probe < 0)
		return -1;
	if (closing(probe, check_ptmx(probe)) != 0) /* opening some other device might already do harm */
		return fail(run, "not the multiplexer of a devpts");
	int master = lookup_open(slot_directory(run, args[0]), args[1].s, O_RDWR | O_NOCTTY);
	if (master < 0)
		return -1;
	const char *step = "not the multiplexer of a devpts";
	if (check_ptmx(master) != 0)
		goto failed;
	step = "TIOCSPTLCK";
	if (ioctl(master, TIOCSPTLCK, &unlock) != 0)
		goto failed;
	step = "TIOCGPTPEER";
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		goto failed;
	ioctl(slave, TIOCSWINSZ, &size);
	slot_fill(run, args[4], master);
	return slot_fill(run, args[5], slave);
failed:
	return closing(master, fail(run, "%s", step));
}

int op_STDIO(struct run *run, const union argument *args)
{
	for (int fd = 0; fd < 3; fd++) {
		int slot = slot_optional(run, args[fd]);
		if (slot >= 0 && dup2(slot, fd) < 0)
			return -1;
	}
	return 0;
}

int op_CTTY(struct run *run, const union argument *args)
{
	return ioctl(slot_optional(run, args[0]), TIOCSCTTY, 0);
}

int op_NAMES(struct run *run, const union argument *args)
{
	if (*args[0].s && sethostname(args[0].s, strlen(args[0].s)) != 0)
		return fail(run, "sethostname");
	if (*args[1].s && setdomainname(args[1].s, strlen(args[1].s)) != 0)
		return fail(run, "setdomainname");
	return 0;
}

int op_RLIMIT(struct run *run, const union argument *args)
{
	uint64_t limits[2] = { args[1].u, args[2].u };
	return (int)syscall(SYS_prlimit64, 0, (unsigned)args[0].u, limits, NULL);
}

int op_UMASK(struct run *run, const union argument *args)
{
	umask((mode_t)args[0].u);
	run->masked = true;
	return 0;
}

int op_PERSONALITY(struct run *run, const union argument *args)
{
	return personality((unsigned)args[0].u) < 0 ? -1 : 0;
}

int op_KEYRING(struct run *run, const union argument *args)
{
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, *args[0].s ? args[0].s : NULL) < 0 ? -1 : 0;
}

int rearm_pdeathsig(struct run *run)
{
	if (!run->pdeathsig)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, run->pdeathsig) != 0)
		return fail(run, "PR_SET_PDEATHSIG");
	/* The launcher may have died before: then its end of the socket is closed. getppid() tells nothing across pid namespaces. */
	struct pollfd sync = { run->sync, 0, 0 };
	if (poll(&sync, 1, 0) == 1)
		return refuse(run, EOWNERDEAD, "the launcher is gone");
	return 0;
}

int op_PDEATHSIG(struct run *run, const union argument *args)
{
	run->pdeathsig = (int)args[0].u;
	if (run->pdeathsig)
		return rearm_pdeathsig(run);
	return prctl(PR_SET_PDEATHSIG, 0);
}

int op_DUMPABLE(struct run *run, const union argument *args)
{
	return prctl(PR_SET_DUMPABLE, args[0].u);
}
