#include "guest-agent-linux/xen_factories.hpp"

#include "protocol/channel/vchan_channel.hpp"
#include "protocol/channel/xen_mailbox_store.hpp"

namespace zynclone::agent {
namespace {

constexpr DomainId k_broker{0};
constexpr std::string_view k_vchan = "data/zynclone/broker";

}  // namespace

asio::awaitable<Result<std::unique_ptr<channel::Channel>>> VchanFactory::open() {
  CO_TRY(auto server, channel::VchanServer::create(executor_, k_broker, std::string(k_vchan)));
  auto channel = co_await server.accept();
  co_return channel;
}

MailboxFactory::MailboxFactory(asio::any_io_executor executor) : executor_(std::move(executor)) {}
MailboxFactory::~MailboxFactory() = default;

asio::awaitable<Result<std::unique_ptr<channel::Channel>>> MailboxFactory::open() {
  using channel::XenMailboxStore;
  server_.reset();
  CO_TRY(auto store, XenMailboxStore::open_in_guest(executor_));
  CO_TRY(auto server, channel::MailboxServer::create(executor_, std::move(store), XenMailboxStore::guests_folder(),
                                                     XenMailboxStore::brokers_folder()));
  server_ = std::make_unique<channel::MailboxServer>(std::move(server));
  auto channel = co_await server_->accept();
  co_return channel;
}

}  // namespace zynclone::agent
