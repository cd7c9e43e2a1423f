/* pulse: says "up", then makes a hundred getppid calls a hundredth of a second, for ever. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	puts("up");
	fflush(stdout);
	for (;;) {
		for (int k = 0; k < 100; k++)
			syscall(SYS_getppid);
		usleep(10000);
	}
}
