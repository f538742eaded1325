// How long a machine stands still, seen from within: one thread wakes every 5 ms, another writes and syncs 512 bytes every 20 ms.
//   bench_ticker FILE     FILE: on the disk whose writes are watched
// On each line on standard input, and at its end, prints "GAP WRITE": since the line before, the longest time between two wakings and the
// longest that one write took, in milliseconds. A write that is on its way counts with what it has taken so far.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "bench/programs/line_client.hpp"

namespace {

using namespace zynclone::bench;
using Microseconds = std::int64_t;

Microseconds now() { return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count(); }

// The longest of what it was told, until asked.
class Longest {
 public:
  void tell(Microseconds time) {
    Microseconds known = longest_.load();
    while (known < time && !longest_.compare_exchange_weak(known, time)) continue;
  }
  Microseconds take() { return longest_.exchange(0); }

 private:
  std::atomic<Microseconds> longest_{0};
};

struct Watch {
  Longest gap;
  Longest write;
  std::atomic<Microseconds> write_begun{0};  // 0: none is on its way
};

void keep_ticking(Watch& watch) {
  for (Microseconds last = now();;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const Microseconds time = now();
    watch.gap.tell(time - last);
    last = time;
  }
}

void keep_writing(Watch& watch, const char* file) {
  const int descriptor = ::open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) give_up(std::string("open '") + file + "'");
  const std::array<char, 512> block{};
  for (;; std::this_thread::sleep_for(std::chrono::milliseconds(20))) {
    const Microseconds begun = now();
    watch.write_begun = begun;
    if (::pwrite(descriptor, block.data(), block.size(), 0) != 512 || ::fdatasync(descriptor) != 0) give_up("write a block");
    watch.write_begun = 0;
    watch.write.tell(now() - begun);
  }
}

void report(Watch& watch) {
  if (const Microseconds begun = watch.write_begun; begun != 0) watch.write.tell(now() - begun);
  std::printf("%.1f %.1f\n", static_cast<double>(watch.gap.take()) / 1000, static_cast<double>(watch.write.take()) / 1000);
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return std::fputs("usage: bench_ticker FILE\n", stderr), 2;
  static Watch watch;
  std::thread(keep_ticking, std::ref(watch)).detach();
  std::thread(keep_writing, std::ref(watch), arguments[1]).detach();
  for (int read; (read = std::getchar()) != EOF;)
    if (read == '\n') report(watch);
  report(watch);
  std::_Exit(0);
}
