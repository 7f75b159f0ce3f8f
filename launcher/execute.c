#include "run.h"

#include <poll.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "frame.h"
#include "monitor.h"

static operation_function *const functions[PLAN_CODES] = {
#define OP(code, name, signature, sections) [code] = op_##name,
#include "operations.def"
#undef OP
};

int fail(struct run *run, const char *format, ...)
{
	int error = errno;
	va_list list;
	va_start(list, format);
	vsnprintf(run->detail, sizeof(run->detail), format, list);
	va_end(list);
	errno = error;
	return -1;
}

int slot_directory(const struct run *run, union argument argument)
{
	return slot_at(argument, 0) == SLOT_NONE ? AT_FDCWD : run->slots[slot_at(argument, 0)];
}

int slot_optional(const struct run *run, union argument argument)
{
	return slot_at(argument, 0) == SLOT_NONE ? -1 : run->slots[slot_at(argument, 0)];
}

int slot_fill(struct run *run, union argument argument, int fd)
{
	if (fd < 0)
		return -1;
	run->slots[slot_at(argument, 0)] = fd;
	return 0;
}

/* An earlier failure that the plan ignores left a slot empty. GIVE, CLOSE and MONITOR cope with that themselves. */
static bool names_empty_slot(const struct run *run, const struct operation *op)
{
	if (op->code == OP_GIVE || op->code == OP_CLOSE || op->code == OP_MONITOR)
		return false;
	const char *signature = operation_kinds[op->code].signature;
	for (int i = 0; signature[i]; i++) {
		for (uint32_t j = 0; strchr("fdgF", signature[i]) && j < op->args[i].slots.count; j++) {
			uint16_t slot = slot_at(op->args[i], j);
			if (slot != SLOT_NONE && run->slots[slot] < 0)
				return true;
		}
	}
	return false;
}

/*
 * Without its client a launch is given up at once: somebody may already be clearing up after it, and would not see what is made
 * from now on. The child notices by the launcher's end.
 */
static int check_client(struct run *run)
{
	struct pollfd client = { run->client, 0, 0 }; /* POLLHUP is always told */
	if (run->client < 0 || poll(&client, 1, 0) != 1)
		return 0;
	return refuse(run, ECANCELED, "the client is gone");
}

/* The index of the operation that failed, with errno and `detail`; NO_OPERATION when all went well. */
static uint32_t run_section(struct run *run, enum section section)
{
	for (uint32_t i = run->plan->first[section]; i < run->plan->first[section + 1]; i++) {
		const struct operation *op = &run->plan->operations[i];
		run->detail[0] = 0;
		if ((FAULT_BUILD && inject_fault(i) != 0) || check_client(run) != 0)
			return i;
		if (names_empty_slot(run, op) || functions[op->code](run, op->args) == 0)
			continue;
		if (errno != 0 && (errno == op->ignored[0] || errno == op->ignored[1] || op->ignored[0] == IGNORE_ANY))
			continue;
		return i;
	}
	return NO_OPERATION;
}

/* Reads one frame from the child, or the end. */
static int read_report(struct run *run)
{
	struct frame frame;
	unsigned char payload[8 + sizeof(run->child_detail)];
	int got = frame_read_header(run->report, &frame);
	if (got == 1 && frame.type == FRAME_EXECUTING) {
		run->executing = true;
		return 0;
	}
	if (got == 1 && frame.type == FRAME_ERROR && frame.length >= 8 && frame.length < sizeof(payload) &&
	    read_exactly(run->report, payload, frame.length) == 0) {
		run->child_failed = true;
		run->child_index = get32(payload);
		run->child_errno = (int)get32(payload + 4);
		memcpy(run->child_detail, payload + 8, frame.length - 8);
	} else if (got != 0 || !run->executing) {
		run->child_failed = true;
		run->child_index = NO_OPERATION;
		run->child_errno = ECHILD;
	}
	close(run->report);
	run->report = -1;
	errno = ECHILD;
	return run->child_failed ? -1 : 0;
}

int await(struct run *run, int fd)
{
	while (fd >= 0 || run->report >= 0) {
		struct pollfd polls[3] = {
			{ fd, POLLIN, 0 },
			{ fd == run->client ? -1 : run->client, 0, 0 }, /* POLLHUP is always told */
			{ run->report, POLLIN, 0 },
		};
		if (poll(polls, 3, -1) < 0)
			return -1;
		if (polls[1].revents & (POLLHUP | POLLERR))
			return refuse(run, ECANCELED, "the client is gone");
		if (polls[0].revents)
			return 0;
		if (polls[2].revents && read_report(run) != 0)
			return -1;
	}
	return 0;
}

