// zynclone-reseed: mixes standard input (at most 4096 bytes) into the kernel's random numbers and makes it use them at once (random(4),
// RNDRESEEDCRNG), for which a shell script has no words. For root. Ends with 1 if it cannot.

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace {

int cannot(const char* what) {
  std::fprintf(stderr, "zynclone-reseed: cannot %s: %s\n", what, std::strerror(errno));
  return 1;
}

}  // namespace

int main() {
  char seed[4096];
  std::size_t size = 0;
  while (size < sizeof seed) {
    const ssize_t count = ::read(STDIN_FILENO, seed + size, sizeof seed - size);
    if (count < 0 && errno != EINTR) return cannot("read the seed");
    if (count == 0) break;
    if (count > 0) size += static_cast<std::size_t>(count);
  }
  if (size == 0) {
    std::fputs("zynclone-reseed: standard input is empty\n", stderr);
    return 1;
  }
  const int device = ::open("/dev/urandom", O_WRONLY | O_CLOEXEC);
  if (device < 0) return cannot("open /dev/urandom");
  if (::write(device, seed, size) != static_cast<ssize_t>(size)) return cannot("write to /dev/urandom");
  if (::ioctl(device, RNDRESEEDCRNG) != 0) return cannot("have the kernel use the seed");
  return 0;
}
