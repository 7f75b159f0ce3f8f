/*
 * The monitor: stays as the container's parent when the plan has been carried out. See monitor-state.h.
 */
#include <sys/epoll.h>
#include <sys/mman.h>

#include "attach.h"
#include "monitor.h"

void source_open(struct source *source, int fd, void (*ready)(struct monitor *, struct source *, uint32_t))
{
	source->fd = fd;
	source->interest = 0;
	source->ready = ready;
}

void source_want(struct monitor *monitor, struct source *source, uint32_t interest)
{
	struct epoll_event event = {.events = interest, .data.ptr = source};
	int operation = source->interest == 0 ? EPOLL_CTL_ADD : interest == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

	if (source->fd < 0 || source->interest == interest)
		return;
	if (epoll_ctl(monitor->epoll, operation, source->fd, &event) == 0)
		source->interest = interest;
}

void source_close(struct monitor *monitor, struct source *source)
{
	if (source->fd < 0)
		return;
	/* a forked hook may still have the description: closing alone would not take it out */
	source_want(monitor, source, 0);
	close(source->fd);
	source->fd = -1;
	source->interest = 0;
}

/* Deep copy of a NULL-terminated list, one block. */
static char **copy_list(char *const *list)
{
	size_t count = 0, bytes = 0;
	for (; list && list[count]; count++)
		bytes += strlen(list[count]) + 1;
	char **copy = malloc((count + 1) * sizeof(*copy) + bytes);
	if (!copy)
		return NULL;
	char *text = (char *)(copy + count + 1);
	for (size_t i = 0; i < count; i++) {
		copy[i] = strcpy(text, list[i]);
		text += strlen(text) + 1;
	}
	copy[count] = NULL;
	return copy;
}

/* Slots of the plan, the report descriptor and whatever was inherited go; 0, 1 and 2 stay. */
static void close_others(const struct monitor_args *args)
{
	const int kept[] = {args->pidfd, args->client, args->listener, args->console, args->in, args->out, args->err};
	for (unsigned int first = 3, next; first != 0; first = next + 1) {
		next = ~0U;
		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (kept[i] >= (int)first && (unsigned int)kept[i] < next)
				next = (unsigned int)kept[i];
		if (next > first)
			sys_close_range(first, next == ~0U ? next : next - 1, 0);
	}
}

