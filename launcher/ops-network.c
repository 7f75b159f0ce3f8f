/* Netlink requests, and the one eBPF program that a container may need. */
#include "run.h"

#include <linux/bpf.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

enum { PATCH_CHILD_PID = 1, PATCH_LENGTH = 8 };

/* The kernel's sentence, from the attributes after an acknowledgement (NETLINK_EXT_ACK). */
static void note_sentence(struct run *run, const unsigned char *at, size_t length)
{
	size_t used = NLMSG_HDRLEN + sizeof(struct nlmsgerr);
	while (length >= used + 4) {
		size_t size = get16(at + used);
		if (size < 4 || size > length - used)
			return;
		if ((get16(at + used + 2) & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG) {
			fail(run, "%.*s", (int)(size - 4), (const char *)at + used + 4);
			return;
		}
		used += NLA_ALIGN(size);
	}
}

/* Reads until `expected` acknowledgements have come. */
static int await_acknowledgements(struct run *run, int fd, uint32_t expected)
{
	unsigned char reply[8192];
	while (expected > 0) {
		ssize_t got = recv(fd, reply, sizeof(reply), 0);
		if (got < 0)
			return -1;
		size_t at = 0, total = (size_t)got;
		while (total - at >= NLMSG_HDRLEN) {
			size_t length = get32(reply + at);
			if (length < NLMSG_HDRLEN || length > total - at)
				break;
			if (get16(reply + at + 4) == NLMSG_ERROR && length >= NLMSG_HDRLEN + sizeof(struct nlmsgerr)) {
				int error = -(int)get32(reply + at + NLMSG_HDRLEN);
				if (error != 0) {
					errno = error;
					note_sentence(run, reply + at, length);
					return -1;
				}
				expected--;
			}
			at += NLMSG_ALIGN(length) < total - at ? NLMSG_ALIGN(length) : total - at;
		}
	}
	return 0;
}

/* The messages' sequence numbers are the plan's. nfnetlink's batches travel as one datagram, everything else singly. */
static int send_messages(struct run *run, int fd, unsigned char *data, size_t length, bool batch)
{
	uint32_t expected = 0;
	size_t at = 0, start = 0;
	while (at < length) {
		size_t size = length - at >= NLMSG_HDRLEN ? get32(data + at) : 0;
		if (size < NLMSG_HDRLEN || size > length - at)
			return refuse(run, EINVAL, "message at byte %zu", at);
		uint16_t flags = get16(data + at + 6);
		if (!batch)
			put16(data + at + 6, flags |= NLM_F_ACK);
		expected += (flags & NLM_F_ACK) != 0;
		at += NLMSG_ALIGN(size) < length - at ? NLMSG_ALIGN(size) : length - at;
		if (batch && at < length)
			continue;
		struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
		if (sendto(fd, data + start, at - start, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
			return -1;
		if (await_acknowledgements(run, fd, expected) != 0)
			return -1;
		expected = 0;
		start = at;
	}
	return 0;
}

static int apply_patches(struct run *run, unsigned char *data, size_t length, union argument patches)
{
	for (uint32_t at = 0; at < patches.b.length; at += PATCH_LENGTH) {
		uint32_t offset = 0;
		bool whole = patches.b.length - at >= PATCH_LENGTH;
		if (whole)
			offset = get32(patches.b.data + at);
		if (!whole || get32(patches.b.data + at + 4) != PATCH_CHILD_PID || length < 4 || offset > length - 4)
			return refuse(run, EINVAL, "patch at byte %u", at);
		put32(data + offset, (uint32_t)run->child);
	}
	return 0;
}

int op_NETLINK(struct run *run, const union argument *args)
{
	int yes = 1, protocol = (int)args[0].u;
	size_t length = args[1].b.length;
	unsigned char *data = malloc(length + 1);
	int fd = data ? socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol) : -1;
	int result = -1;
	if (fd >= 0) {
		memcpy(data, args[1].b.data, length);
		setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &yes, sizeof(yes));
		setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof(yes));
		result = apply_patches(run, data, length, args[2]);
		if (result == 0)
			result = send_messages(run, fd, data, length, protocol == NETLINK_NETFILTER);
	}
	free(data); /* keeps errno in both libraries */
	return closing(fd, result);
}

int op_DEVICES(struct run *run, const union argument *args)
{
	char log[512] = "";
	union bpf_attr load, attach;
	if (args[1].b.length == 0 || args[1].b.length % sizeof(struct bpf_insn))
		return refuse(run, EINVAL, "program length");
	memset(&load, 0, sizeof(load));
	load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	load.insns = (uintptr_t)args[1].b.data;
	load.insn_cnt = args[1].b.length / (uint32_t)sizeof(struct bpf_insn);
	load.license = (uintptr_t)"Apache-2.0";
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	if (program < 0) {
		int error = errno;
		load.log_buf = (uintptr_t)log;
		load.log_size = sizeof(log);
		load.log_level = 1;
		program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load)); /* for the verifier's words */
		errno = error;
	}
	if (program < 0)
		return fail(run, "BPF_PROG_LOAD: %s", log);
	memset(&attach, 0, sizeof(attach));
	attach.target_fd = (uint32_t)slot_optional(run, args[0]);
	attach.attach_bpf_fd = (uint32_t)program;
	attach.attach_type = BPF_CGROUP_DEVICE;
	attach.attach_flags = BPF_F_ALLOW_MULTI;
	int result = (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach));
	return closing(program, result) ? fail(run, "BPF_PROG_ATTACH") : 0; /* the cgroup holds the program */
}
