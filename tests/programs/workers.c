/* workers: four threads at work, calls that signals interrupt and the kernel begins again, vfork with exec, and an end
   that finds one thread waiting. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void nothing(int number)
{
	(void)number;
}

static void *work(void *unused)
{
	for (int left = 50; left > 0; left--) {
		syscall(SYS_getppid);
		syscall(SYS_close, -1);
	}
	return unused;
}

static int ready[2];

static void *waits(void *unused)
{
	if (write(ready[1], "", 1) == 1)
		pause();
	return unused;
}

/* It comes again and again: one that came before the call that it is to interrupt does no harm. */
static void alarms(long microseconds)
{
	struct itimerval timer = { { 0, microseconds }, { 0, microseconds } };
	setitimer(ITIMER_REAL, &timer, 0);
}

int main(void)
{
	pthread_t threads[4], waiting;
	struct sigaction action = { .sa_handler = nothing };
	struct timespec long_enough = { 10, 0 };
	char byte;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], 0, work, 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], 0);
	sigaction(SIGALRM, &action, 0);
	alarms(20000);
	pause();
	poll(0, 0, 10000);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &long_enough, 0);
	alarms(0);
	pid_t child = vfork();
	if (child == 0) {
		execl("/bin/true", "true", (char *)0);
		_exit(1);
	}
	waitpid(child, 0, 0);
	if (pipe(ready) != 0)
		return 1;
	pthread_create(&waiting, 0, waits, 0);
	return read(ready[0], &byte, 1) == 1 ? 0 : 1;
}
