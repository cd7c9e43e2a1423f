/* pointers: calls whose arguments point to memory of all kinds: two paths, a path of 4,000 bytes, one that is not there,
   one that was never touched, a structure, a pair of descriptors, a file that cannot be executed, and one that can, whose
   path nobody has touched either. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* In a page of its own, that nobody has read before the kernel does. */
static const char untouched[8192] __attribute__((aligned(4096))) = {[4096] = '/', 'n', 'o', 't', '/', 'y', 'e', 't', 0};

int main(void)
{
	char path[4096], *argv[] = {"nothing", NULL}, *environment[] = {NULL};
	char *words[] = {"never", "touched", NULL}, *page;
	int pair[2], file;
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	struct timespec moment = {0, 1000};

	syscall(SYS_rename, "/old/\x1b[2J\n\xff", "/new\xe2\x80\xae");
	memset(path, 'x', 4000);
	path[0] = '/';
	path[4000] = 0;
	syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
	syscall(SYS_openat, AT_FDCWD, (char *)16, O_RDONLY);
	syscall(SYS_openat, AT_FDCWD, untouched + 4096, O_RDONLY);
	syscall(SYS_openat2, AT_FDCWD, "/none", &how, sizeof how);
	syscall(SYS_pipe2, pair, O_CLOEXEC);
	syscall(SYS_nanosleep, &moment, NULL);
	syscall(SYS_execve, "/does/not/exist", argv, environment);
	file = memfd_create("path", 0);
	if (write(file, "/bin/true", 10) != 10)
		return 1;
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
	syscall(SYS_execve, page, words, environment);
	return 1;
}
