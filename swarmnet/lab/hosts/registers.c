/* Preloaded by User-Mode Linux: sets the registers of its processes also where a processor has more of them than it knows.
 *
 * UML 6.12 keeps 2,696 bytes of extended state, up to AVX-512. A processor with tile registers (AMX) has 11,008, and the
 * machine's kernel takes the whole state or none (PTRACE_SETREGSET of a part is EFAULT, seen on Linux 6.18): the guest's
 * first program then dies with "Attempted to kill init! exitcode=0x0000000b". Here the rest is added, empty: no guest can
 * use tile registers, because UML does not grant them (arch_prctl(2), ARCH_REQ_XCOMP_PERM).
 *
 * No headers: the compiler that builds this (tcc) comes without any. */
enum {
    GETREGSET = 0x4204, SETREGSET = 0x4205, /* ptrace(2) */
    XSTATE = 0x202,                         /* NT_X86_XSTATE of elf.h */
    TILES = 512 + 2,                        /* the byte of XSTATE_BV, at 512, that holds components 16 to 23 */
    MOST = 65536
};
struct part { void *base; unsigned long length; };
typedef long (*call)(long request, long process, unsigned long address, struct part *data);

extern void *dlsym(void *handle, const char *name);
extern void *memcpy(void *to, const void *from, unsigned long length);
extern void *memset(void *to, int value, unsigned long length);

long ptrace(long request, long process, unsigned long address, struct part *data)
{
    static unsigned char state[MOST];
    static unsigned long length;
    static call libc;
    struct part whole = { state, MOST };

    if (!libc)
        libc = (call)dlsym((void *)-1L, "ptrace"); /* RTLD_NEXT */
    if (request != SETREGSET || address != XSTATE)
        return libc(request, process, address, data);
    if (!length) {
        if (libc(GETREGSET, process, XSTATE, &whole))
            return -1;
        length = whole.length;
    }
    if (data->length >= length)
        return libc(request, process, address, data);
    memset(state, 0, length);
    memcpy(state, data->base, data->length);
    state[TILES] &= ~0x06; /* components 17 and 18 */
    whole.length = length;
    return libc(request, process, address, &whole);
}
