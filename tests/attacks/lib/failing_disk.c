/* A disk that fails when told to: a library for LD_PRELOAD.
 *
 * FAILING_DISK_FOLDER: only files below this folder are affected. FAILING_DISK_SWITCH: a file of three 32-bit numbers
 * that the attack and this library share: the kind of fault (0: none), how many writes and syncs still pass, and how
 * many were refused. disk_faults.py lists the kinds in this order. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { NONE, WRITE_EIO, FULL, SHORT_THEN_FULL, SYNC_EIO, READ_ONLY };

struct control {
    volatile int kind, passing, refused;
};

static struct control *control(void) {
    static struct control *shared;
    const char *path = getenv("FAILING_DISK_SWITCH");
    if (!shared && path) {
        int file = open(path, O_RDWR);
        void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (mapped != MAP_FAILED) shared = mapped;
    }
    return shared;
}

static int is_ours(int file) {
    char link[64], path[4096];
    const char *folder = getenv("FAILING_DISK_FOLDER");
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!folder || length < 0) return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* The fault that this operation meets. */
static int met(int file) {
    struct control *now = control();
    if (!now || now->kind == NONE || !is_ours(file)) return NONE;
    if (__atomic_fetch_sub(&now->passing, 1, __ATOMIC_SEQ_CST) > 0) return NONE;
    return now->kind;
}

static int refuse(int error) {
    __atomic_fetch_add(&control()->refused, 1, __ATOMIC_SEQ_CST);
    errno = error;
    return -1;
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    switch (met(file)) {
    case WRITE_EIO: return refuse(EIO);
    case READ_ONLY: return refuse(EROFS);
    case FULL: return refuse(ENOSPC);
    case SHORT_THEN_FULL:
        if (count < 1024) return refuse(ENOSPC);
        return real(file, bytes, count / 2, at);
    default: return real(file, bytes, count, at);
    }
}

ssize_t write(int file, const void *bytes, size_t count) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    switch (met(file)) {
    case WRITE_EIO: return refuse(EIO);
    case READ_ONLY: return refuse(EROFS);
    case FULL: return refuse(ENOSPC);
    case SHORT_THEN_FULL:
        if (count < 1024) return refuse(ENOSPC);
        return real(file, bytes, count / 2);
    default: return real(file, bytes, count);
    }
}

int ftruncate64(int file, off64_t length) {
    int (*real)(int, off64_t) = dlsym(RTLD_NEXT, "ftruncate64");
    switch (met(file)) {
    case WRITE_EIO: return refuse(EIO);
    case READ_ONLY: return refuse(EROFS);
    case FULL: case SHORT_THEN_FULL: return refuse(ENOSPC);
    default: return real(file, length);
    }
}

static int sync_of(int file, const char *name) {
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    int kind = met(file);
    return kind == SYNC_EIO || kind == WRITE_EIO ? refuse(EIO) : real(file);
}

int fsync(int file) { return sync_of(file, "fsync"); }

int fdatasync(int file) { return sync_of(file, "fdatasync"); }
