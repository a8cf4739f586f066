#define _GNU_SOURCE
#include "cplatform_poll.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 256 };

int duolog_poll_create(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int add(int poll, int fd, uint64_t data, uint32_t events) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int duolog_poll_add_stream(int poll, int fd, uint64_t data) {
    return add(poll, fd, data, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

int duolog_poll_add_source(int poll, int fd, uint64_t data) { return add(poll, fd, data, EPOLLIN); }

int duolog_poll_remove(int poll, int fd) {
    struct epoll_event ignored = {0};
    return epoll_ctl(poll, EPOLL_CTL_DEL, fd, &ignored) < 0 ? -errno : 0;
}

int duolog_poll_wait(int poll, struct duolog_poll_event *out, int capacity, int timeout_ms) {
    struct epoll_event events[BATCH];
    int count = epoll_wait(poll, events, capacity < BATCH ? capacity : BATCH, timeout_ms);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        uint32_t raw = events[i].events;
        out[i].data = events[i].data.u64;
        out[i].events = (raw & (EPOLLIN | EPOLLERR) ? DUOLOG_POLL_READ : 0)
            | (raw & EPOLLOUT ? DUOLOG_POLL_WRITE : 0)
            | (raw & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? DUOLOG_POLL_HANGUP : 0);
    }
    return count;
}

int duolog_wakeup_create(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

void duolog_wakeup_signal(int fd) {
    uint64_t one = 1;
    /* Fails only when the counter is full, and then a wake-up is pending anyway. */
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored;
}

void duolog_wakeup_clear(int fd) {
    uint64_t count;
    ssize_t ignored = read(fd, &count, sizeof count);
    (void)ignored;
}

int duolog_accept(int listener, void *address, uint32_t *length) {
    int fd = accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void duolog_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }
