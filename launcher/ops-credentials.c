/* What the process may do, and the exec. */
#include "run.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include "frame.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

int op_BOUNDING(struct run *run, const union argument *args)
{
	for (unsigned capability = 0; capability < 64; capability++) {
		if (args[0].u >> capability & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL) /* beyond the kernel's last one */
			break;
		return fail(run, "capability %u", capability);
	}
	return 0;
}

/* Leaving uid 0 keeps the permitted capabilities (PR_SET_KEEPCAPS) but clears the effective ones, which the steps before CAPSET need. */
static int raise_permitted(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) != 0)
		return -1;
	for (int half = 0; half < 2; half++)
		data[half].effective = data[half].permitted;
	return (int)syscall(SYS_capset, &header, data);
}

int op_IDS(struct run *run, const union argument *args)
{
	uint32_t uid = (uint32_t)args[0].u, gid = (uint32_t)args[1].u;
	size_t count = args[2].b.length / 4;
	uint32_t *groups = malloc(args[2].b.length + 1);
	if (!groups || args[2].b.length % 4) {
		free(groups);
		return refuse(run, EINVAL, "groups");
	}
	memcpy(groups, args[2].b.data, args[2].b.length);
	/* Raw calls: the libraries' ones look for threads to tell. */
	long result = prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) ? fail(run, "PR_SET_KEEPCAPS") : 0;
	if (result == 0)
		result = syscall(SYS_setgroups, count, groups) ? fail(run, "setgroups") : 0;
	if (result == 0)
		result = syscall(SYS_setresgid, gid, gid, gid) ? fail(run, "setresgid") : 0;
	if (result == 0)
		result = syscall(SYS_setresuid, uid, uid, uid) ? fail(run, "setresuid") : 0;
	if (result == 0 && uid != 0)
		result = raise_permitted() ? fail(run, "capset") : 0;
	free(groups); /* keeps errno in both libraries */
	return result ? -1 : rearm_pdeathsig(run);
}

int op_CAPSET(struct run *run, const union argument *args)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	for (int half = 0; half < 2; half++) {
		data[half].effective = (uint32_t)(args[0].u >> 32 * half);
		data[half].permitted = (uint32_t)(args[1].u >> 32 * half);
		data[half].inheritable = (uint32_t)(args[2].u >> 32 * half);
	}
	if (syscall(SYS_capset, &header, data) != 0)
		return -1;
	return rearm_pdeathsig(run);
}

int op_AMBIENT(struct run *run, const union argument *args)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return -1;
	for (unsigned capability = 0; capability < 64; capability++)
		if (args[0].u >> capability & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0)
			return fail(run, "capability %u", capability);
	return 0;
}

int op_NNP(struct run *run, const union argument *args)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* 0, or a descriptor when the flags ask for one. */
static int load_filter(struct run *run, union argument filter, uint64_t flags)
{
	size_t count = filter.b.length / sizeof(struct sock_filter);
	if (filter.b.length % sizeof(struct sock_filter) || count == 0 || count > BPF_MAXINSNS)
		return refuse(run, EINVAL, "program length");
	struct sock_fprog program = { (unsigned short)count, (void *)(uintptr_t)filter.b.data };
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

int op_SECCOMP(struct run *run, const union argument *args)
{
	if (args[1].u & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		return refuse(run, EINVAL, "flags");
	return load_filter(run, args[0], args[1].u);
}

/* A filter that asks an agent. */
int op_LISTENER(struct run *run, const union argument *args)
{
	return slot_fill(run, args[2], load_filter(run, args[0], args[1].u | SECCOMP_FILTER_FLAG_NEW_LISTENER));
}

/* Report and sync are passed over when they would be closed: both are close-on-exec. */
int op_CLOSERANGE(struct run *run, const union argument *args)
{
	uint64_t first = args[0].u, last = args[1].u > UINT32_MAX ? UINT32_MAX : args[1].u;
	int kept[2] = { run->report, run->sync };
	if (run->sync < run->report)
		kept[0] = run->sync, kept[1] = run->report;
	if (first > last)
		return failing(EINVAL);
	for (int i = 0; i < 2 && !(args[2].u & CLOSE_RANGE_CLOEXEC); i++) {
		uint64_t keep = (uint64_t)kept[i];
		if (keep < first || keep > last)
			continue;
		if (keep > first && sys_close_range((unsigned)first, (unsigned)keep - 1, (unsigned)args[2].u) != 0)
			return -1;
		first = keep + 1;
	}
	return first > last ? 0 : sys_close_range((unsigned)first, (unsigned)last, (unsigned)args[2].u);
}

/*
 * Close-on-exec is too late: the kernel resolves the candidate's path before it closes anything, and an image that names
 * /proc/self/fd/7/../../bin/x would run a program of the host (CVE-2024-21626).
 */
void close_slots(struct run *run, uint16_t kept, uint16_t also)
{
	for (uint16_t slot = 0; slot < run->plan->slots; slot++) {
		if (slot == kept || slot == also || run->slots[slot] <= STDERR_FILENO)
			continue;
		close(run->slots[slot]);
		run->slots[slot] = -1;
	}
	closing(run->sync, 0);
	run->sync = -1;
}

/* Descriptor 3 was the client's: what the caller passes on came one above where it is to be. Everything else is close-on-exec. */
int op_KEEPFDS(struct run *run, const union argument *args)
{
	if (args[0].u > 1000)
		return failing(EINVAL);
	run->kept = (uint32_t)args[0].u;
	return 0;
}

static int move_kept(struct run *run)
{
	for (int fd = CLIENT_DESCRIPTOR; fd < CLIENT_DESCRIPTOR + (int)run->kept; fd++)
		if (dup2(fd + 1, fd) < 0)
			return fail(run, "descriptor %d of the caller", fd);
	return 0;
}

int op_EXEC(struct run *run, const union argument *args)
{
	close_slots(run, SLOT_NONE, SLOT_NONE);
	if (move_kept(run) != 0)
		return -1;
	const char *denied = NULL, *candidate = "";
	if (!run->masked)
		umask(run->umask);
	if (frame_write(run->report, FRAME_EXECUTING, 0, NULL, 0) != 0)
		return -1;
	signal(SIGPIPE, SIG_DFL); /* the only one that is not as reset_signals() left it */
	errno = ENOENT;
	for (uint32_t i = 0; i < args[0].v.count; i++) {
		candidate = args[0].v.list[i];
		execve(candidate, args[1].v.list, args[2].v.list);
		if (errno == EACCES)
			denied = candidate;
		else if (errno != ENOENT && errno != ENOTDIR)
			return fail(run, "%.1000s", candidate);
	}
	if (denied)
		return refuse(run, EACCES, "%.1000s", denied);
	return fail(run, "%.1000s", candidate);
}
