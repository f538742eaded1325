#include "host-broker/app/zynclone-link/mailbox_pump.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cerrno>
#include <cstring>
#include <malloc.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host-broker/app/zynclone-link/confinement.hpp"
#include "protocol/channel/mailbox_channel.hpp"
#include "protocol/channel/unix_channel.hpp"
#include "protocol/channel/xen_mailbox_store.hpp"
#include "system/log.hpp"

namespace zynclone::broker::link {
namespace {

using channel::Channel;

constexpr char k_connected = '+';
constexpr int k_connect_deadline_ms = 10'000;

asio::awaitable<Result<void>> move_bytes(Channel& from, Channel& to) {
  std::string buffer(4096, '\0');
  for (;;) {
    CO_TRY(auto count, co_await from.read_some(asio::buffer(buffer)));
    CO_TRY(co_await to.write(asio::buffer(buffer.data(), count)));
  }
}

asio::awaitable<void> pump(Channel& mailbox, Channel& link) {
  using namespace asio::experimental::awaitable_operators;
  const std::string connected(1, k_connected);
  auto told = co_await link.write(asio::buffer(connected));
  if (told) co_await (move_bytes(mailbox, link) || move_bytes(link, mailbox));
  mailbox.close();  // so that the guest sees the end
  link.close();
}

Result<void> run_pump(DomainId domain, Descriptor socket) {
  ::mallopt(M_ARENA_MAX, 1);  // libxenstore's thread would reserve 128 MiB of addresses for its own
  asio::io_context context(1);
  TRY(auto store, channel::XenMailboxStore::open_in_broker(context.get_executor(), domain));
  TRY(auto link, channel::UnixChannel::adopt(context.get_executor(), std::move(socket), channel::k_no_deadline));
  TRY(confine({}));  // before the first node of the guest's is read
  TRY(auto mailbox, channel::MailboxChannel::connect(context.get_executor(), std::move(store), channel::XenMailboxStore::brokers_folder(domain),
                                                     channel::XenMailboxStore::guests_folder(domain)));
  asio::co_spawn(context, pump(*mailbox, *link), [&](std::exception_ptr) { context.stop(); });
  context.run();
  return outcome::success();
}

}  // namespace

Result<Descriptor> start_mailbox_pump(DomainId domain) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return failed("make a socket pair");
  Descriptor ours(ends[0]);
  Descriptor pumps(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return failed("start the mailbox's process");
  if (child == 0) {
    // Nothing of the link's, its socket to the broker above all.
    const int socket = 3;
    if (::dup2(pumps.get(), socket) < 0) ::_exit(1);
    (void)pumps.release();
    (void)ours.release();
    ::close_range(socket + 1, ~0u, 0);
    auto done = run_pump(domain, Descriptor(socket));
    if (!done) log_warning(done.error().message);
    ::_exit(done ? 0 : 1);
  }
  pumps.reset();
  pollfd waiting{ours.get(), POLLIN, 0};
  char first = 0;
  if (::poll(&waiting, 1, k_connect_deadline_ms) != 1 || ::read(ours.get(), &first, 1) != 1 || first != k_connected)
    return fail(Errc::unavailable, "cannot connect to the mailbox of domain " + std::to_string(domain.value));
  return ours;
}

}  // namespace zynclone::broker::link
