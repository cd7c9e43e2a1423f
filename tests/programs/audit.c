/* audit: says "up", then each audit record about a seccomp filter as a line. The kernel multicasts them whether or not
   an audit daemon runs; a record that did not fit is said, too. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1 << (AUDIT_NLGRP_READLOG - 1)};
	int size = 64 << 20;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror("audit");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("up");
	for (;;) {
		char buffer[16384];
		ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
		if (length < 0) {
			if (errno == EINTR)
				continue;
			printf("lost: %s\n", strerror(errno));
			return 1;
		}
		struct nlmsghdr *header = (struct nlmsghdr *)buffer;
		if (length < NLMSG_HDRLEN || header->nlmsg_type != AUDIT_SECCOMP)
			continue;
		printf("%.*s\n", (int)(length - NLMSG_HDRLEN), (char *)NLMSG_DATA(header));
	}
}
