#include "cli/interrupt.hpp"

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace zynclone::cli {

Result<Interrupt> Interrupt::create() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) return fail(Errc::system, std::string("cannot block signals: ") + std::strerror(errno));
  Descriptor descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!descriptor) return fail(Errc::system, std::string("cannot watch for signals: ") + std::strerror(errno));
  return Interrupt(std::move(descriptor));
}

}  // namespace zynclone::cli
