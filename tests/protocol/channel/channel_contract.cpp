#include "tests/protocol/channel/channel_contract.hpp"

#include <string>

namespace zynclone::tests {
namespace {

using channel::Channel;
using Check = asio::awaitable<Result<void>>;

constexpr std::size_t k_bulk = 100'000;  // bytes each way: many times a vchan's ring
constexpr std::chrono::milliseconds k_silence{50};
constexpr std::chrono::seconds k_limit{15};

// The n-th byte of each direction's stream; 251 is prime, so that no ring size hides a shifted stream.
std::string pattern(std::size_t size, std::size_t from = 0) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((from + i) % 251);
  return bytes;
}

auto wrong(std::string what) { return fail(Errc::internal, std::move(what)); }

asio::awaitable<Result<std::string>> read_exactly(Channel& channel, std::size_t size, std::size_t piece = 4096) {
  std::string bytes;
  std::string buffer(piece, '\0');
  while (bytes.size() < size) {
    const std::size_t most = std::min(piece, size - bytes.size());
    CO_TRY(auto count, co_await with_timeout(channel.read_some(asio::buffer(buffer.data(), most)), k_limit, "reading"));
    if (count == 0 || count > most) co_return wrong("read_some gave " + std::to_string(count) + " bytes, 1 to " + std::to_string(most) + " were possible");
    bytes.append(buffer, 0, count);
  }
  co_return bytes;
}

Check expect(Channel& channel, std::string expected, std::size_t piece = 4096) {
  CO_TRY(auto bytes, co_await read_exactly(channel, expected.size(), piece));
  if (bytes != expected) co_return wrong("other bytes arrived than were written");
  co_return outcome::success();
}

Check put(Channel& channel, std::string bytes) { co_return co_await channel.write(asio::buffer(bytes)); }

Check expect_end(Channel& channel) {
  std::string buffer(16, '\0');
  auto read = co_await with_timeout(channel.read_some(asio::buffer(buffer)), k_limit, "reading");
  if (read) co_return wrong("bytes arrived after the end");
  if (read.error().code != Errc::unavailable) co_return wrong("the end is '" + std::string(to_string(read.error().code)) + "': " + read.error().message);
  co_return outcome::success();
}

// ---- the cases ------------------------------------------------------------------------------------------------------------

Check question(Channel& channel) {
  CO_TRY(co_await put(channel, "are you there"));
  co_return co_await expect(channel, "I am");
}
Check reply(Channel& channel) {
  CO_TRY(co_await expect(channel, "are you there"));
  CO_TRY(co_await put(channel, "I am"));
  co_return co_await expect_end(channel);
}

Check send_bulk(Channel& channel) {
  CO_TRY(co_await put(channel, pattern(k_bulk)));
  co_return co_await expect(channel, "ok");
}
Check receive_bulk(Channel& channel) {
  CO_TRY(co_await expect(channel, pattern(k_bulk), 777));
  CO_TRY(co_await put(channel, "ok"));
  co_return co_await expect_end(channel);
}

Check write_in_pieces(Channel& channel) {
  for (std::size_t at = 0, size = 1; at < k_bulk; size = size * 3 % 5003 + 1) {
    const std::size_t piece = std::min(size, k_bulk - at);
    CO_TRY(co_await put(channel, pattern(piece, at)));
    at += piece;
  }
  co_return outcome::success();
}
Check both_ways(Channel& channel) {
  using namespace asio::experimental::awaitable_operators;
  auto both = co_await (write_in_pieces(channel) && expect(channel, pattern(k_bulk)));
  CO_TRY(std::move(std::get<0>(both)));
  CO_TRY(std::move(std::get<1>(both)));
  co_return outcome::success();
}
// Whoever ends first must not close while the other still reads.
Check both_ways_then_wait(Channel& channel) {
  CO_TRY(co_await both_ways(channel));
  CO_TRY(co_await put(channel, "done"));
  co_return co_await expect_end(channel);
}
Check both_ways_then_end(Channel& channel) {
  CO_TRY(co_await both_ways(channel));
  co_return co_await expect(channel, "done");
}

Check single_bytes(Channel& channel) {
  for (const char byte : pattern(40)) {
    CO_TRY(co_await put(channel, std::string(1, byte)));
  }
  co_return co_await expect(channel, "!", 1);
}
Check read_single_bytes(Channel& channel) {
  CO_TRY(co_await expect(channel, pattern(40), 1));
  CO_TRY(co_await put(channel, "!"));
  co_return co_await expect_end(channel);
}

Check cancel_reads(Channel& channel) {
  std::string buffer(64, '\0');
  for (int round = 0; round < 3; ++round) {
    auto nothing = co_await with_timeout(channel.read_some(asio::buffer(buffer)), k_silence, "reading");
    if (nothing || nothing.error().code != Errc::timed_out) co_return wrong("a read with nothing to read was not cancelled");
    CO_TRY(co_await put(channel, "go"));
    CO_TRY(co_await expect(channel, "gone"));
  }
  co_return outcome::success();
}
Check follow_cancelled_reads(Channel& channel) {
  for (int round = 0; round < 3; ++round) {
    CO_TRY(co_await expect(channel, "go"));
    CO_TRY(co_await put(channel, "gone"));
  }
  co_return co_await expect_end(channel);
}

Check write_and_close(Channel& channel) {
  CO_TRY(co_await put(channel, pattern(3000)));
  channel.close();
  channel.close();
  std::string buffer(16, '\0');
  auto read = co_await channel.read_some(asio::buffer(buffer));
  if (read || read.error().code != Errc::unavailable) co_return wrong("reading after close is not unavailable");
  auto written = co_await channel.write(asio::buffer(buffer));
  if (written || written.error().code != Errc::unavailable) co_return wrong("writing after close is not unavailable");
  co_return outcome::success();
}
Check read_what_was_written_before_close(Channel& channel) {
  CO_TRY(co_await expect(channel, pattern(3000)));
  CO_TRY(co_await expect_end(channel));
  co_return co_await expect_end(channel);
}

asio::awaitable<Result<void>> close_after_question(Channel& channel) {
  CO_TRY(co_await expect(channel, "end it"));
  channel.close();
  co_return outcome::success();
}
Check close_under_a_read(Channel& channel) {
  using namespace asio::experimental::awaitable_operators;
  // The other side says nothing more: only the close below ends the read.
  struct Halves {
    static Check close(Channel& channel) {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);  // the read is pending now
      channel.close();
      co_return outcome::success();
    }
  };
  auto both = co_await (expect_end(channel) && Halves::close(channel));
  CO_TRY(std::move(std::get<0>(both)));
  co_return outcome::success();
}
Check wait_for_end(Channel& channel) { co_return co_await expect_end(channel); }
Check ask_for_the_end(Channel& channel) {
  CO_TRY(co_await put(channel, "end it"));
  co_return co_await expect_end(channel);
}

