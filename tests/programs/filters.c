/* filters PID: the seccomp filters of a process, the last installed first: a line for each, with its instructions as
   CODE,JT,JF,K. The kernel gives them to a tracer with CAP_SYS_ADMIN. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif

int main(int argc, char **argv)
{
	pid_t pid = argc > 1 ? atoi(argv[1]) : 0;
	int status;
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid) {
		perror("ptrace");
		return 1;
	}
	for (long index = 0;; index++) {
		static struct sock_filter program[BPF_MAXINSNS];
		long length = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, (void *)index, program);
		if (length < 0) {
			/* No more of them. */
			if (errno == ENOENT)
				break;
			perror("PTRACE_SECCOMP_GET_FILTER");
			return 1;
		}
		for (long i = 0; i < length; i++)
			printf("%u,%u,%u,%u ", program[i].code, program[i].jt, program[i].jf, program[i].k);
		printf("\n");
	}
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return 0;
}
