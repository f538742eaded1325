#include "host-broker/xen/save_process.hpp"

#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>

#include <charconv>
#include <istream>

#include "host-broker/xen/xl_process.hpp"

namespace zynclone::broker::xen {
namespace {

constexpr std::size_t k_longest_line = 4096;

std::optional<unsigned> number_after(std::string_view line, std::string_view word) {
  if (!line.starts_with(word)) return std::nullopt;
  line.remove_prefix(word.size());
  unsigned value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  return error == std::errc() && end == line.data() + line.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

SaveProcess::SaveProcess(TalkingProgram started) : process_(std::move(started.process)), socket_(std::move(started.socket)), buffer_(k_longest_line) {}

Result<std::unique_ptr<SaveProcess>> SaveProcess::start(asio::any_io_executor executor, const std::string& program, DomainId domain, const std::string& file,
                                                        std::uint64_t reserve) {
  TRY(auto started, start_talking(executor, {program, std::to_string(domain.value), file, std::to_string(reserve)}, StandardError::ours));
  return std::unique_ptr<SaveProcess>(new SaveProcess(std::move(started)));
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

asio::awaitable<Result<void>> SaveProcess::end(Deadline limit) {
  boost::system::error_code ignored;
  socket_.close(ignored);
  const bool ended = co_await process_.ended_within(limit);
  if (ended) co_return outcome::success();
  process_.kill();
  co_await process_.ended_within(k_death);
  co_return took_too_long("letting the domain go", limit);
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
