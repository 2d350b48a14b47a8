// Holds the namespaces and volumes of an instance: opens its arguments (directories) to everybody, then waits until
// it is asked to end. `build` makes the binary beside it.
        .globl  _start
_start:
        add     x19, sp, #16            // argv[1]
1:      ldr     x1, [x19], #8
        cbz     x1, 2f
        mov     x0, #-100               // AT_FDCWD
        mov     w2, #0777
        mov     x8, #53                 // fchmodat(dir, path, 0777)
        svc     #0
        b       1b
2:      mov     x9, #0x4002             // SIGINT, SIGTERM
        str     x9, [sp, #-16]!
        mov     x0, #0                  // SIG_BLOCK: the first process of a container gets no other signal
        mov     x1, sp
        mov     x2, #0
        mov     x3, #8
        mov     x8, #135                // rt_sigprocmask(how, set, 0, 8)
        svc     #0
3:      mov     x0, sp
        mov     x1, #0
        mov     x2, #0
        mov     x3, #8
        mov     x8, #137                // rt_sigtimedwait(set, 0, 0, 8)
        svc     #0
        tbnz    x0, #63, 3b
        mov     x0, #0
        mov     x8, #93                 // exit(0)
        svc     #0