int set_nonblocking(int fd)
{
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static void open_stdio(struct monitor *monitor, const struct monitor_args *args)
{
	monitor->console = args->console >= 0;
	set_nonblocking(args->console);
	set_nonblocking(args->in);
	set_nonblocking(args->out);
	set_nonblocking(args->err);
	source_open(&monitor->output[0], monitor->console ? args->console : args->out, output_ready);
	source_open(&monitor->output[1], args->err, output_ready);
	source_open(&monitor->input, args->in, input_ready);
	monitor->input_open = monitor->console || args->in >= 0;
}

static void open_client(struct monitor *monitor, int fd)
{
	struct client *client = fd < 0 ? NULL : client_add(monitor, fd, true);

	if (!client)
		return;
	client->wants = monitor->flags & (MONITOR_WANTS_STDOUT | MONITOR_WANTS_STDERR);
	client->may_write = monitor->flags & MONITOR_MAY_WRITE;
	client->claims = monitor->flags & MONITOR_CLAIMS;
	if (client->may_write && (monitor->flags & MONITOR_STDIN_ONCE)) {
		monitor->once = client;
		monitor->once_taken = true;
	}
}

/* 0, or -1: without these nothing can be watched. */
static int open_monitor(struct monitor *monitor, struct monitor_args *args)
{
	memset(monitor, 0, sizeof(*monitor));
	monitor->listener.fd = monitor->hook.fd = monitor->hook_pipe = monitor->slave = -1;
	monitor->pid = args->pid;
	monitor->flags = args->flags;
	monitor->buffer = args->buffer;
	monitor->epoll = epoll_create1(EPOLL_CLOEXEC);
	monitor->io = mmap(NULL, MONITOR_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	monitor->hook_argv = copy_list(args->hook_argv);
	monitor->hook_env = copy_list(args->hook_env);
	if (monitor->epoll < 0 || monitor->io == MAP_FAILED || !monitor->hook_argv || !monitor->hook_env)
		return -1;
	monitor->directory = open(args->rundir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	log_open(&monitor->log, args->log_path, args->log_bytes, args->log_files, monitor->io + MONITOR_IO);
	source_open(&monitor->process, args->pidfd, process_ready);
	source_want(monitor, &monitor->process, EPOLLIN);
	open_stdio(monitor, args);
	open_client(monitor, args->client);
	listener_open(monitor, args->listener);
	if (args->release)
		args->release(args->plan);
	return monitor->process.interest ? 0 : -1;
}

/* Who is to be listened to follows from the state; said again after every round. */
static void update_interests(struct monitor *monitor)
{
	bool may_read = !clients_block_output(monitor);
	uint32_t writable = clients_hold_input(monitor) ? EPOLLOUT : 0;

	source_want(monitor, &monitor->output[0], (may_read ? EPOLLIN : 0) | (monitor->console ? writable : 0));
	source_want(monitor, &monitor->output[1], may_read ? EPOLLIN : 0);
	source_want(monitor, &monitor->input, writable);
	source_want(monitor, &monitor->listener, monitor->client_count < MONITOR_CLIENTS ? EPOLLIN : 0);
	source_want(monitor, &monitor->hook, EPOLLIN);
	for (struct client *client = monitor->clients; client; client = client->next)
		source_want(monitor, &client->source, (client->held ? 0 : EPOLLIN) | (client_queued(client) > 0 ? EPOLLOUT : 0));
}

static bool due(int64_t *at, int64_t now)
{
	if (*at == 0 || *at > now)
		return false;
	*at = 0;
	return true;
}

static void run_timers(struct monitor *monitor)
{
	int64_t now = monotonic_ms();

	if (due(&monitor->quiet_at, now)) {
		if (!monitor->ended && !log_idle(&monitor->log))
			monitor->quiet_at = now + MONITOR_QUIET_MS;
		else
			madvise(monitor->io, MONITOR_MEMORY, MADV_DONTNEED);
	}
	if (due(&monitor->reap_at, now))
		source_want(monitor, &monitor->process, EPOLLIN);
	if (due(&monitor->hook_at, now))
		hook_start(monitor);
	if (due(&monitor->linger_at, now))
		for (struct client *client = monitor->clients; client; client = client->next)
			if (!client->claims && !(client->starting && client_queued(client) > 0))
				client_drop(monitor, client);
}

static int next_timeout(const struct monitor *monitor)
{
	const int64_t at[] = {monitor->quiet_at, monitor->linger_at, monitor->hook_at, monitor->reap_at};
	int64_t first = 0;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		if (at[i] != 0 && (first == 0 || at[i] < first))
			first = at[i];
	if (first == 0)
		return -1;
	int64_t left = first - monotonic_ms();
	return left < 0 ? 0 : (int)left + 1;
}

/* The hook waits for clients that have claimed, and for nobody else. */
static void settle(struct monitor *monitor)
{
	if (!monitor->ended || monitor->settled)
		return;
	for (const struct client *client = monitor->clients; client; client = client->next)
		if (client->claims && !client->gone)
			return;
	monitor->settled = true;
	hook_start(monitor);
}

static void run_round(struct monitor *monitor)
{
	struct epoll_event events[16];
	int count = epoll_wait(monitor->epoll, events, 16, next_timeout(monitor));

	for (int i = 0; i < count; i++) {
		struct source *source = events[i].data.ptr;
		uint32_t wanted = source->interest | EPOLLHUP | EPOLLERR;

		/* an earlier event of this round may have closed it, or lost interest in it */
		if (source->fd >= 0 && source->interest && (events[i].events & wanted))
			source->ready(monitor, source, events[i].events & wanted);
	}
	if (count > 0 && monitor->quiet_at == 0)
		monitor->quiet_at = monotonic_ms() + MONITOR_QUIET_MS;
	if (count > 0 && monitor->ended && monitor->clients)
		monitor->linger_at = monotonic_ms() + MONITOR_LINGER_MS;
	run_timers(monitor);
	settle(monitor);
	clients_sweep(monitor);
}

int monitor_prepare(const char *rundir, uint64_t flags, int *listener)
{
	static const int survived[] = {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ};

	for (size_t i = 0; i < sizeof(survived) / sizeof(survived[0]); i++)
		signal(survived[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	setsid();
	*listener = -1;
	if (flags & MONITOR_NO_LISTENER)
		return 0;
	*listener = listener_make(rundir);
	return *listener < 0 ? -1 : 0;
}

int monitor_run(struct monitor_args *args)
{
	struct monitor monitor;
	close_others(args);
	(void)!chdir("/");
	int opened = open_monitor(&monitor, args);
	while (opened == 0 && (!monitor.ended || !monitor.settled || monitor.clients || monitor.hook.fd >= 0 || monitor.hook_at != 0)) {
		update_interests(&monitor);
		run_round(&monitor);
	}
	free((void *)monitor.hook_argv);
	free((void *)monitor.hook_env);
	return opened == 0 ? 0 : 1;
}
