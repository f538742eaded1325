#include "tests/support/service/program_run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace zynclone::tests {
namespace {

using std::chrono::steady_clock;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

std::string bin_folder() {
  // The tests stand beside the programs.
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::string self(path.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  return self.substr(0, self.rfind('/') + 1);
}

ProgramRun::ProgramRun(const std::string& name, std::vector<std::string> arguments, std::map<std::string, std::string> environment,
                       Output output) {
  const std::string path = name.starts_with('/') ? name : bin_folder() + name;
  arguments.insert(arguments.begin(), name);
  environment.insert({{"PATH", "/usr/bin:/bin"}, {"TZ", "UTC"}, {"LC_ALL", "C.UTF-8"}, {"TERM", "xterm"}});
  std::vector<std::string> variables;
  for (const auto& [key, value] : environment) variables.push_back(key + "=" + value);
  auto argument_pointers = pointers(arguments);
  auto variable_pointers = pointers(variables);

  if (output == Output::terminal) {
    winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    int master = -1;
    process_ = ::forkpty(&master, nullptr, nullptr, &size);
    if (process_ == 0) {
      ::execve(path.c_str(), argument_pointers.data(), variable_pointers.data());
      ::_exit(127);
    }
    out_.reset(master);
    return;
  }
  std::array<int, 2> out{}, error{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(error.data(), O_CLOEXEC) != 0) std::abort();
  process_ = ::fork();
  if (process_ == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(error[1], STDERR_FILENO);
    ::execve(path.c_str(), argument_pointers.data(), variable_pointers.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(error[1]);
  out_.reset(out[0]);
  error_.reset(error[0]);
}

ProgramRun::~ProgramRun() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

// False when both streams have ended, or nothing came in time.
bool ProgramRun::read_more(int milliseconds) {
  if (!out_ && !error_) return false;
  std::array<pollfd, 2> ready{{{.fd = out_.get(), .events = POLLIN, .revents = 0}, {.fd = error_.get(), .events = POLLIN, .revents = 0}}};
  if (::poll(ready.data(), ready.size(), milliseconds) <= 0) return false;
  const auto drain = [](const pollfd& entry, Descriptor& descriptor, std::string& into) {
    if (entry.revents == 0) return;
    std::array<char, 4096> bytes;
    const ssize_t count = ::read(descriptor.get(), bytes.data(), bytes.size());
    // A pseudo terminal's end is EIO.
    if (count <= 0) return descriptor.reset();
    into.append(bytes.data(), static_cast<std::size_t>(count));
  };
  drain(ready[0], out_, output_);
  drain(ready[1], error_, errors_);
  return true;
}

bool ProgramRun::wait_for(const std::string& stream, const std::string& text) {
  while (stream.find(text) == std::string::npos) {
    if (!read_more(10'000)) return false;
  }
  return true;
}

bool ProgramRun::wait_for_output(const std::string& text) {
  return wait_for(output_, text);
}

bool ProgramRun::wait_for_errors(const std::string& text) {
  return wait_for(out_ && !error_ ? output_ : errors_, text);
}

void ProgramRun::send_signal(int number) const {
  ::kill(process_, number);
}

void ProgramRun::type(std::string_view keys) const {
  if (::write(out_.get(), keys.data(), keys.size()) < 0) std::perror("write");
}

int ProgramRun::finish() {
  while (read_more(20'000)) {
  }
  if (out_ || error_) return -1;  // it still holds its streams
  int status = 0;
  const pid_t ended = std::exchange(process_, -1);
  ::waitpid(ended, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace zynclone::tests
