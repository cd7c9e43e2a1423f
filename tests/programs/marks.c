/* marks NAME...: makes each of these calls and says with which errno it ended, 0 for success. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static long make(const char *name)
{
	if (!strcmp(name, "mkdir"))
		return syscall(SYS_mkdir, "/tmp/made", 0700);
	if (!strcmp(name, "symlink"))
		return syscall(SYS_symlink, "made", "/tmp/link");
	if (!strcmp(name, "socket"))
		return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	if (!strcmp(name, "mount"))
		return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
	errno = EINVAL;
	return -1;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		errno = 0;
		make(argv[i]);
		printf("%s %d\n", argv[i], errno);
	}
	return 0;
}
