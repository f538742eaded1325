#pragma once
// The channels of a real guest: a vchan that it serves, or a mailbox in XenStore where the kernel has no vchan. The broker, in dom0, finds
// both below this guest's data/zynclone.

#include <memory>

#include "guest-agent-core/channel_factory.hpp"
#include "protocol/channel/mailbox_channel.hpp"

namespace zynclone::agent {

class VchanFactory final : public ChannelFactory {
 public:
  explicit VchanFactory(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  asio::awaitable<Result<std::unique_ptr<channel::Channel>>> open() override;

 private:
  asio::any_io_executor executor_;
};

class MailboxFactory final : public ChannelFactory {
 public:
  explicit MailboxFactory(asio::any_io_executor executor);
  ~MailboxFactory() override;
  asio::awaitable<Result<std::unique_ptr<channel::Channel>>> open() override;
  // The mailbox's watch of XenStore would keep the agent from ending.
  void close() override { server_.reset(); }

 private:
  asio::any_io_executor executor_;
  std::unique_ptr<channel::MailboxServer> server_;  // the mailbox is there as long as this is
};

}  // namespace zynclone::agent
