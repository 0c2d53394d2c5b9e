/* A library for LD_PRELOAD: it counts a program's calls to the file system below some folders, and lets chosen ones fail.

   CHAOS_STATE   a file that all processes share: a counter for each folder and kind of call, then the number of faults
   CHAOS_FOLDERS paths, separated by ':'; a call belongs to the first that its path begins with
   CHAOS_FAULT   "FOLDER KIND ERRNO FIRST TIMES": the FIRST call of this kind (from 0) fails, with those after it, TIMES in all
*/
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { OPEN, READ, WRITE, RENAME, FSYNC, UNLINK, STAT, SCANDIR, MKDIR, KINDS };
enum { FOLDERS = 4 };

static struct state { atomic_long calls[FOLDERS][KINDS]; atomic_long faults; } *state;
static char *folders[FOLDERS];
static int wanted_folder = -1, wanted_kind, number;
static long first, times;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CHAOS_STATE"), *list = getenv("CHAOS_FOLDERS"), *fault = getenv("CHAOS_FAULT");
    if (!path || !list) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    struct state *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED) return;
    char *rest = strdup(list);
    for (int index = 0; index < FOLDERS && rest; index++) folders[index] = strsep(&rest, ":");
    if (fault) sscanf(fault, "%d %d %d %ld %ld", &wanted_folder, &wanted_kind, &number, &first, &times);
    state = shared;
}

static int fails(enum kind kind, const char *path)
{
    if (!state || !path) return 0;
    for (int index = 0; index < FOLDERS; index++) {
        if (!folders[index] || strncmp(path, folders[index], strlen(folders[index])) != 0) continue;
        long call = atomic_fetch_add(&state->calls[index][kind], 1);
        if (index != wanted_folder || kind != wanted_kind || call < first || call - first >= times) return 0;
        atomic_fetch_add(&state->faults, 1);
        errno = number;
        return 1;
    }
    return 0;
}

static int fails_at(enum kind kind, int folder, const char *path)
{
    char link[64], full[2 * PATH_MAX];
    if (!state || !path) return 0;
    if (path[0] == '/') return fails(kind, path);
    if (folder == AT_FDCWD) return 0; /* the tests give absolute paths */
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t size = readlink(link, full, PATH_MAX);
    if (size < 0) return 0;
    snprintf(full + size, PATH_MAX, "/%s", path);
    return fails(kind, full);
}

static int fails_open(enum kind kind, int fd)
{
    char link[64], full[PATH_MAX + 1];
    if (!state) return 0;
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, full, PATH_MAX);
    errno = before;
    if (size < 0) return 0;
    full[size] = 0;
    return fails(kind, full);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)
#define OPENS(name) \
    int name(const char *path, int flags, ...) \
    { \
        REAL(int, #name, const char *, int, ...); \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        return fails_at(OPEN, AT_FDCWD, path) ? -1 : real(path, flags, mode); \
    }
#define OPENS_AT(name) \
    int name(int folder, const char *path, int flags, ...) \
    { \
        REAL(int, #name, int, const char *, int, ...); \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        return fails_at(OPEN, folder, path) ? -1 : real(folder, path, flags, mode); \
    }
#define ON_OPEN(kind, type, name, parameters, arguments, ...) \
    type name parameters { REAL(type, #name, __VA_ARGS__); return fails_open(kind, fd) ? -1 : real arguments; }
#define ON_PATH(kind, name, parameters, arguments, ...) \
    int name parameters { REAL(int, #name, __VA_ARGS__); return fails_at(kind, AT_FDCWD, path) ? -1 : real arguments; }
#define ON_PATH_AT(kind, name, parameters, arguments, ...) \
    int name parameters { REAL(int, #name, __VA_ARGS__); return fails_at(kind, folder, path) ? -1 : real arguments; }

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)
ON_OPEN(READ, ssize_t, read, (int fd, void *data, size_t size), (fd, data, size), int, void *, size_t)
ON_OPEN(READ, ssize_t, pread, (int fd, void *data, size_t size, off_t at), (fd, data, size, at), int, void *, size_t, off_t)
ON_OPEN(READ, ssize_t, pread64, (int fd, void *data, size_t size, off64_t at), (fd, data, size, at), int, void *, size_t, off64_t)
ON_OPEN(WRITE, ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), int, const void *, size_t)
ON_OPEN(WRITE, ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), int, const void *, size_t, off_t)
ON_OPEN(WRITE, ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), int, const void *, size_t, off64_t)
ON_OPEN(WRITE, int, ftruncate, (int fd, off_t size), (fd, size), int, off_t)
ON_OPEN(WRITE, int, ftruncate64, (int fd, off64_t size), (fd, size), int, off64_t)
ON_OPEN(FSYNC, int, fsync, (int fd), (fd), int)
ON_OPEN(FSYNC, int, fdatasync, (int fd), (fd), int)
ON_OPEN(STAT, int, fstat, (int fd, struct stat *status), (fd, status), int, struct stat *)
ON_OPEN(STAT, int, fstat64, (int fd, struct stat64 *status), (fd, status), int, struct stat64 *)
ON_PATH(STAT, stat, (const char *path, struct stat *status), (path, status), const char *, struct stat *)
ON_PATH(STAT, stat64, (const char *path, struct stat64 *status), (path, status), const char *, struct stat64 *)
ON_PATH(STAT, lstat, (const char *path, struct stat *status), (path, status), const char *, struct stat *)
ON_PATH(STAT, lstat64, (const char *path, struct stat64 *status), (path, status), const char *, struct stat64 *)
ON_PATH_AT(STAT, fstatat, (int folder, const char *path, struct stat *status, int flags), (folder, path, status, flags), int, const char *, struct stat *, int)
ON_PATH_AT(STAT, fstatat64, (int folder, const char *path, struct stat64 *status, int flags), (folder, path, status, flags), int, const char *, struct stat64 *, int)
ON_PATH(UNLINK, unlink, (const char *path), (path), const char *)
ON_PATH(UNLINK, rmdir, (const char *path), (path), const char *)
ON_PATH_AT(UNLINK, unlinkat, (int folder, const char *path, int flags), (folder, path, flags), int, const char *, int)
ON_PATH(MKDIR, mkdir, (const char *path, mode_t mode), (path, mode), const char *, mode_t)
ON_PATH_AT(RENAME, renameat, (int folder, const char *path, int other, const char *to), (folder, path, other, to), int, const char *, int, const char *)
ON_PATH(RENAME, rename, (const char *path, const char *to), (path, to), const char *, const char *)

DIR *opendir(const char *path)
{
    REAL(DIR *, "opendir", const char *);
    return fails_at(SCANDIR, AT_FDCWD, path) ? NULL : real(path);
}

DIR *fdopendir(int fd)
{
    REAL(DIR *, "fdopendir", int);
    return fails_open(SCANDIR, fd) ? NULL : real(fd);
}