asio::awaitable<Result<void>> named(const char* half, asio::awaitable<Result<void>> check, Channel* close_after) {
  auto result = co_await std::move(check);
  if (close_after != nullptr) close_after->close();
  if (!result) co_return with_context(std::move(result).error(), half);
  co_return outcome::success();
}

}  // namespace

const std::vector<ContractCase>& channel_contract() {
  static const std::vector<ContractCase> cases = {
      {"GuestAsks", question, reply},
      {"BrokerAsks", reply, question},
      {"BulkTowardsTheBroker", send_bulk, receive_bulk},
      {"BulkTowardsTheGuest", receive_bulk, send_bulk},
      {"BothWaysAtOnce", both_ways_then_wait, both_ways_then_end},
      {"SingleBytes", single_bytes, read_single_bytes},
      {"BrokerCancelsReads", follow_cancelled_reads, cancel_reads},
      {"GuestCancelsReads", cancel_reads, follow_cancelled_reads},
      {"GuestCloses", write_and_close, read_what_was_written_before_close},
      {"BrokerCloses", read_what_was_written_before_close, write_and_close},
      {"GuestClosesWhenAsked", close_after_question, ask_for_the_end},
      {"BrokerClosesUnderItsRead", wait_for_end, close_under_a_read},
      {"GuestClosesUnderItsRead", close_under_a_read, wait_for_end},
  };
  return cases;
}

asio::awaitable<Result<void>> run_case(ContractCase contract_case, Channel& guest, Channel& broker) {
  using namespace asio::experimental::awaitable_operators;
  // Whoever has finished closes, as a process that ends would.
  auto both = co_await (named("guest", contract_case.guest(guest), &guest) && named("broker", contract_case.broker(broker), &broker));
  CO_TRY(std::move(std::get<0>(both)));
  CO_TRY(std::move(std::get<1>(both)));
  co_return outcome::success();
}

}  // namespace zynclone::tests