/* Undoes what the launcher owns, the child, and tells the first failure. */
static int abandon(struct run *run, uint32_t index)
{
	int error = errno;
	const char *detail = run->detail;
	siginfo_t info = { 0 };
	struct pollfd report = { run->report, POLLIN, 0 };
	while (run->report >= 0 && !run->child_failed && poll(&report, 1, 0) == 1) {
		read_report(run);
		report.fd = run->report;
	}
	if (run->child_failed && (run->child_index != NO_OPERATION || error == ECHILD)) {
		index = run->child_index;
		error = run->child_errno;
		detail = run->child_detail;
	}
	if (run->pidfd >= 0) {
		sys_pidfd_send_signal(run->pidfd, SIGKILL);
		waitid(P_PIDFD, (id_t)run->pidfd, &info, WEXITED);
		if (index == NO_OPERATION && detail == run->child_detail)
			snprintf(run->child_detail, sizeof(run->child_detail), "the child %s %d before it could report",
				info.si_code == CLD_EXITED ? "exited with status" : "was killed by signal", info.si_status);
	}
	forget_started(run);
	frame_write_error(run->client, index, error, detail);
	return 1;
}

static _Noreturn void run_child(struct run *run)
{
	uint32_t index = run_section(run, SECTION_CHILD);
	frame_write_error(run->report, index, errno, run->detail);
	_exit(1);
}

const union argument *monitor_arguments(const struct plan *plan)
{
	uint32_t tail = plan->first[SECTION_TAIL];
	return tail < plan->count && plan->operations[tail].code == OP_MONITOR ? plan->operations[tail].args : NULL;
}

/* Before anybody is told that there is something to attach to. */
static int prepare_tail(struct run *run)
{
	const union argument *args = monitor_arguments(run->plan);
	if (args && monitor_prepare(args[4].s, args[5].u, &run->listener) < 0)
		return fail(run, "%.900s/attach.sock", args[4].s);
	return 0;
}

/* The monitor stays for long; the plan need not. */
static void release_plan(void *plan)
{
	plan_free(plan);
}

static int run_tail(struct run *run)
{
	const union argument *args = monitor_arguments(run->plan);
	if (FAULT_BUILD && inject_fault(run->plan->first[SECTION_TAIL]) != 0)
		return 1; /* as when the monitor can't be set up: the process has been told to have started, and dies with us */
	if (!args)
		return 0;
	struct monitor_args monitor = {
		.pid = run->child,
		.pidfd = run->pidfd,
		.client = run->client,
		.listener = run->listener,
		.console = slot_optional(run, args[0]),
		.in = slot_optional(run, args[1]),
		.out = slot_optional(run, args[2]),
		.err = slot_optional(run, args[3]),
		.rundir = args[4].s,
		.flags = args[5].u,
		.log_path = args[6].s,
		.log_bytes = args[7].u,
		.log_files = args[8].u,
		.buffer = args[9].u,
		.hook_argv = args[10].v.list,
		.hook_env = args[11].v.list,
		.release = release_plan,
		.plan = (void *)run->plan,
	};
	return monitor_run(&monitor);
}

int plan_execute(const struct plan *plan, int client)
{
	struct run run = { .plan = plan, .client = client, .report = -1, .sync = -1, .pidfd = -1, .listener = -1, .rundir = -1, .record = -1 };
	for (int slot = 0; slot < PLAN_SLOTS_MAX; slot++)
		run.slots[slot] = -1;
	run.umask = umask(0);
	signal(SIGPIPE, SIG_IGN);
	uint32_t index = run_section(&run, SECTION_HOST);
	if (run.in_child)
		run_child(&run);
	/* A plan for the host alone: nothing has started, and nothing stays. */
	if (index == NO_OPERATION && run.pidfd < 0)
		return frame_write(client, FRAME_DONE, 0, NULL, 0) < 0 ? 1 : 0;
	if (index == NO_OPERATION)
		index = run_section(&run, SECTION_PARENT);
	if (index != NO_OPERATION)
		return abandon(&run, index);
	/* The child is busy: time to prepare what follows. */
	if (prepare_tail(&run) != 0 || prepare_started(&run) != 0 || await(&run, -1) != 0 || tell_started(&run) != 0)
		return abandon(&run, NO_OPERATION);
	return run_tail(&run);
}

/* Both are run by run_tail. */
int op_MONITOR(struct run *run, const union argument *args)
{
	return 0;
}

int op_DETACH(struct run *run, const union argument *args)
{
	return 0;
}
