/* serves N FAMILY...: starts up with a directory, opens N sockets of each address family and says with which errno the
   last one of each ended; listens; then makes a link and looks once for somebody who calls. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		return 1;
	syscall(SYS_mkdir, "/tmp/made", 0700);
	for (int i = 2; i < argc; i++) {
		for (int n = atoi(argv[1]); n > 0; n--) {
			errno = 0;
			int opened = socket(atoi(argv[i]), SOCK_STREAM, 0);
			int error = errno;
			if (opened >= 0)
				close(opened);
			errno = error;
		}
		printf("%s %d\n", argv[i], errno);
	}
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (listener < 0 || listen(listener, 1) < 0)
		return 1;
	syscall(SYS_symlink, "made", "/tmp/link");
	accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	printf("served %d\n", errno);
	return 4;
}
