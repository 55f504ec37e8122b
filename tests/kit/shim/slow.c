/* A disk whose flush takes a known time: preloaded, it answers fsync and fdatasync after
 * SLOW_FSYNC_US microseconds without asking the real disk, whose own time varies too much. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static int flush(void) {
  const char *words = getenv("SLOW_FSYNC_US");
  long us = words ? atol(words) : 0;
  struct timespec left = {us / 1000000, us % 1000000 * 1000};
  while (nanosleep(&left, &left) == -1 && errno == EINTR) {
  }
  return 0;
}

int fsync(int fd) {
  (void)fd;
  return flush();
}

int fdatasync(int fd) {
  (void)fd;
  return flush();
}
