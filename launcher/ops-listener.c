/* A seccomp filter that asks an agent. */
#include "run.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

int op_LISTENER(struct run *run, const union argument *args)
{
	size_t count = args[0].b.length / sizeof(struct sock_filter);
	if (args[0].b.length % sizeof(struct sock_filter) || count == 0 || count > BPF_MAXINSNS)
		return refuse(run, EINVAL, "program length");
	struct sock_fprog program = { (unsigned short)count, (void *)(uintptr_t)args[0].b.data };
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, args[1].u | SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	return slot_fill(run, args[2], (int)fd);
}
