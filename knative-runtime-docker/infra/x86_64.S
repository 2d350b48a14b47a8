# Holds the namespaces and volumes of an instance: opens its arguments (directories) to everybody, then waits until
# it is asked to end. `build` makes the binary beside it.
        .globl  _start
_start:
        leaq    16(%rsp), %rbx          # argv[1]
1:      movq    (%rbx), %rdi
        testq   %rdi, %rdi
        jz      2f
        movl    $0777, %esi
        movl    $90, %eax               # chmod(path, 0777)
        syscall
        addq    $8, %rbx
        jmp     1b
2:      pushq   $0x4002                 # SIGINT, SIGTERM
        xorl    %edi, %edi              # SIG_BLOCK: the first process of a container gets no other signal
        movq    %rsp, %rsi
        xorl    %edx, %edx
        movl    $8, %r10d
        movl    $14, %eax               # rt_sigprocmask(how, set, 0, 8)
        syscall
3:      movq    %rsp, %rdi
        xorl    %esi, %esi
        xorl    %edx, %edx
        movl    $8, %r10d
        movl    $128, %eax              # rt_sigtimedwait(set, 0, 0, 8)
        syscall
        testq   %rax, %rax
        js      3b
        xorl    %edi, %edi
        movl    $60, %eax               # exit(0)
        syscall
