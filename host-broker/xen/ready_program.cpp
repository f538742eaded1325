#include "host-broker/xen/ready_program.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/names.hpp"
#include "system/descriptor.hpp"
#include "system/spawn_setup.hpp"

namespace zynclone::broker::xen {
namespace {

using asio::posix::stream_descriptor;
using Clock = std::chrono::steady_clock;

constexpr std::size_t k_most_output = 64 * 1024;
constexpr std::chrono::seconds k_death{5};  // from SIGKILL to the end

void keep(std::string& output, std::string_view more) { output.append(more.substr(0, k_most_output - std::min(output.size(), k_most_output))); }

}  // namespace

ReadyProgram::ReadyProgram(asio::any_io_executor executor, std::string program, pid_t id, int process)
    : program_(std::move(program)), socket_(executor), process_(executor, process), id_(id) {}

Result<std::unique_ptr<ReadyProgram>> ReadyProgram::start(asio::any_io_executor executor, const std::string& program) {
  const auto failed = [&](int error) { return fail(Errc::system, "cannot start '" + printable(program) + "': " + std::strerror(error)); };
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return failed(errno);
  Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  const SpawnSetup setup({theirs.get(), theirs.get(), theirs.get()}, "/");
  pid_t id = 0;
  const int error = setup.spawn(id, program, {program}, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"});
  if (error != 0) return failed(error);
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, id, 0));
  if (process < 0) {
    const int number = errno;
    ::kill(id, SIGKILL);
    ::waitpid(id, nullptr, 0);
    return failed(number);
  }
  std::unique_ptr<ReadyProgram> started(new ReadyProgram(executor, program, id, process));
  started->socket_.assign(asio::local::stream_protocol(), ours.release());
  return started;
}

ReadyProgram::~ReadyProgram() { reap(); }

bool ReadyProgram::is_there() {
  reap();
  return !reaped_;
}

void ReadyProgram::reap() {
  if (reaped_) return;
  siginfo_t info{};
  const int result = ::waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG);
  reaped_ = result != 0 || info.si_pid != 0;
  if (result != 0) status_ = 255;  // somebody else has got it: nothing is known
  if (info.si_pid != 0) status_ = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

asio::awaitable<Result<std::string>> ReadyProgram::ask(std::string input) {
  boost::system::error_code error;
  co_await asio::async_write(socket_, asio::buffer(input), asio::redirect_error(asio::use_awaitable, error));
  if (!error) socket_.shutdown(asio::socket_base::shutdown_send, error);
  if (error) co_return fail(Errc::system, "cannot run '" + printable(program_) + "': " + error.message());
  using namespace asio::experimental::awaitable_operators;
  // What the program's own children write later is not waited for.
  std::string output;
  const auto ended = co_await (wait_for_end() || read_all(output));
  if (ended.index() == 1) {
    CO_TRY(co_await wait_for_end());
  } else if (!std::get<0>(ended)) {
    co_return std::get<0>(ended).error();
  }
  for (std::array<char, 4096> part;;) {
    const ssize_t count = ::recv(socket_.native_handle(), part.data(), part.size(), MSG_DONTWAIT);
    if (count <= 0) break;
    keep(output, std::string_view(part.data(), static_cast<std::size_t>(count)));
  }
  co_return output;
}

asio::awaitable<Result<void>> ReadyProgram::wait_for_end() {
  boost::system::error_code error;
  co_await process_.async_wait(stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail(Errc::system, "cannot wait for '" + printable(program_) + "': " + error.message());
  co_return outcome::success();
}

asio::awaitable<void> ReadyProgram::read_all(std::string& output) {
  std::vector<char> part(4096);
  for (boost::system::error_code error; !error;) {
    const std::size_t count = co_await socket_.async_read_some(asio::buffer(part), asio::redirect_error(asio::use_awaitable, error));
    keep(output, std::string_view(part.data(), count));
  }
}

asio::awaitable<Result<ProcessOutput>> ReadyProgram::run(std::vector<std::string> arguments, Deadline limit) {
  std::string input;
  for (const std::string& argument : arguments) input += argument + '\0';
  auto output = co_await with_timeout(ask(std::move(input)), limit, "'" + printable(program_) + "'");
  if (!output) {
    ::kill(-id_, SIGKILL);
    (void)co_await with_timeout(wait_for_end(), k_death, "the end of '" + printable(program_) + "'");
  }
  reap();
  if (!output) co_return outcome::failure(std::move(output).error());
  ProcessOutput ended;
  ended.status = status_;
  ended.errors = std::move(output).value();
  co_return ended;
}

struct ReadyPrograms::State {
  std::string program;
  std::size_t most;
  Deadline rest;
  std::vector<std::unique_ptr<ReadyProgram>> ready = {};
  bool is_making = false;
  Clock::time_point last_work = {};
};

ReadyPrograms::ReadyPrograms(std::string program, std::size_t most, Deadline rest) : state_(std::make_shared<State>(State{std::move(program), most, rest})) {}

std::size_t ReadyPrograms::ready() const { return state_->ready.size(); }

Result<std::unique_ptr<ReadyProgram>> ReadyPrograms::take(asio::any_io_executor executor) {
  auto& ready = state_->ready;
  while (!ready.empty()) {
    std::unique_ptr<ReadyProgram> program = std::move(ready.back());
    ready.pop_back();
    if (program->is_there()) return program;
  }
  return ReadyProgram::start(executor, state_->program);
}

void ReadyPrograms::make_later(asio::any_io_executor executor) {
  state_->last_work = Clock::now();
  if (state_->is_making || state_->ready.size() >= state_->most) return;
  state_->is_making = true;
  spawn(executor, "making '" + printable(state_->program) + "' ready", make(state_));
}

asio::awaitable<void> ReadyPrograms::make(std::shared_ptr<State> state) {
  const auto executor = co_await asio::this_coro::executor;
  while (Clock::now() < state->last_work + state->rest) co_await sleep_for(state->last_work + state->rest - Clock::now());
  state->is_making = false;
  while (state->ready.size() < state->most) {
    auto program = ReadyProgram::start(executor, state->program);
    if (!program) co_return;  // whoever needs it starts it, and says what is wrong
    state->ready.push_back(std::move(program).value());
  }
}

}  // namespace zynclone::broker::xen
