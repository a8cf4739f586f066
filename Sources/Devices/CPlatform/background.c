#define _GNU_SOURCE
#include "cplatform_background.h"

#include <malloc.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void duolog_thread_yield_to_others(void) {
    /* On Linux both concern the calling thread alone. Neither is needed to be right. */
    (void)setpriority(PRIO_PROCESS, 0, 10);
    /* IOPRIO_WHO_PROCESS, best effort class, lowest level. Source: ioprio_set(2). */
    (void)syscall(SYS_ioprio_set, 1, 0, (2 << 13) | 7);
}

int duolog_start_writing(int fd, int64_t offset, int64_t count) {
    return sync_file_range(fd, offset, count, SYNC_FILE_RANGE_WRITE) < 0 ? errno : 0;
}

void duolog_return_memory(void) { malloc_trim(0); }

void duolog_bound_kept_memory(int own_pages_from, int kept_at_end) {
    /* Both can only be refused for values out of range. Set, they no longer grow with what is freed. */
    (void)mallopt(M_MMAP_THRESHOLD, own_pages_from);
    (void)mallopt(M_TRIM_THRESHOLD, kept_at_end);
}
