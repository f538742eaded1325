// channel_contract: one side of a channel between two domains, for what cannot be tried in one process.
//
//   channel_contract SIDE TRANSPORT WORK [DOMAIN]
//     SIDE       guest | broker
//     TRANSPORT  vchan | mailbox
//     WORK       contract: every case of the channels' contract, one after the other, a connection each; prints "N passed, N failed"
//                echo (guest): gives back what comes, connection after connection, until killed
//                ping=N (broker): N round trips of 64 bytes against echo; prints the median and the 99th percentile
//                hold (broker): one round trip against echo, "held", and then the wait for the end of it, which must come
//     DOMAIN     the guest's id, for the broker's side
// Exit status 0 when all is well.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/channel/mailbox_channel.hpp"
#include "protocol/channel/vchan_channel.hpp"
#include "protocol/channel/xen_mailbox_store.hpp"
#include "tests/protocol/channel/channel_contract.hpp"

namespace zynclone::tests {
namespace {

using channel::Channel;
using Opened = Result<std::unique_ptr<Channel>>;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds k_patience{60};            // for the other side to be there
constexpr std::chrono::milliseconds k_between_attempts{100};

// Gives one connection after the other, whichever side this is.
class Side {
 public:
  virtual ~Side() = default;
  virtual asio::awaitable<Opened> next() = 0;
};

class VchanGuest final : public Side {
 public:
  explicit VchanGuest(asio::any_io_executor executor)
      : server_(channel::VchanServer::create(std::move(executor), DomainId{0}, "data/zynclone/broker").value()) {}
  asio::awaitable<Opened> next() override { return server_.accept(); }

 private:
  channel::VchanServer server_;
};

class MailboxGuest final : public Side {
 public:
  explicit MailboxGuest(asio::any_io_executor executor) : server_(make(std::move(executor)).value()) {}
  asio::awaitable<Opened> next() override { return server_.accept(); }

 private:
  static Result<channel::MailboxServer> make(asio::any_io_executor executor) {
    using channel::XenMailboxStore;
    TRY(auto store, XenMailboxStore::open_in_guest(executor));
    return channel::MailboxServer::create(executor, std::move(store), XenMailboxStore::guests_folder(), XenMailboxStore::brokers_folder());
  }
  channel::MailboxServer server_;
};

class Broker final : public Side {
 public:
  Broker(bool is_vchan, DomainId guest) : is_vchan_(is_vchan), guest_(guest) {}
  asio::awaitable<Opened> next() override {
    const auto executor = co_await asio::this_coro::executor;
    const auto until = Clock::now() + k_patience;
    for (;;) {
      auto opened = is_vchan_ ? connect_vchan(executor) : connect_mailbox(executor);
      if (opened || Clock::now() > until) co_return opened;
      co_await sleep_for(k_between_attempts);
    }
  }

