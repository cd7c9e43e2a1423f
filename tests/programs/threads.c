/* threads N: N threads at a time, twice, that add up their numbers with a lock. Linked dynamically, so that the
   loader and the C library start as they do for most programs. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long sum;

static void *add(void *number)
{
	char *memory = malloc(1 << 16);
	pthread_mutex_lock(&lock);
	sum += memory ? (long)number : 0;
	pthread_mutex_unlock(&lock);
	free(memory);
	return NULL;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 4;
	pthread_t *threads = calloc(n, sizeof(*threads));
	for (int round = 0; round < 2; round++) {
		for (long i = 0; i < n; i++) {
			int error = pthread_create(&threads[i], NULL, add, (void *)(i + 1));
			if (error) {
				printf("pthread_create: %d\n", error);
				return 1;
			}
		}
		for (long i = 0; i < n; i++)
			pthread_join(threads[i], NULL);
	}
	printf("%ld\n", sum);
	return 4;
}
