#pragma once
// A child process of ours, watched by its pidfd until it is reaped: its end is an event, and a signal never hits a process that got its number later.
// libxenlight may be in the same process: it reaps its own children only. What becomes of a child whose object goes is its owner's to say. One thread.

#include <boost/asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>

#include "system/async.hpp"

namespace zynclone {

class WatchedChild {
 public:
  // Takes over a child that leads a process group of its own (system/spawn_setup.hpp), named in messages. One that cannot be watched is killed with its
  // group. Errors: system.
  static Result<WatchedChild> adopt(asio::any_io_executor executor, pid_t id, const std::string& program);

  WatchedChild(WatchedChild&&) noexcept = default;
  WatchedChild& operator=(WatchedChild&&) = delete;
  ~WatchedChild();  // reaps it if it has ended

  pid_t id() const { return id_; }  // its group's, too
  // True when it has ended; false when the time is over, or the caller was cancelled.
  asio::awaitable<bool> ended_within(Deadline limit);
  // The same, blocking.
  bool ends_within(std::chrono::milliseconds limit);
  // Its exit status, or 128 + the signal that ended it; 255 when somebody else has reaped it, which must not look like success. Nothing while it runs.
  std::optional<int> status();
  bool is_reaped() const { return status_.has_value(); }

  void kill();
  // Its group, and it, if it has left that. Before it is reaped only: until then nobody else can get the group's number.
  void kill_group();

 private:
  WatchedChild(pid_t id, std::shared_ptr<asio::posix::stream_descriptor> process) : id_(id), process_(std::move(process)) {}

  pid_t id_;
  std::shared_ptr<asio::posix::stream_descriptor> process_;  // a pidfd: readable when the process has ended; null when moved from
  std::optional<int> status_;
};

}  // namespace zynclone
