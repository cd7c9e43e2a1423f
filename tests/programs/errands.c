/* errands N M: says "up", then does its errands for each SIGUSR1 and says "done". A child makes exactly N getppid
   calls, M openat calls that fail with ENOENT, and ends. The program itself uses a capability that it has, one that
   it lacks, and UDP sockets: port 7001 sends to itself, then connects to port 7002. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void calls(long getppid, long openat)
{
	/* The C library's fork has calls of its own. */
	long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		while (getppid-- > 0)
			syscall(SYS_getppid);
		while (openat-- > 0)
			syscall(SYS_openat, AT_FDCWD, "/does/not/exist", O_RDONLY);
		syscall(SYS_exit_group, 0);
	}
	waitpid(child, NULL, 0);
}

static struct sockaddr_in local(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static void sockets(void)
{
	struct sockaddr_in self = local(7001), other = local(7002), told;
	socklen_t len = sizeof told;
	char byte = 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bind(fd, (struct sockaddr *)&self, sizeof self);
	sendto(fd, &byte, 1, 0, (struct sockaddr *)&self, sizeof self);
	recvfrom(fd, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&told, &len);
	connect(fd, (struct sockaddr *)&other, sizeof other);
	len = sizeof told;
	getsockname(fd, (struct sockaddr *)&told, &len);
	len = sizeof told;
	getpeername(fd, (struct sockaddr *)&told, &len);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	sigset_t wanted;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR1);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("up");
	for (int got; sigwait(&wanted, &got) == 0;) {
		calls(atol(argv[1]), atol(argv[2]));
		if (chroot("/") != 0)
			return 1;
		if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0)
			return 1;
		sockets();
		puts("done");
	}
	return 1;
}
