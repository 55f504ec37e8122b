/* A machine that can lose power: preloaded, it keeps account of what a program makes durable.
 *
 * Watched are the database files (a name with ".db" in it, but not "-shm") below POWER_FOLDER.
 *
 * POWER_LOG     file to which every call on a watched file is added, in order. A sync adds the bytes
 *               that it made durable, so the files as of the last sync can be made again from the
 *               log; what no sync covered is lost. A record counts once it is whole, and the program
 *               learns of its sync only after that.
 * POWER_CUT     the number of the call, from 1, in which the program dies (SIGKILL): a write is left
 *               half done, any other call not done at all.
 * POWER_SYNCED  the number of the sync, from 1, that is done, and the program dies before it knows.
 * POWER_NORMAL  when set, a disk under synchronous=NORMAL: SQLite then leaves out the sync of the
 *               write-ahead log at a commit, and keeps the one after writing the log's head and the
 *               one before a checkpoint. A commit's sync is the one that follows on frames; the one
 *               before a checkpoint follows on nothing. The commit's is not taken down.
 *
 * Names as on ext4, XFS, Btrfs and APFS: a new file's name is durable with its first sync, a removal
 * and a renaming with the next sync of the folder. Deliberately absent: torn sectors, disks that lie,
 * and memory maps, which SQLite uses for the "-shm" file only.
 *
 * A record is a line, "KIND INODE SIZE FROM LENGTH NAME", and after that of a sync LENGTH bytes. The
 * kinds: Write, Truncation, Sync, Unlink, Renaming (name, tab, new name), sync of the Directory. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS 65536
#define FILES 256
#define HEAD 32

enum { UNKNOWN, OTHER, FOLDER, FIRST };

struct range {
  off_t from, to;
};

struct file {
  ino_t inode;
  char name[512];
  struct range dirty; /* since a sync that was taken down */
  struct range fresh; /* since any sync */
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER, naming = PTHREAD_MUTEX_INITIALIZER;
static unsigned short known[FDS];
static struct file files[FILES];
static int count, calls, syncs, journal = -1;

static void widen(struct range *range, off_t from, off_t to) {
  if (range->from == range->to) *range = (struct range){from, from};
  if (from < range->from) range->from = from;
  if (to > range->to) range->to = to;
}

static void put(const void *bytes, size_t length) {
  const char *next = bytes;
  while (length > 0) {
    ssize_t done = syscall(SYS_write, journal, next, length);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) abort();
    next += done, length -= done;
  }
}

static void line(char kind, ino_t inode, off_t size, struct range range, const char *name) {
  const char *log = getenv("POWER_LOG");
  char text[1300];
  if (!log) return;
  if (journal < 0) journal = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  put(text, snprintf(text, sizeof text, "%c %llu %lld %lld %lld %s\n", kind,
                     (unsigned long long)inode, (long long)size, (long long)range.from,
                     (long long)(range.to - range.from), name));
}

/* The name below POWER_FOLDER of a file that is watched, else nothing. */
static const char *watched(const char *path) {
  const char *folder = getenv("POWER_FOLDER");
  size_t length = folder ? strlen(folder) : 0;
  if (!length || strncmp(path, folder, length) || path[length] != '/') return NULL;
  const char *name = path + length + 1, *end = name + strlen(name);
  if (!strstr(name, ".db") || (end - name > 4 && !strcmp(end - 4, "-shm"))) return NULL;
  return name;
}

static int look(int fd) {
  char link[64], path[4096];
  struct stat stat;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0 || fstat(fd, &stat)) return OTHER;
  path[length] = 0;
  const char *folder = getenv("POWER_FOLDER");
  if (S_ISDIR(stat.st_mode)) return folder && !strcmp(path, folder) ? FOLDER : OTHER;
  const char *name = S_ISREG(stat.st_mode) ? watched(path) : NULL;
  if (!name) return OTHER;
  for (int at = 0; at < count; at++)
    if (files[at].inode == stat.st_ino && !strcmp(files[at].name, name)) return FIRST + at;
  if (count == FILES) abort();
  files[count].inode = stat.st_ino;
  snprintf(files[count].name, sizeof files[count].name, "%s", name);
  return FIRST + count++;
}

static int kind_of(int fd) {
  if (fd < 0 || fd >= FDS) return OTHER;
  if (known[fd] == UNKNOWN) {
    int before = errno;
    pthread_mutex_lock(&naming);
    known[fd] = look(fd);
    pthread_mutex_unlock(&naming);
    errno = before;
  }
  return known[fd];
}

/* The next file under this name is another one. */
static void forget(const char *name) {
  for (int at = 0; at < count; at++)
    if (!strcmp(files[at].name, name)) files[at].inode = 0;
}

