/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PVH guest of a few instructions, as an ELF file in core's memory: it does nothing, for ever. With it core finds out whether
 * a host can start a guest (core_canary.c), without a kernel that somebody would have to bring along. Written out by hand,
 * because it is 32-bit code for another machine than ours. Xen's documents: misc/pvh.pandoc (entry), public/elfnote.h,
 * public/sched.h; the file's format: System V ABI, chapter 4.
 */
        .set BASE, 0x100000
        .set STACK, BASE + 0x3000
        .set HYPERCALLS, BASE + 0x1000
        .set MEMORY, 0x3000             /* what is behind the file is zero */

        .section .rodata
        .globl trial_guest
        .globl trial_guest_end
        .balign 8
trial_guest:
        .byte 0x7f, 'E', 'L', 'F', 1, 1, 1, 0   /* 32 bits, little-endian */
        .skip 8
        .short 2, 3                     /* ET_EXEC, EM_386 */
        .long 1
        .long BASE + (start - trial_guest)
        .long 52, 0, 0                  /* program headers; no sections; flags */
        .short 52, 32, 2, 0, 0, 0
        /* PT_LOAD */
        .long 1, 0, BASE, BASE, trial_guest_end - trial_guest, MEMORY, 7, 0x1000
        /* PT_NOTE */
        .long 4, note - trial_guest, BASE + (note - trial_guest), BASE + (note - trial_guest), start - note, start - note, 4, 4
note:
        .long 4, 4, 18                  /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz "Xen"
        .long BASE + (start - trial_guest)
start:
        .code32
        mov $STACK, %esp
        mov $0x40000002, %eax           /* the MSR by which Xen fills in the page of hypercalls */
        cpuid
        mov %ebx, %ecx
        mov $HYPERCALLS, %eax
        xor %edx, %edx
        wrmsr
live:
        mov $1, %ebx                    /* SCHEDOP_block */
        xor %ecx, %ecx
        mov $(HYPERCALLS + 29 * 32), %eax /* __HYPERVISOR_sched_op */
        call *%eax
        jmp live
        .code64
trial_guest_end:
        .section .note.GNU-stack, "", @progbits
