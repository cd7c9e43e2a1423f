/* int80 [hold]: calls of the 32-bit ABI from a 64-bit program: one with the number of another call there, one that the
   64-bit ABI has not, and a socket by the one call that i386 had for all of them. If told so, it stays. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static long call(long number, long a, long b, long c)
{
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

int main(int argc, char **argv)
{
	(void)argv;
	/* What a 32-bit pointer reaches. */
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		return 1;
	printf("getpid %s\n", call(20, 0, 0, 0) == getpid() ? "is right" : "is wrong");
	printf("getuid32 %ld\n", call(199, 0, 0, 0));
	int family[3] = {1, 1, 0};
	memcpy(low, family, sizeof(family));
	long socket = call(102, 1, (long)low, 0);
	printf("socketcall %s\n", socket >= 0 ? "made a socket" : "failed");
	printf("close %ld\n", call(6, socket, 0, 0));
	if (argc > 1)
		puts("up");
	fflush(stdout);
	while (argc > 1)
		sleep(1);
	memcpy(low, "written\n", 8);
	return call(4, 1, (long)low, 8) == 8 ? 5 : 1;
}
