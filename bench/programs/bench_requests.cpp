// Round trips over sockets that answer a line with a line, on connections that stay.
//   bench_requests turns ROUNDS {SOCKET LINE EXPECTED}...         one on each socket, in turn
//   bench_requests spread RATE SECONDS LINE EXPECTED SOCKET...    RATE a second, each on the next socket, whether or not earlier ones
//                                                                 were answered
// Prints for each side "p50 p99 maximum", in microseconds; a spread request counts from the moment at which it was due.

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <poll.h>

#include "bench/programs/line_client.hpp"

namespace {

using namespace zynclone::bench;

constexpr int k_warm_up = 200;  // round trips that are not counted: the first ones load pages and fill caches

void print(const std::vector<double>& times) {
  std::printf("%.1f %.1f %.1f\n", percentile(times, 0.5), percentile(times, 0.99), percentile(times, 1));
}

struct Side {
  LineClient client;
  std::string line;
  std::string expected;
  std::vector<double> times = {};
  void measure() { times.push_back(client.round_trip(line, expected)); }
};

void take_turns(std::vector<Side>& sides, int rounds) {
  for (int round = -k_warm_up; round < rounds; ++round) {
    if (round == 0)
      for (Side& side : sides) side.times.clear();
    for (Side& side : sides) side.measure();
  }
  for (const Side& side : sides) print(side.times);
}

// One connection of many.
struct Connection {
  LineClient client;
  std::deque<Clock::time_point> due = {};  // of the requests that are on their way
};

class Spread {
 public:
  Spread(std::string line, std::string expected, const std::vector<std::string>& sockets) : line_(std::move(line)), expected_(std::move(expected)) {
    connections_.reserve(sockets.size());
    for (const std::string& socket : sockets) connections_.push_back({LineClient(socket)});
    for (const Connection& connection : connections_) polled_.push_back({connection.client.descriptor(), POLLIN, 0});
    for (Connection& connection : connections_) connection.client.round_trip(line_, expected_);
  }

  void run(double rate, double seconds) {
    const auto begun = Clock::now();
    const auto count = static_cast<std::size_t>(rate * seconds);
    const auto due = [&](std::size_t index) {
      return begun + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(static_cast<double>(index) / rate));
    };
    for (std::size_t next = 0; next < count || unanswered_ > 0;) {
      for (; next < count && due(next) <= Clock::now(); ++next) ask(connections_[next % connections_.size()], due(next));
      receive(next < count ? due(next) : Clock::now() + std::chrono::seconds(10), next == count);
    }
    print(times_);
  }

 private:
  void ask(Connection& connection, Clock::time_point due) {
    connection.due.push_back(due);
    connection.client.send(line_);
    ++unanswered_;
  }

  void receive(Clock::time_point until, bool last) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - Clock::now()).count();
    const timespec wait{left > 0 ? left / 1'000'000'000 : 0, left > 0 ? left % 1'000'000'000 : 0};
    const int ready = ::ppoll(polled_.data(), polled_.size(), &wait, nullptr);
    if (ready < 0) give_up("wait for answers");
    if (ready == 0 && last && unanswered_ > 0) give_up("wait longer for the last answers");
    const auto now = Clock::now();
    for (std::size_t i = 0; ready > 0 && i < connections_.size(); ++i) {
      if (polled_[i].revents == 0) continue;
      take(connections_[i], now);
    }
  }

  void take(Connection& connection, Clock::time_point now) {
    do {
      if (connection.client.receive().find(expected_) == std::string::npos) give_up("use an answer");
      times_.push_back(std::chrono::duration<double, std::micro>(now - connection.due.front()).count());
      connection.due.pop_front();
      --unanswered_;
    } while (connection.client.has_line() && !connection.due.empty());
  }

  std::string line_;
  std::string expected_;
  std::vector<Connection> connections_;
  std::vector<pollfd> polled_;
  std::vector<double> times_;
  std::size_t unanswered_ = 0;
};

}  // namespace

int main(int count, char** values) {
  const std::vector<std::string> arguments(values + 1, values + count);
  const std::string mode = arguments.empty() ? "" : arguments[0];
  if (mode == "turns" && arguments.size() >= 5 && arguments.size() % 3 == 2) {
    std::vector<Side> sides;
    for (std::size_t i = 2; i < arguments.size(); i += 3) sides.push_back({LineClient(arguments[i]), arguments[i + 1], arguments[i + 2]});
    take_turns(sides, std::atoi(arguments[1].c_str()));
    return 0;
  }
  if (mode == "spread" && arguments.size() >= 6) {
    Spread(arguments[3], arguments[4], {arguments.begin() + 5, arguments.end()}).run(std::atof(arguments[1].c_str()), std::atof(arguments[2].c_str()));
    return 0;
  }
  std::fputs("usage: bench_requests turns|spread ...; see the head of its source\n", stderr);
  return 2;
}
