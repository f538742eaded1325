#pragma once
// One running zynclone-link: started with one end of a socket pair and nothing else of the broker's, killed when this is destroyed.
// One thread.

#include <memory>
#include <string>
#include <sys/types.h>

#include "protocol/channel/channel.hpp"
#include "protocol/names.hpp"
#include "system/watched_child.hpp"

namespace zynclone::broker::gateway {

struct LinkCommand {
  std::string program;       // zynclone-link
  DomainId domain;
  std::string transport;     // vchan, unix, mailbox
  std::string path = {};     // for unix
};

class LinkProcess {
 public:
  struct Started;

  // Errors: system.
  static Result<Started> start(asio::any_io_executor executor, const LinkCommand& command);

  LinkProcess(LinkProcess&&) noexcept = default;
  LinkProcess& operator=(LinkProcess&&) = delete;
  ~LinkProcess();  // kills it, and waits for the moment that takes

  // Waits for its end, and kills it when there is none in time. Gives its exit status, or 128 + the signal that ended it.
  asio::awaitable<int> ended(Deadline limit);
  void kill() {
    if (process_) process_->kill();
  }
  pid_t id() const { return process_->id(); }

 private:
  explicit LinkProcess(std::unique_ptr<WatchedChild> process) : process_(std::move(process)) {}

  std::unique_ptr<WatchedChild> process_;  // null when moved from
};

struct LinkProcess::Started {
  LinkProcess process;
  std::unique_ptr<channel::Channel> channel;  // frames of Framing::length
};

// For a log line: "the guest closed its end", "it was killed by signal 31 (SIGSYS): it did what it must not".
std::string describe_end(int status);

}  // namespace zynclone::broker::gateway
