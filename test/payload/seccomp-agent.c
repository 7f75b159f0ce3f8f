/*
 * A seccomp agent: takes one descriptor from a unix socket, prints the text that came with it, and answers what it is asked.
 *
 *   seccomp-agent SOCKET ERRNO
 *
 * Says `ready`, then the state on one line. Whatever it is asked is answered with ERRNO, except execve(2), which goes on; each system call's
 * number is printed. Ends when the process has gone. Not part of `payload`: it is compiled by the test that uses it.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int receive(int connection)
{
	char text[8192], control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { text, sizeof(text) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fd = -1;

	for (;;) {
		ssize_t got = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
		if (got <= 0)
			break;
		if (CMSG_FIRSTHDR(&message))
			memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
		fwrite(text, 1, (size_t)got, stdout);
	}
	puts("");
	fflush(stdout);
	return fd;
}

static void answer(int fd, int error)
{
	struct pollfd question = { fd, POLLIN, 0 };

	while (poll(&question, 1, -1) == 1 && question.revents & POLLIN) {
		struct seccomp_notif asked = { 0 };
		struct seccomp_notif_resp said = { 0 };
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0)
			continue;
		printf("%d\n", asked.data.nr);
		fflush(stdout);
		said.id = asked.id;
		if (asked.data.nr == SYS_execve)
			said.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		else
			said.error = -error;
		ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &said);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc != 3 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 64;
	strcpy(address.sun_path, argv[1]);
	if (bind(server, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(server, 1) != 0)
		return 1;
	puts("ready");
	fflush(stdout);
	int fd = receive(accept(server, NULL, NULL));
	if (fd < 0)
		return 2;
	answer(fd, atoi(argv[2]));
	return 0;
}
