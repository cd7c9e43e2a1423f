/* signals: handlers that return, one on a stack of its own, one that jumps out; a call that a signal interrupts; a
   child's end. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t users, alarms, children;
static sigjmp_buf out;

static void count(int signal)
{
	if (signal == SIGUSR1)
		users++;
	if (signal == SIGALRM)
		alarms++;
	if (signal == SIGCHLD)
		children++;
}

static void jump(int signal)
{
	siglongjmp(out, signal);
}

static void handle(int signal, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	if (sigaction(signal, &action, NULL))
		exit(1);
}

int main(void)
{
	stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
	sigaltstack(&stack, NULL);
	handle(SIGUSR1, count, SA_ONSTACK);
	handle(SIGALRM, count, 0);
	handle(SIGCHLD, count, SA_RESTART);
	handle(SIGSEGV, jump, SA_ONSTACK | SA_NODEFER);
	raise(SIGUSR1);
	raise(SIGUSR1);
	sigset_t alarm, before;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, &before);
	struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	setitimer(ITIMER_REAL, &soon, NULL);
	int interrupted = sigsuspend(&before) == -1 && errno == EINTR;
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	volatile int *volatile nowhere = NULL;
	int jumped = sigsetjmp(out, 1);
	if (!jumped)
		*nowhere = 0;
	printf("%d %d %d %d %d\n", users, alarms, interrupted, children, jumped);
	return 8;
}
