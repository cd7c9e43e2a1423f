/* golike [hold]: what the Go runtime does and a C program does not: threads by clone with stacks of its own, each with a
   signal stack; parking on futexes; preemption of threads by SIGURG; an event queue woken through eventfd. Then it stays, if told so. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define STACK (64 << 10)

static atomic_int ids[THREADS], go, preempted, ended;
static int queue;

static void wait_while(atomic_int *word, int value)
{
	while (atomic_load(word) == value)
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void set(atomic_int *word, int value)
{
	atomic_store(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, THREADS + 1, NULL, NULL, 0);
}

static void on_urgent(int signal)
{
	(void)signal;
	atomic_fetch_add(&preempted, 1);
}

static void *memory(size_t size)
{
	void *got = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (got == MAP_FAILED)
		exit(1);
	return got;
}

static int thread(void *argument)
{
	long index = (long)argument;
	stack_t signals = {.ss_sp = memory(STACK), .ss_size = STACK};
	syscall(SYS_sigaltstack, &signals, NULL);
	set(&ids[index], syscall(SYS_gettid));
	wait_while(&go, 0);
	/* Until it was preempted once. */
	while (atomic_load(&preempted) < THREADS)
		syscall(SYS_sched_yield);
	atomic_fetch_add(&ended, 1);
	long one = 1;
	return syscall(SYS_write, queue, &one, sizeof(one)) == sizeof(one) ? 0 : 1;
}

int main(int argc, char **argv)
{
	(void)argv;
	unsigned long cpus[16];
	syscall(SYS_sched_getaffinity, 0, sizeof(cpus), cpus);
	char seed[16];
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return 1;
	struct sigaction action = {.sa_handler = on_urgent, .sa_flags = SA_ONSTACK | SA_RESTART};
	sigaction(SIGURG, &action, NULL);
	queue = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int poll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN};
	epoll_ctl(poll, EPOLL_CTL_ADD, queue, &event);
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_SYSVSEM | CLONE_THREAD;
	for (long i = 0; i < THREADS; i++)
		if (clone(thread, (char *)memory(STACK) + STACK, flags, (void *)i) < 0)
			return 1;
	for (int i = 0; i < THREADS; i++)
		wait_while(&ids[i], 0);
	set(&go, 1);
	for (int i = 0; i < THREADS; i++)
		syscall(SYS_tgkill, getpid(), ids[i], SIGURG);
	struct timespec moment = {.tv_nsec = 1000000};
	while (atomic_load(&ended) < THREADS) {
		epoll_pwait(poll, &event, 1, 100, NULL);
		syscall(SYS_nanosleep, &moment, NULL);
	}
	void *heap = memory(1 << 20);
	madvise(heap, 1 << 20, MADV_DONTNEED);
	munmap(heap, 1 << 20);
	printf("%d preempted\n%s", atomic_load(&preempted), argc > 1 ? "up\n" : "");
	fflush(stdout);
	while (argc > 1)
		syscall(SYS_nanosleep, &moment, NULL);
	return 6;
}
