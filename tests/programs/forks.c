/* forks: children in every way, one of which runs another program, and one that leaves the namespaces it was started
   in and there makes a call that nobody else makes. Whether it may leave them is no failure, and is said. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int code(pid_t child)
{
	int status = 0;
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void leave(void)
{
	int made = unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS) == 0;
	/* A recorder that goes by the mount namespace loses it. */
	syscall(SYS_getpriority, 0, 0);
	_exit(made ? 10 : 11);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	pid_t child = fork();
	if (child == 0) {
		pid_t grandchild = fork();
		if (grandchild == 0)
			_exit(2);
		_exit(1 + code(grandchild));
	}
	printf("fork %d\n", code(child));
	child = vfork();
	if (child == 0) {
		execl("/bin/busybox", "busybox", "false", (char *)NULL);
		_exit(20);
	}
	printf("vfork and exec %d\n", code(child));
	printf("unshare files %d\n", unshare(CLONE_FILES | CLONE_FS));
	child = fork();
	if (child == 0)
		leave();
	printf("unshare %s\n", code(child) == 10 ? "made" : "refused");
	return 7;
}
