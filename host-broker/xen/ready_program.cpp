#include "host-broker/xen/ready_program.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <sys/socket.h>

#include "protocol/names.hpp"

namespace zynclone::broker::xen {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t k_most_output = 64 * 1024;

void keep(std::string& output, std::string_view more) { output.append(more.substr(0, k_most_output - std::min(output.size(), k_most_output))); }

}  // namespace

ReadyProgram::ReadyProgram(std::string program, TalkingProgram started)
    : program_(std::move(program)), process_(std::move(started.process)), socket_(std::move(started.socket)) {}

Result<std::unique_ptr<ReadyProgram>> ReadyProgram::start(asio::any_io_executor executor, const std::string& program) {
  TRY(auto started, start_talking(executor, {program}, StandardError::the_socket));
  return std::unique_ptr<ReadyProgram>(new ReadyProgram(program, std::move(started)));
}

asio::awaitable<Result<std::string>> ReadyProgram::ask(std::string input, Deadline limit) {
  boost::system::error_code error;
  co_await asio::async_write(socket_, asio::buffer(input), asio::redirect_error(asio::use_awaitable, error));
  if (!error) socket_.shutdown(asio::socket_base::shutdown_send, error);
  if (error) co_return fail(Errc::system, "cannot run '" + printable(program_) + "': " + error.message());
  using namespace asio::experimental::awaitable_operators;
  // What the program's own children write later is not waited for.
  std::string output;
  co_await (process_.ended_within(limit) || read_all(output));
  if (!process_.is_reaped()) co_await process_.ended_within(limit);
  for (std::array<char, 4096> part;;) {
    const ssize_t count = ::recv(socket_.native_handle(), part.data(), part.size(), MSG_DONTWAIT);
    if (count <= 0) break;
    keep(output, std::string_view(part.data(), static_cast<std::size_t>(count)));
  }
  co_return output;
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
  auto output = co_await with_timeout(ask(std::move(input), limit), limit, "'" + printable(program_) + "'");
  if (!output) {
    process_.kill_group();
    co_await process_.ended_within(k_death);
    co_return outcome::failure(std::move(output).error());
  }
  ProcessOutput ended;
  ended.status = process_.status().value_or(255);
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
