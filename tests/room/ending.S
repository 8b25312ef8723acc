/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PVH guest of a few instructions: it ends at once, in the way that the first letter of its command line says (p: power off,
 * r: reboot, c: crash), or lives and does nothing (any other). So tests see what becomes of ended domains without waiting for a
 * kernel. Xen's documents: misc/pvh.pandoc (entry, %ebx), public/arch-x86/hvm/start_info.h, public/sched.h.
 */
        .section .note.Xen, "a", @note
        .long 4, 4, 18                  /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz "Xen"
        .long start

        .bss
        .balign 4096
hypercalls:
        .skip 4096
        .skip 4096
stack:

        .data
reason: .long 0

        .text
        .code32
        .globl start
start:
        mov $stack, %esp
        mov %ebx, %esi                  /* struct hvm_start_info */
        mov $0x40000002, %eax           /* the MSR by which Xen fills in the page of hypercalls */
        cpuid
        mov %ebx, %ecx
        mov $hypercalls, %eax
        xor %edx, %edx
        wrmsr
        mov 24(%esi), %esi              /* cmdline_paddr */
        movb (%esi), %al
        mov $0, %edx                    /* SHUTDOWN_poweroff */
        cmp $'p', %al
        je end
        mov $1, %edx                    /* SHUTDOWN_reboot */
        cmp $'r', %al
        je end
        mov $3, %edx                    /* SHUTDOWN_crash */
        cmp $'c', %al
        je end
live:
        mov $1, %ebx                    /* SCHEDOP_block */
        xor %ecx, %ecx
        call hypercalls + 29 * 32       /* __HYPERVISOR_sched_op */
        jmp live
end:
        mov %edx, reason
        mov $2, %ebx                    /* SCHEDOP_shutdown */
        mov $reason, %ecx
        call hypercalls + 29 * 32
        jmp live
