#include "host-broker/app/zynclone-link/link.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "host-broker/app/zynclone-link/confinement.hpp"
#include "host-broker/app/zynclone-link/guest.hpp"
#include "host-broker/app/zynclone-link/relay.hpp"
#include "protocol/channel/unix_channel.hpp"
#include "system/log.hpp"

namespace zynclone::broker::link {
namespace {

using gateway::LinkExit;

asio::awaitable<void> relay_all(Relay& relay, LinkExit& exit) { exit = co_await relay.run(); }

}  // namespace

LinkExit run_link(const Arguments& arguments) {
  const std::string name = "link of domain " + std::to_string(arguments.domain.value) + ": ";
  asio::io_context context(1);
  auto guest = connect_guest(context, arguments);
  if (!guest) {
    log_info(name + guest.error().message);
    return LinkExit::cannot_connect;
  }
  // The broker stops reading on purpose while it is busy with this guest; it ends the link when it wants to.
  auto broker = channel::UnixChannel::adopt(context.get_executor(), Descriptor(arguments.broker), channel::k_no_deadline);
  if (!broker) {
    log_error(name + broker.error().message);
    return LinkExit::usage;
  }
  Relay relay(*guest.value().channel, *broker.value(), {.longest_from_guest = guest.value().longest_request});

  auto confined = confine({.event_channel = guest.value().event_channel});
  if (!confined) {
    log_error(name + confined.error().message);
    return LinkExit::not_confined;
  }
  LinkExit exit = LinkExit::internal;
  asio::co_spawn(context, relay_all(relay, exit), [&](std::exception_ptr) { context.stop(); });
  context.run();
  return exit;
}

}  // namespace zynclone::broker::link
