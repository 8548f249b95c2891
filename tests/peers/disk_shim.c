/* A disk that fails or hangs, for one process (LD_PRELOAD). While the file named by DISK_SHIM holds "eio", what is written
 * or synced below DISK_SHIM_UNDER fails with EIO; while it holds "hang", it waits until that is over. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_ours(int fd) {
  const char *under = getenv("DISK_SHIM_UNDER");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0 || !under) return 0;
  path[n] = 0;
  return strstr(path, under) != NULL;
}

static char word(void) {
  const char *file = getenv("DISK_SHIM");
  int fd = file ? open(file, O_RDONLY) : -1;
  char c = 0;
  if (fd >= 0) {
    if (read(fd, &c, 1) != 1) c = 0;
    close(fd);
  }
  return c;
}

static int fails(int fd) {
  if (!is_ours(fd)) return 0;
  char c = word();
  while (c == 'h') {
    usleep(20000);
    c = word();
  }
  return c == 'e';
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define OR_EIO(fd) if (fails(fd)) { errno = EIO; return -1; }

ssize_t pwrite(int fd, const void *b, size_t n, off_t at) { REAL(pwrite); OR_EIO(fd); return real(fd, b, n, at); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) { REAL(pwrite64); OR_EIO(fd); return real(fd, b, n, at); }
int fsync(int fd) { REAL(fsync); OR_EIO(fd); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); OR_EIO(fd); return real(fd); }