static int named(const char *variable) {
  const char *number = getenv(variable);
  return number ? atoi(number) : -1;
}

/* Whether this call is the one in which the program dies. */
static int last(void) { return ++calls == named("POWER_CUT"); }

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t at, int moves) {
  int kind = kind_of(fd);
  if (kind < FIRST)
    return moves ? syscall(SYS_write, fd, bytes, length)
                 : syscall(SYS_pwrite64, fd, bytes, length, at);
  pthread_mutex_lock(&turn);
  struct file *file = &files[kind - FIRST];
  int end = last();
  if (end) length /= 2;
  if (moves) at = lseek(fd, 0, SEEK_CUR);
  ssize_t done = moves ? syscall(SYS_write, fd, bytes, length)
                       : syscall(SYS_pwrite64, fd, bytes, length, at);
  if (end) die();
  if (done > 0) {
    struct range range = {at, at + done};
    widen(&file->dirty, range.from, range.to);
    widen(&file->fresh, range.from, range.to);
    line('W', file->inode, 0, range, file->name);
  }
  pthread_mutex_unlock(&turn);
  return done;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  return write_at(fd, bytes, length, 0, 1);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
  return write_at(fd, bytes, length, at, 0);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  return write_at(fd, bytes, length, at, 0);
}

int ftruncate(int fd, off_t size) {
  int kind = kind_of(fd);
  if (kind < FIRST) return syscall(SYS_ftruncate, fd, size);
  pthread_mutex_lock(&turn);
  struct file *file = &files[kind - FIRST];
  struct stat stat;
  if (last()) die();
  fstat(fd, &stat);
  int failed = syscall(SYS_ftruncate, fd, size);
  if (!failed) {
    struct range range = {size, stat.st_size > size ? stat.st_size : size};
    if (range.from < range.to) widen(&file->dirty, range.from, range.to);
    line('T', file->inode, size, range, file->name);
  }
  pthread_mutex_unlock(&turn);
  return failed;
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

/* Whether SQLite leaves this sync out under synchronous=NORMAL. */
static int of_a_commit(const struct file *file) {
  size_t length = strlen(file->name);
  int log = length > 4 && !strcmp(file->name + length - 4, "-wal");
  return log && file->fresh.to > HEAD;
}

static void take_down(int fd, struct file *file) {
  char bytes[65536];
  struct stat stat;
  if (!getenv("POWER_LOG") || fstat(fd, &stat)) return;
  struct range range = file->dirty;
  if (range.to > stat.st_size) range.to = stat.st_size;
  if (range.from > range.to) range.from = range.to;
  line('S', file->inode, stat.st_size, range, file->name);
  while (range.from < range.to) {
    size_t want = range.to - range.from;
    ssize_t got = pread(fd, bytes, want < sizeof bytes ? want : sizeof bytes, range.from);
    if (got <= 0) abort();
    put(bytes, got);
    range.from += got;
  }
}

static int sync_of(int fd, long number) {
  int kind = kind_of(fd);
  if (kind < FOLDER) return syscall(number, fd);
  pthread_mutex_lock(&turn);
  if (last()) die();
  int failed = syscall(number, fd);
  if (!failed && kind == FOLDER) line('D', 0, 0, (struct range){0, 0}, ".");
  if (!failed && kind >= FIRST) {
    struct file *file = &files[kind - FIRST];
    int left_out = getenv("POWER_NORMAL") && of_a_commit(file);
    file->fresh = (struct range){0, 0};
    if (!left_out) {
      take_down(fd, file);
      file->dirty = (struct range){0, 0};
    }
  }
  if (++syncs == named("POWER_SYNCED")) die();
  pthread_mutex_unlock(&turn);
  return failed;
}

int fsync(int fd) { return sync_of(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_of(fd, SYS_fdatasync); }

int unlink(const char *path) {
  const char *name = watched(path);
  if (!name) return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  pthread_mutex_lock(&turn);
  if (last()) die();
  int failed = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  if (!failed) {
    line('U', 0, 0, (struct range){0, 0}, name);
    forget(name);
  }
  pthread_mutex_unlock(&turn);
  return failed;
}

int rename(const char *from, const char *to) {
  const char *name = watched(from);
  if (!name) return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  pthread_mutex_lock(&turn);
  if (last()) die();
  int failed = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  if (!failed) {
    char names[1100];
    snprintf(names, sizeof names, "%s\t%s", name, watched(to) ? watched(to) : "");
    line('R', 0, 0, (struct range){0, 0}, names);
    forget(name);
  }
  pthread_mutex_unlock(&turn);
  return failed;
}

int close(int fd) {
  if (fd >= 0 && fd < FDS) known[fd] = UNKNOWN;
  return syscall(SYS_close, fd);
}
