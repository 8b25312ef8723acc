/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_CLEANUP_H
#define DOMPOOL_BASE_CLEANUP_H
/*
 * Ownership by scope. `_cleanup_free_ char *p`, `_cleanup_close_ int fd = -1`, `_cleanup_fclose_ FILE *f`; hand over with
 * TAKE_PTR(p) and TAKE_FD(fd), which leave NULL and -1 behind. CLEANUP(fn) makes one for any `fn(T **)`-like destructor:
 * DEFINE_CLEANUP(struct host *, host_free) then `CLEANUP(host_free) struct host *h = NULL`.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
cleanup_free(void *p)
{
        free(*(void **)p);
}

static inline void
cleanup_close(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static inline void
cleanup_fclose(FILE **f)
{
        if (*f)
                fclose(*f);
}

static inline void
cleanup_closedir(DIR **d)
{
        if (*d)
                closedir(*d);
}

#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))
#define _cleanup_close_ __attribute__((cleanup(cleanup_close)))
#define _cleanup_fclose_ __attribute__((cleanup(cleanup_fclose)))
#define _cleanup_closedir_ __attribute__((cleanup(cleanup_closedir)))

#define DEFINE_CLEANUP(type, fn)                                                                                       \
        static inline void cleanup_##fn(type *p)                                                                       \
        {                                                                                                              \
                if (*p)                                                                                                \
                        fn(*p);                                                                                        \
        }
#define CLEANUP(fn) __attribute__((cleanup(cleanup_##fn)))

#define TAKE_PTR(p)                                                                                                    \
        ({                                                                                                             \
                __typeof__(p) take_ptr_ = (p);                                                                         \
                (p) = NULL;                                                                                            \
                take_ptr_;                                                                                             \
        })
#define TAKE_FD(fd)                                                                                                    \
        ({                                                                                                             \
                int take_fd_ = (fd);                                                                                   \
                (fd) = -1;                                                                                             \
                take_fd_;                                                                                              \
        })

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

#endif
