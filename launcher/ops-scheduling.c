/* How the process is scheduled: processor, disk, memory nodes. The C libraries wrap none of these calls. */
#include "run.h"

enum { IOPRIO_WHO_PROCESS = 1 };

int op_SCHEDULER(struct run *run, const union argument *args)
{
	unsigned char attributes[56] = { 0 }; /* struct sched_attr, which begins with its size */
	if (args[0].b.length > sizeof(attributes))
		return refuse(run, E2BIG, "struct sched_attr");
	memcpy(attributes, args[0].b.data, args[0].b.length);
	return (int)syscall(SYS_sched_setattr, 0, attributes, 0);
}

int op_IOPRIO(struct run *run, const union argument *args)
{
	return (int)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, (int)args[0].u);
}

/* As an array of longs: on little endian the bytes are the same. */
int op_AFFINITY(struct run *run, const union argument *args)
{
	unsigned long mask[1024 / sizeof(long)] = { 0 };
	if (args[0].b.length > sizeof(mask))
		return refuse(run, E2BIG, "list of processors");
	memcpy(mask, args[0].b.data, args[0].b.length);
	return syscall(SYS_sched_setaffinity, 0, args[0].b.length, mask) < 0 ? -1 : 0;
}

int op_MEMPOLICY(struct run *run, const union argument *args)
{
	unsigned long nodes[128 / sizeof(long)] = { 0 };
	if (args[1].b.length > sizeof(nodes))
		return refuse(run, E2BIG, "list of nodes");
	memcpy(nodes, args[1].b.data, args[1].b.length);
	return (int)syscall(SYS_set_mempolicy, (int)args[0].u, args[1].b.length ? nodes : NULL, args[1].b.length ? args[1].b.length * 8 + 1 : 0);
}
