#include "host-broker/app/zynclone-link/guest.hpp"

#include <boost/asio/co_spawn.hpp>

#include "host-broker/app/zynclone-link/mailbox_pump.hpp"
#include "protocol/channel/unix_channel.hpp"
#include "protocol/channel/vchan_channel.hpp"

namespace zynclone::broker::link {
namespace {

constexpr std::chrono::seconds k_connect_deadline{10};

using ChannelResult = Result<std::unique_ptr<channel::Channel>>;

asio::awaitable<void> connect_unix(std::string path, std::optional<ChannelResult>& into) {
  auto result = co_await with_timeout(channel::UnixChannel::connect(path), k_connect_deadline, "connecting to the guest");
  into.emplace(std::move(result));
}

Result<Guest> over_unix(asio::io_context& context, const std::string& path) {
  std::optional<ChannelResult> result;
  asio::co_spawn(context, connect_unix(path, result), [](std::exception_ptr) {});
  context.run();
  context.restart();
  if (!result) return fail(Errc::unavailable, "cannot connect to '" + printable(path) + "'");
  TRY(auto connected, *std::move(result));
  const std::size_t longest = connected->longest_request();
  return Guest{std::move(connected), longest};
}

Result<Guest> over_vchan(asio::io_context& context, DomainId domain) {
  TRY(auto vchan, channel::VchanChannel::connect(context.get_executor(), domain, vchan_path(domain)));
  TRY(vchan->confine(domain));
  const std::size_t longest = vchan->longest_request();
  const int events = vchan->event_descriptor();
  return Guest{std::move(vchan), longest, events};
}

Result<Guest> over_mailbox(asio::io_context& context, DomainId domain) {
  TRY(auto socket, start_mailbox_pump(domain));
  // The pump gives up on a guest that reads nothing, and ends this channel so.
  TRY(auto connected, channel::UnixChannel::adopt(context.get_executor(), std::move(socket), channel::k_no_deadline));
  return Guest{std::move(connected), protocol::k_longest_mailbox_request};
}

}  // namespace

std::string vchan_path(DomainId domain) { return "/local/domain/" + std::to_string(domain.value) + "/data/zynclone/broker"; }

Result<Guest> connect_guest(asio::io_context& context, const Arguments& arguments) {
  switch (arguments.transport) {
    case Transport::unix_socket: return over_unix(context, arguments.path);
    case Transport::vchan: return over_vchan(context, arguments.domain);
    case Transport::mailbox: return over_mailbox(context, arguments.domain);
  }
  return fail(Errc::invalid_argument, "cannot connect to the guest: no such transport");
}

}  // namespace zynclone::broker::link
