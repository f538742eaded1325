#include "host-broker/gateway/guest_connection.hpp"

#include <algorithm>

#include "system/log.hpp"

namespace zynclone::broker::gateway {
namespace {

constexpr std::chrono::seconds k_exit_deadline{2};  // for a link to end by itself once its socket is closed
constexpr std::size_t k_longest_software = 80;

}  // namespace

std::shared_ptr<GuestConnection> GuestConnection::create(LinkProcess::Started link, RequestHandler& handler, Caller::Member member,
                                                         CheckIdentity check) {
  std::shared_ptr<GuestConnection> self(new GuestConnection(std::move(link.process), handler, std::move(member), std::move(check)));
  const std::weak_ptr<GuestConnection> weak = self;
  self->caller_.notify = std::make_shared<Notify>([weak](const protocol::OperationView& view) {
    const auto connection = weak.lock();
    if (!connection || !connection->is_open()) return;
    auto posted = connection->peer_->post(protocol::OperationChanged{view});
    if (!posted) connection->close("it reads no notifications");
  });
  auto called = [weak](protocol::Request request) { return handle(weak.lock(), std::move(request)); };
  self->peer_ = std::make_unique<channel::Peer>(std::move(link.channel), channel::Framing::length, protocol::Sender::guest, called);
  return self;
}

GuestConnection::GuestConnection(LinkProcess process, RequestHandler& handler, Caller::Member member, CheckIdentity check)
    : process_(std::move(process)), handler_(handler), check_(std::move(check)) {
  caller_.identity = std::move(member);
}

GuestConnection::~GuestConnection() = default;

asio::awaitable<GuestConnection::End> GuestConnection::run(std::shared_ptr<GuestConnection> self, Deadline hello) {
  using namespace asio::experimental::awaitable_operators;
  auto first = co_await (self->peer_->run() || self->wait_for_hello(hello));
  if (first.index() == 1) self->close("no hello came");
  // What this side ends is to end at once; a link that ends by itself says why by its exit status.
  const bool was_asked = self->closed_;
  self->close("the link ended");
  if (was_asked) self->process_.kill();
  const int status = co_await self->process_.ended(k_exit_deadline);
  End end;
  end.was_open = self->opened_.has_value();
  end.reason = was_asked ? self->close_reason_ : describe_end(status);
  co_return end;
}

asio::awaitable<void> GuestConnection::wait_for_hello(Deadline limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!opened_) {
    const bool woken = co_await changed_.wait_until(until);
    if (!woken) co_return;
  }
  // From now on only the conversation's end counts.
  for (;;) co_await changed_.wait();
}

void GuestConnection::close(std::string reason) {
  if (closed_) return;
  closed_ = true;
  close_reason_ = std::move(reason);
  peer_->close();
  changed_.wake();
}

void GuestConnection::kill(std::string reason) {
  close(std::move(reason));
  process_.kill();
}

bool GuestConnection::agent_can(std::string_view capability) const {
  return std::find(capabilities_.begin(), capabilities_.end(), capability) != capabilities_.end();
}

asio::awaitable<std::string> GuestConnection::handle(std::shared_ptr<GuestConnection> self, protocol::Request request) {
  if (!self) co_return std::string();
  if (auto* hello = std::get_if<protocol::Hello>(&request.method)) {
    co_await self->greet(std::move(*hello));
    co_return std::string();
  }
  // A request may follow hello closely, while the domain is being looked at.
  while (!self->opened_ && !self->closed_) co_await self->changed_.wait();
  if (self->closed_) co_return std::string();
  co_return co_await self->handler_.handle(self->caller_, std::move(request));
}

asio::awaitable<void> GuestConnection::greet(protocol::Hello hello) {
  if (opened_) co_return;  // the link passes one on only; a second says that it is not to be trusted
  const bool is_same = co_await check_();
  if (!is_same) {
    close("the domain is another VM now");
    co_return;
  }
  software_ = printable(cut_text(hello.software, k_longest_software));
  capabilities_ = std::move(hello.capabilities);
  opened_ = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto& member = std::get<Caller::Member>(caller_.identity);
  log_info("channel with " + member.vm.text() + "/" + member.name + " (domain " + std::to_string(member.domain.value) + ") is open: " + software_);
  changed_.wake();
  handler_.connected(member);
}

}  // namespace zynclone::broker::gateway
