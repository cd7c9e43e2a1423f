/* old_abi: three calls by the 32-bit ABI, from a 64-bit program: getpid, open of a missing file, getuid32. Static and not
   relocatable, so that the path's address fits into 32 bits. */
#define CALL(result, number, first, second) \
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second) : "memory")

int main(void)
{
	static const char path[] = "/does/not/exist";
	long result;
	CALL(result, 20L, 0L, 0L);
	CALL(result, 5L, path, 0L);
	if ((int)result != -2)
		return 1;
	CALL(result, 199L, 0L, 0L);
	return 0;
}