 private:
  Opened connect_vchan(asio::any_io_executor executor) const {
    TRY(auto vchan, channel::VchanChannel::connect(executor, guest_, "/local/domain/" + std::to_string(guest_.value) + "/data/zynclone/broker"));
    TRY(vchan->confine(guest_));
    return std::unique_ptr<Channel>(std::move(vchan));
  }
  Opened connect_mailbox(asio::any_io_executor executor) const {
    using channel::XenMailboxStore;
    TRY(auto store, XenMailboxStore::open_in_broker(executor, guest_));
    return channel::MailboxChannel::connect(executor, std::move(store), XenMailboxStore::brokers_folder(guest_), XenMailboxStore::guests_folder(guest_));
  }
  bool is_vchan_;
  DomainId guest_;
};

// On the case's number, in one byte there and back: the broker says it, so that both are at the same case, whatever became of the one
// before; and it waits for the guest, for of a client that comes and goes before the server looks nothing is seen.
asio::awaitable<Result<void>> agree(Channel& channel, bool is_guest, std::size_t& number) {
  char byte = static_cast<char>(number);
  if (!is_guest) {
    CO_TRY(co_await channel.write(asio::buffer(&byte, 1)));
  }
  CO_TRY(co_await with_timeout(channel.read_some(asio::buffer(&byte, 1)), k_patience, "agreeing on a case"));
  if (is_guest) {
    CO_TRY(co_await channel.write(asio::buffer(&byte, 1)));
  }
  const std::size_t agreed = static_cast<unsigned char>(byte);
  if (agreed >= channel_contract().size() || (!is_guest && agreed != number)) co_return fail(Errc::malformed, "there is no case " + std::to_string(agreed));
  number = agreed;
  co_return outcome::success();
}

// Any but 0 is a failure. The guest's `number` becomes the broker's.
asio::awaitable<int> run_case_of(Side& side, bool is_guest, std::size_t& number) {
  auto opened = co_await side.next();
  if (!opened) {
    std::printf("FAILED case %zu: %s\n", number, opened.error().message.c_str());
    co_return 1;
  }
  auto agreed = co_await agree(*opened.value(), is_guest, number);
  if (!agreed) {
    std::printf("FAILED case %zu: %s\n", number, agreed.error().message.c_str());
    co_return 1;
  }
  const ContractCase& each = channel_contract()[number];
  const auto half = is_guest ? each.guest : each.broker;
  auto result = co_await half(*opened.value());
  opened.value()->close();
  std::printf("%-6s %s%s%s\n", result ? "ok" : "FAILED", each.name, result ? "" : ": ", result ? "" : result.error().message.c_str());
  co_return result ? 0 : 1;
}

// Until the last case has been tried.
asio::awaitable<int> run_contract(Side& side) {
  int status = 0;
  for (std::size_t number = 0; number + 1 < channel_contract().size();) {
    const int failed = co_await run_case_of(side, true, number);
    if (failed != 0) status = failed;
    std::fflush(stdout);
  }
  co_return status;
}

asio::awaitable<int> run_echo(Side& side) {
  for (;;) {
    auto opened = co_await side.next();
    if (!opened) {
      std::printf("%s\n", opened.error().message.c_str());
      co_return 1;
    }
    std::printf("connected\n");
    std::fflush(stdout);
    std::string buffer(4096, '\0');
    for (;;) {
      auto count = co_await opened.value()->read_some(asio::buffer(buffer));
      if (!count) break;
      auto written = co_await opened.value()->write(asio::buffer(buffer.data(), count.value()));
      if (!written) break;
    }
    std::printf("ended\n");
    std::fflush(stdout);
  }
}

asio::awaitable<Result<Clock::duration>> round_trip(Channel& channel) {
  std::string bytes(64, 'x');
  const auto start = Clock::now();
  CO_TRY(co_await channel.write(asio::buffer(bytes)));
  for (std::size_t got = 0; got < bytes.size();) {
    CO_TRY(auto count, co_await channel.read_some(asio::buffer(bytes.data() + got, bytes.size() - got)));
    got += count;
  }
  co_return Clock::now() - start;
}

// What a killed guest has left in XenStore looks as if it lived: such a connection ends, or stalls, and another is tried, as the broker does it.
asio::awaitable<Opened> next_that_answers(Side& side) {
  const auto until = Clock::now() + k_patience;
  for (;;) {
    auto opened = co_await side.next();
    if (!opened) co_return opened;
    auto time = co_await with_timeout(round_trip(*opened.value()), k_patience, "a round trip");
    if (time || Clock::now() > until) co_return opened;
    opened.value()->close();
  }
}

asio::awaitable<int> run_ping(Side& side, int count) {
  auto opened = co_await next_that_answers(side);
  if (!opened) {
    std::printf("%s\n", opened.error().message.c_str());
    co_return 1;
  }
  std::vector<Clock::duration> times;
  for (int i = 0; i < count; ++i) {
    auto time = co_await round_trip(*opened.value());
    if (!time) {
      std::printf("ended after %d: %s\n", i, time.error().message.c_str());
      co_return 1;
    }
    times.push_back(time.value());
  }
  std::sort(times.begin(), times.end());
  const auto microseconds = [&](std::size_t at) { return std::chrono::duration<double, std::micro>(times[at]).count(); };
  std::printf("%d round trips of 64 bytes: p50 %.1f us, p99 %.1f us\n", count, microseconds(times.size() / 2), microseconds(times.size() * 99 / 100));
  co_return 0;
}

asio::awaitable<int> run_hold(Side& side) {
  auto opened = co_await next_that_answers(side);
  if (!opened) {
    std::printf("%s\n", opened.error().message.c_str());
    co_return 1;
  }
  std::printf("held\n");
  std::fflush(stdout);
  std::string buffer(16, '\0');
  auto end = co_await with_timeout(opened.value()->read_some(asio::buffer(buffer)), k_patience, "waiting for the end");
  const bool has_ended = !end && end.error().code == Errc::unavailable;
  std::printf("%s\n", end ? "bytes came" : end.error().message.c_str());
  co_return has_ended ? 0 : 1;
}

asio::awaitable<void> work(Side& side, bool is_guest, std::string what, int& status) {
  constexpr std::string_view k_case = "case=";
  if (what == "contract" && is_guest) status = co_await run_contract(side);
  else if (what.starts_with(k_case)) {
    std::size_t number = std::stoul(what.substr(k_case.size()));
    status = co_await run_case_of(side, is_guest, number);
  } else if (what == "hold" && !is_guest) status = co_await run_hold(side);
  else if (what == "echo" && is_guest) status = co_await run_echo(side);
  else if (what.starts_with("ping=") && !is_guest) status = co_await run_ping(side, std::max(1, std::atoi(what.c_str() + 5)));
  else status = 2;
}

int run(const std::vector<std::string>& words, const std::string& what) {
  asio::io_context context(1);
  const bool is_guest = words[0] == "guest";
  const bool is_vchan = words[1] == "vchan";
  std::unique_ptr<Side> side;
  if (!is_guest) side = std::make_unique<Broker>(is_vchan, DomainId{static_cast<std::uint32_t>(std::atoi(words[3].c_str()))});
  else if (is_vchan) side = std::make_unique<VchanGuest>(context.get_executor());
  else side = std::make_unique<MailboxGuest>(context.get_executor());
  int status = 3;
  asio::co_spawn(context, work(*side, is_guest, what, status), [&](std::exception_ptr) { context.stop(); });
  context.run();
  return status;
}

// As a link does it: a process for each connection, which ends when its process does.
int run_brokers_contract(const std::vector<std::string>& words) {
  std::size_t failed = 0;
  for (std::size_t number = 0; number < channel_contract().size(); ++number) {
    const pid_t child = ::fork();
    if (child == 0) {
      const int status = run(words, "case=" + std::to_string(number));
      std::fflush(stdout);
      ::_exit(status);
    }
    int status = -1;
    if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) ++failed;
  }
  std::printf("%zu passed, %zu failed\n", channel_contract().size() - failed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace zynclone::tests

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  const bool is_guest = count > 1 && words[0] == "guest";
  if (count < (is_guest ? 4 : 5)) {
    std::fprintf(stderr, "usage: channel_contract guest|broker vchan|mailbox contract|echo|ping=N|hold [DOMAIN]\n");
    return 2;
  }
  using namespace zynclone::tests;
  return !is_guest && words[2] == "contract" ? run_brokers_contract(words) : run(words, words[2]);
}
