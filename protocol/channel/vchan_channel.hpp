#pragma once
// A channel over a Xen vchan (libxenvchan). The guest's agent is the server, so that it is the guest's memory that is pinned; the
// broker's link is the client. The server advertises under its own XenStore path; see VchanServer. One thread.

#include <memory>
#include <string>

#include "protocol/channel/channel.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"
#include "system/async.hpp"

namespace zynclone::channel {

class VchanHandle;

class VchanChannel final : public Channel {
 public:
  // Connects to what the domain advertises under `path` (absolute). Blocks for a few round trips to xenstored. Errors: unavailable
  // when nothing (that lives) is advertised, or it was used by another client before: a server makes a new one then.
  static Result<std::unique_ptr<VchanChannel>> connect(asio::any_io_executor executor, DomainId server, const std::string& path,
                                                       Deadline write_deadline = protocol::k_write_deadline);

  VchanChannel(std::unique_ptr<VchanHandle> handle, Deadline write_deadline);  // for VchanServer
  ~VchanChannel() override;

  asio::awaitable<Result<std::size_t>> read_some(asio::mutable_buffer into) override;
  asio::awaitable<Result<void>> write(asio::const_buffer from) override;
  void close() override;
  std::size_t longest_request() const override { return protocol::k_longest_message; }

  // For a client that gives up its rights: closes the device that maps memory, and binds the one for events to that domain.
  // The process is to end by _exit afterwards; the kernel tells the server. Errors: system.
  Result<void> confine(DomainId server);
  // The event channel device, on which the client needs read, write and ioctl(IOCTL_EVTCHN_NOTIFY) to the end.
  int event_descriptor() const;

 private:
  std::unique_ptr<VchanHandle> handle_;
  Deadline write_deadline_;
};

// Advertises a vchan and gives one connection after the other. One thread.
class VchanServer {
 public:
  // `path` is relative to the own domain's home, as in data/zynclone/broker. Errors: invalid_argument when it is too long.
  static Result<VchanServer> create(asio::any_io_executor executor, DomainId client, std::string path,
                                    Deadline write_deadline = protocol::k_write_deadline);

  // Makes a new vchan, which the client's watch on <path>/event-channel sees, and waits for the client. The channel of the call before must
  // be closed, as closing it removes what is advertised. Errors: xen when there is no device for it or no xenstored; cancelled.
  asio::awaitable<Result<std::unique_ptr<Channel>>> accept();

 private:
  VchanServer(asio::any_io_executor executor, DomainId client, std::string path, Deadline write_deadline)
      : executor_(std::move(executor)), client_(client), path_(std::move(path)), write_deadline_(write_deadline) {}
  Result<std::unique_ptr<VchanHandle>> advertise();

  asio::any_io_executor executor_;
  DomainId client_;
  std::string path_;
  Deadline write_deadline_;
};

}  // namespace zynclone::channel
