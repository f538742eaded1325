// A program for the sandbox's tests: says a word and its process id on a FIFO, then does what its first argument says.
//
//   sandbox_test_program wait FIFO           until a signal ends it
//   sandbox_test_program deaf FIFO           the same, but SIGTERM does not
//   sandbox_test_program family FIFO         with a child in a process group of its own, which says "child"
//   sandbox_test_program ready FIFO          tells the service manager that it is ready
//   sandbox_test_program fail FIFO           ends with status 3, after a line on standard error
//   sandbox_test_program environment FIFO    says XENSTORED_PATH and ZYNCLONE_SOCKET
//   sandbox_test_program folder FIFO         says ZYNCLONE_SANDBOX_DOMAIN_DIR and ZYNCLONE_DOMAIN_NAME
//   sandbox_test_program hold FIFO           opens the domain's dev/xvds to write it; closes it and says "closed" on SIGUSR1

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

void say(const char* fifo, const std::string& word) {
  const int descriptor = ::open(fifo, O_WRONLY | O_CLOEXEC);
  const std::string line = word + " " + std::to_string(::getpid()) + "\n";
  if (::write(descriptor, line.data(), line.size()) < 0) std::_Exit(9);
  ::close(descriptor);
}

void tell_ready() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof(address.sun_path), "%s", std::getenv("NOTIFY_SOCKET"));
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const std::string message = "STATUS=well\nREADY=1\n";
  if (::sendto(descriptor, message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0) std::_Exit(9);
  ::close(descriptor);
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "none";
}

int hold(const char* fifo) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int disk = ::open((variable("ZYNCLONE_SANDBOX_DOMAIN_DIR") + "/dev/xvds").c_str(), O_RDWR | O_CLOEXEC);
  say(fifo, disk < 0 ? "no disk" : "hold");
  int signal = 0;
  ::sigwait(&signals, &signal);
  ::close(disk);
  say(fifo, "closed");
  while (true) ::pause();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const std::string what = arguments[1];
  const char* const fifo = arguments[2];
  if (what == "deaf") std::signal(SIGTERM, SIG_IGN);
  if (what == "family" && ::fork() == 0) {
    ::setpgid(0, 0);
    say(fifo, "child");
    while (true) ::pause();
  }
  if (what == "hold") return hold(fifo);
  if (what == "environment") {
    say(fifo, variable("XENSTORED_PATH") + " " + variable("ZYNCLONE_SOCKET"));
  } else if (what == "folder") {
    say(fifo, variable("ZYNCLONE_SANDBOX_DOMAIN_DIR") + " " + variable("ZYNCLONE_DOMAIN_NAME"));
  } else {
    say(fifo, what);
  }
  if (what == "ready") tell_ready();
  if (what == "fail") {
    std::fputs("the end is near\n", stderr);
    return 3;
  }
  while (true) ::pause();
}
