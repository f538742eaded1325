#pragma once
// A connection to a local service: lines of text on a Unix socket (Framing::line of protocol/channel), every wait under a
// deadline. Synchronous, for programs with nothing else to do; owned by a Service, used by one thread.

#include <chrono>
#include <string>
#include <string_view>

#include "protocol/channel/frame.hpp"
#include "system/descriptor.hpp"

namespace zynclone::cli {

using TimePoint = std::chrono::steady_clock::time_point;

// Waits until `descriptor` is ready for `events` (poll(2)). Errors: timed_out at `until`; cancelled when `wake` (a descriptor, -1: none)
// becomes readable first.
Result<void> wait_ready(int descriptor, short events, TimePoint until, int wake);

class Connection {
 public:
  // Errors: unavailable when nobody listens at `path`, refused when this user may not connect, timed_out.
  static Result<Connection> open(const std::string& path, TimePoint until, int wake = -1);

  // Sends the whole line. Errors: unavailable, timed_out, cancelled; the connection is of no more use then.
  Result<void> send(std::string_view message, TimePoint until, int wake = -1);

  // The next line. Errors: unavailable when the service closed, too_large, malformed (an empty line), after which the connection is of no
  // more use; timed_out and cancelled, after which it is.
  Result<std::string> receive(TimePoint until, int wake = -1);

 private:
  explicit Connection(Descriptor socket);
  Descriptor socket_;
  channel::FrameReader reader_;
};

}  // namespace zynclone::cli
