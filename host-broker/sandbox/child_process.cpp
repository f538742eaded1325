#include "host-broker/sandbox/child_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/names.hpp"
#include "system/descriptor.hpp"

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot to say so itself
}

namespace zynclone::sandbox {
namespace {

using asio::posix::stream_descriptor;

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// In the child, between fork and exec: system calls only. Gives errno when one failed.
int become(char* const* arguments, char* const* environment, int log, Bond bond, pid_t parent) {
  ::setsid();
  if (bond == Bond::dies_with_us) {
    // The signal comes when the thread that forked ends; the check is for a parent that died before it was asked for.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) return errno;
  }
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing < 0 || ::dup2(nothing, 0) < 0 || ::dup2(log, 1) < 0 || ::dup2(log, 2) < 0) return errno;
  ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::chdir("/") != 0) return errno;
  ::execve(arguments[0], arguments, environment);
  return errno;
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(asio::any_io_executor executor, const ChildSpec& spec,
                                                          std::function<void(int)> on_end) {
  const std::string program = spec.arguments.empty() ? "" : spec.arguments.front();
  const auto failed = [&](int number) {
    return fail(Errc::system, "cannot run '" + printable(program) + "': " + std::strerror(number));
  };
  if (!program.starts_with('/')) return failed(ENOENT);
  Descriptor log(::open(spec.log_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!log) return fail(Errc::system, "cannot log to '" + printable(spec.log_file) + "': " + std::strerror(errno));
  int failure_pipe[2];
  if (::pipe2(failure_pipe, O_CLOEXEC) != 0) return failed(errno);
  const Descriptor reading(failure_pipe[0]);
  Descriptor writing(failure_pipe[1]);

  std::vector<std::string> arguments = spec.arguments;
  std::vector<std::string> assignments;
  for (const auto& [name, value] : spec.environment) assignments.push_back(name + "=" + value);
  const auto argument_pointers = pointers_to(arguments);
  const auto environment_pointers = pointers_to(assignments);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return failed(errno);
  if (pid == 0) {
    const int number = become(argument_pointers.data(), environment_pointers.data(), log.get(), spec.bond, parent);
    [[maybe_unused]] const auto written = ::write(writing.get(), &number, sizeof(number));
    ::_exit(127);
  }

  // The pipe ends without a word when exec succeeded.
  writing.reset();
  int number = 0;
  if (::read(reading.get(), &number, sizeof(number)) == sizeof(number)) {
    ::waitpid(pid, nullptr, 0);
    return failed(number);
  }
  Descriptor process(::pidfd_open(pid, 0));
  if (!process) return failed(errno);
  return std::unique_ptr<ChildProcess>(new ChildProcess(executor, pid, process.release(), spec.bond, std::move(on_end)));
}

ChildProcess::ChildProcess(asio::any_io_executor executor, pid_t pid, int process, Bond bond, std::function<void(int)> on_end)
    : pid_(pid), bond_(bond), process_(std::make_shared<stream_descriptor>(executor, process)), on_end_(std::move(on_end)) {
  watch();
}

void ChildProcess::watch() {
  process_->async_wait(stream_descriptor::wait_read, [this, alive = std::weak_ptr(process_)](boost::system::error_code error) {
    if (error || alive.expired()) return;
    const int status = reap();
    const auto on_end = std::move(on_end_);  // it may destroy this object
    on_end(status);
  });
}

int ChildProcess::reap() {
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED);
  } while (result != 0 && errno == EINTR);
  reaped_ = true;
  return result != 0 ? 255 : info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

ChildProcess::~ChildProcess() {
  process_.reset();
  if (reaped_ || bond_ == Bond::outlives_us) return;
  ::kill(pid_, SIGKILL);
  reap();
}

}  // namespace zynclone::sandbox
