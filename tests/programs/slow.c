/* slow: sleeps 95 times for a millisecond and 5 times for 40, and prints what it measured of it itself: the times, ns, that
   50, 95 and 99 of the 100 calls did not exceed, and the longest. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CALLS = 100, LONG = 5 };

static long long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;
	return (x > y) - (x < y);
}

int main(void)
{
	static long long took[CALLS];
	for (int k = 0; k < CALLS; k++) {
		struct timespec pause = { .tv_nsec = k % (CALLS / LONG) ? 1000000 : 40000000 };
		long long start = now();
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		took[k] = now() - start;
	}
	qsort(took, CALLS, sizeof *took, compare);
	printf("%lld %lld %lld %lld\n", took[49], took[94], took[98], took[99]);
}
