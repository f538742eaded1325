#pragma once
// A client of any socket that answers a line with a line: the agent's, and the peers' that it is measured beside. Blocking, so that
// nothing but the round trip itself is between two readings of the clock; nothing of the product is linked.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace zynclone::bench {

using Clock = std::chrono::steady_clock;

class LineClient {
 public:
  // Ends the program, saying why, when it cannot: a benchmark that misses its peer has nothing to say.
  explicit LineClient(const std::string& socket);
  LineClient(LineClient&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  LineClient& operator=(LineClient&&) = delete;
  ~LineClient();

  void send(std::string_view line);
  // Whole lines, whose ends are not kept; waits for the next one. Ends the program when the peer is gone.
  std::string receive();
  // receive() would not wait.
  bool has_line() const { return unread_.find('\n') != std::string::npos; }
  // Sends the line and waits for the answer, which must hold `expected`. Microseconds.
  double round_trip(std::string_view line, std::string_view expected);

  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
  std::string unread_ = {};
};

// The value below which that part of them lies; nearest rank.
double percentile(std::vector<double> values, double part);

// Ends the program with "cannot <what>: <errno's text>".
[[noreturn]] void give_up(const std::string& what);

}  // namespace zynclone::bench
