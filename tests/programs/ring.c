/* ring: through io_uring and no other call, reads the first bytes of /etc/hostname and of a descriptor that is not open,
   and does nothing once. Exits with 77 where the kernel has no io_uring. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static char buffer[16];

static void prepare(struct io_uring_sqe *sqe, int opcode, int fd, unsigned long user_data)
{
	memset(sqe, 0, sizeof *sqe);
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->addr = (unsigned long)buffer;
	sqe->len = sizeof buffer;
	sqe->user_data = user_data;
}

int main(void)
{
	struct io_uring_params params = {0};
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0)
		return 77;
	char *queue = mmap(NULL, params.sq_off.array + params.sq_entries * sizeof(unsigned), PROT_READ | PROT_WRITE,
			   MAP_SHARED, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *sqes = mmap(NULL, params.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
					 IORING_OFF_SQES);
	int file = open("/etc/hostname", O_RDONLY);
	if (queue == MAP_FAILED || sqes == MAP_FAILED || file < 0)
		return 1;
	prepare(&sqes[0], IORING_OP_READ, file, 1);
	prepare(&sqes[1], IORING_OP_READ, 99, 2);
	prepare(&sqes[2], IORING_OP_NOP, -1, ~0UL);
	unsigned *array = (unsigned *)(queue + params.sq_off.array);
	for (unsigned at = 0; at < 3; at++)
		array[at] = at;
	__atomic_store_n((unsigned *)(queue + params.sq_off.tail), 3, __ATOMIC_RELEASE);
	/* The failed one ends the batch; what is behind it is submitted by another call. */
	for (int submitted = 0; submitted < 3;) {
		int more = syscall(SYS_io_uring_enter, ring, 3 - submitted, 1, IORING_ENTER_GETEVENTS, NULL, 0);
		if (more <= 0)
			return 2;
		submitted += more;
	}
	/* The kernel may still be at work on one. */
	return syscall(SYS_io_uring_enter, ring, 0, 3, IORING_ENTER_GETEVENTS, NULL, 0) < 0 ? 3 : 0;
}
