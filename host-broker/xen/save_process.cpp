#include "host-broker/xen/save_process.hpp"

#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <istream>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-broker/xen/xl_process.hpp"
#include "system/descriptor.hpp"
#include "system/spawn_setup.hpp"

namespace zynclone::broker::xen {
namespace {

using asio::posix::stream_descriptor;

constexpr std::size_t k_longest_line = 4096;
constexpr std::chrono::seconds k_death{5};  // from SIGKILL to the end

std::optional<unsigned> number_after(std::string_view line, std::string_view word) {
  if (!line.starts_with(word)) return std::nullopt;
  line.remove_prefix(word.size());
  unsigned value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  return error == std::errc() && end == line.data() + line.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

SaveProcess::SaveProcess(asio::any_io_executor executor, pid_t id, int process) : socket_(executor), process_(executor, process), id_(id), buffer_(k_longest_line) {}

Result<std::unique_ptr<SaveProcess>> SaveProcess::start(asio::any_io_executor executor, const std::string& program, DomainId domain, const std::string& file,
                                                        std::uint64_t reserve) {
  const auto failed = [&](int error) { return fail(Errc::system, "cannot start '" + printable(program) + "': " + std::strerror(error)); };
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return failed(errno);
  Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  const SpawnSetup setup({theirs.get(), theirs.get(), STDERR_FILENO}, "/");
  pid_t id = 0;
  const std::vector<std::string> arguments{program, std::to_string(domain.value), file, std::to_string(reserve)};
  const int error = setup.spawn(id, program, arguments, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"});
  if (error != 0) return failed(error);
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, id, 0));
  if (process < 0) {
    const int number = errno;
    ::kill(id, SIGKILL);
    ::waitpid(id, nullptr, 0);
    return failed(number);
  }
  std::unique_ptr<SaveProcess> started(new SaveProcess(executor, id, process));
  started->socket_.assign(asio::local::stream_protocol(), ours.release());
  return started;
}

SaveProcess::~SaveProcess() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  reap();
}

asio::awaitable<Result<Deadline>> SaveProcess::suspended(Progress progress, Deadline limit) {
  return with_timeout(read_until_suspended(std::move(progress)), limit, "copying the memory");
}

asio::awaitable<Result<void>> SaveProcess::held(Progress progress, Deadline limit) {
  return with_timeout(read_until_held(std::move(progress)), limit, "copying the memory");
}

asio::awaitable<Result<std::string>> SaveProcess::read_line() {
  boost::system::error_code error;
  co_await asio::async_read_until(socket_, buffer_, '\n', asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail(Errc::xen, "cannot copy the memory: zynclone-save ended without a word");
  std::istream text(&buffer_);
  std::string line;
  std::getline(text, line);
  if (line.starts_with("no-space ")) co_return fail(Errc::no_space, printable(std::string_view(line).substr(9)));
  if (line.starts_with("error ")) co_return fail(Errc::xen, printable(std::string_view(line).substr(6)));
  co_return line;
}

asio::awaitable<Result<Deadline>> SaveProcess::read_until_suspended(Progress progress) {
  for (;;) {
    CO_TRY(const std::string line, co_await read_line());
    if (const auto percent = number_after(line, "percent "); percent && progress) progress(*percent);
    if (line == "suspended") co_return Deadline::zero();
    // It could not tell when it was suspended.
    if (const auto milliseconds = number_after(line, "held ")) {
      is_holding_ = true;
      co_return Deadline(std::chrono::milliseconds(*milliseconds));
    }
  }
}

asio::awaitable<Result<void>> SaveProcess::read_until_held(Progress progress) {
  while (!is_holding_) {
    CO_TRY(const std::string line, co_await read_line());
    if (const auto percent = number_after(line, "percent "); percent && progress) progress(*percent);
    is_holding_ = line.starts_with("held ");
  }
  co_return outcome::success();
}

asio::awaitable<Result<void>> SaveProcess::wait_for_end() {
  boost::system::error_code error;
  co_await process_.async_wait(stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail(Errc::cancelled, "cannot wait for zynclone-save: " + error.message());
  co_return outcome::success();
}

asio::awaitable<Result<void>> SaveProcess::end(Deadline limit) {
  boost::system::error_code ignored;
  socket_.close(ignored);
  auto ended = co_await with_timeout(wait_for_end(), limit, "letting the domain go");
  if (!ended) {
    ::syscall(SYS_pidfd_send_signal, process_.native_handle(), SIGKILL, nullptr, 0);
    (void)co_await with_timeout(wait_for_end(), k_death, "ending zynclone-save");
  }
  reap();
  co_return ended;
}

void SaveProcess::reap() {
  if (reaped_) return;
  siginfo_t info{};
  const int result = ::waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG);
  reaped_ = result != 0 || info.si_pid != 0;
}

asio::awaitable<Result<void>> wait_for_other_saves(DomainId domain, Deadline limit) {
  while (const auto other = find_save_process(domain)) {
    auto ended = co_await wait_for_process(*other, limit);
    if (!ended) {
      CO_TRY(co_await kill_process(*other, k_death));
    }
  }
  co_return outcome::success();
}

}  // namespace zynclone::broker::xen
