#pragma once
// One running zynclone-link: started with one end of a socket pair and nothing else of the broker's, killed when this is destroyed.
// One thread.

#include <boost/asio/posix/stream_descriptor.hpp>

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>

#include "protocol/channel/channel.hpp"
#include "protocol/names.hpp"
#include "system/async.hpp"

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
  void kill();
  pid_t id() const { return id_; }

 private:
  LinkProcess(pid_t id, std::unique_ptr<asio::posix::stream_descriptor> process) : id_(id), process_(std::move(process)) {}
  asio::awaitable<bool> ended_within(Deadline limit);
  void reap();

  pid_t id_;
  std::unique_ptr<asio::posix::stream_descriptor> process_;  // a pidfd: readable when it has ended; null when moved from
  std::optional<int> status_;
};

struct LinkProcess::Started {
  LinkProcess process;
  std::unique_ptr<channel::Channel> channel;  // frames of Framing::length
};

// For a log line: "the guest closed its end", "it was killed by signal 31 (SIGSYS): it did what it must not".
std::string describe_end(int status);

}  // namespace zynclone::broker::gateway
