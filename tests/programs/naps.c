/* naps SIGNAL: a child sleeps; it is sent SIGNAL meanwhile, and SIGCONT if that stopped it, after which the kernel goes
   on with the sleep by a call of its own, restart_syscall. Says what the sleep returned. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Whether it waits for something, from the third word of its line in /proc. */
static int sleeps(pid_t child)
{
	char path[64], line[256];
	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	FILE *file = fopen(path, "r");
	if (!file || !fgets(line, sizeof(line), file))
		exit(1);
	fclose(file);
	return strstr(line, ") S ") != NULL;
}

int main(int argc, char **argv)
{
	int signal = argc > 1 ? atoi(argv[1]) : SIGCONT;
	int ready[2];
	if (pipe(ready))
		return 1;
	pid_t child = fork();
	if (child == 0) {
		struct timespec time = {.tv_nsec = 300000000};
		close(ready[1]);
		/* From here on it sleeps twice: until the parent has said what it will do, and for a while. */
		char byte;
		while (read(ready[0], &byte, 1) == -1 && errno == EINTR)
			;
		long slept = syscall(SYS_nanosleep, &time, NULL) ? -errno : 0;
		printf("slept: %ld\n", slept);
		fflush(stdout);
		_exit(slept ? 1 : 9);
	}
	close(ready[0]);
	if (write(ready[1], "x", 1) != 1)
		return 1;
	struct timespec moment = {.tv_nsec = 20000000};
	do
		syscall(SYS_nanosleep, &moment, NULL);
	while (!sleeps(child));
	int status;
	kill(child, signal);
	waitpid(child, &status, WUNTRACED);
	if (WIFSTOPPED(status)) {
		kill(child, SIGCONT);
		waitpid(child, &status, WUNTRACED);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
