#include "host-broker/network/nftables_filter.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include <boost/asio/as_tuple.hpp>

#include "host-broker/network/nft_text.hpp"
#include "system/descriptor.hpp"

namespace zynclone::broker::network {
namespace {

struct Answer {
  int status = 0;
  std::string output;
  std::string errors;
};

// A context of its own for each call: libnftables keeps what it learned of the rules in it, and others may change them.
Answer run_nft(const std::string& commands) {
  const std::unique_ptr<nft_ctx, decltype(&nft_ctx_free)> context(nft_ctx_new(NFT_CTX_DEFAULT), nft_ctx_free);
  if (context == nullptr) return {.status = -1, .output = {}, .errors = "libnftables gives no context"};
  nft_ctx_buffer_output(context.get());
  nft_ctx_buffer_error(context.get());
  nft_ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_ALL);
  Answer answer;
  answer.status = nft_run_cmd_from_buffer(context.get(), commands.c_str());
  if (const char* output = nft_ctx_get_output_buffer(context.get())) answer.output = output;
  if (const char* errors = nft_ctx_get_error_buffer(context.get())) answer.errors = errors;
  return answer;
}

// nft's first line says what is wrong; those after it show the command, which may be long.
std::string cause(const Answer& answer) {
  const std::string first = answer.errors.substr(0, answer.errors.find('\n'));
  return first.empty() ? "libnftables gave status " + std::to_string(answer.status) : printable(first);
}

Error system_error(const std::string& doing) { return Error{Errc::system, doing + ": " + std::strerror(errno)}; }

// Does a message in this datagram tell of a change in the bridge family?
bool concerns_bridges(const char* data, std::size_t size) {
  const auto* header = reinterpret_cast<const nlmsghdr*>(data);
  for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(nfgenmsg))) continue;
    if (static_cast<const nfgenmsg*>(NLMSG_DATA(header))->nfgen_family == NFPROTO_BRIDGE) return true;
  }
  return false;
}

}  // namespace

Result<NftablesFilter> NftablesFilter::create(asio::any_io_executor executor) {
  Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!socket) return system_error("cannot open a netfilter socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1U << (NFNLGRP_NFTABLES - 1);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return system_error("cannot listen for changes of nftables");
  }
  return NftablesFilter(asio::posix::stream_descriptor(executor, socket.release()));
}

Result<void> NftablesFilter::apply(const FilterState& desired) {
  TRY(const auto state, checked(desired));
  Answer answer = run_nft(transaction_text(state, Replace::contents));
  // Someone may have put other chains or sets in their place, or added to them.
  const bool filled = answer.status == 0 && state_of_table(run_nft("list table bridge zynclone\n").output).has_value();
  if (!filled) answer = run_nft(transaction_text(state, Replace::afresh));
  if (answer.status != 0) return fail(Errc::system, "cannot apply rules for " + std::to_string(state.rules.size()) + " interfaces: " + cause(answer));
  return outcome::success();
}

Result<std::optional<FilterState>> NftablesFilter::in_force() {
  const Answer answer = run_nft("list table bridge zynclone\n");
  if (answer.status == 0) return state_of_table(answer.output);
  if (answer.errors.find(std::strerror(ENOENT)) != std::string::npos) return std::optional<FilterState>();
  return fail(Errc::system, "cannot list table 'bridge zynclone': " + cause(answer));
}

asio::awaitable<Result<void>> NftablesFilter::changed() {
  for (;;) {
    const auto [error] = co_await notifications_.async_wait(asio::posix::descriptor_base::wait_read, asio::as_tuple(asio::use_awaitable));
    if (error) co_return fail(Errc::system, "cannot wait for changes of nftables: " + error.message());
    bool concerned = false;
    alignas(nlmsghdr) std::array<char, 65536> buffer;
    for (;;) {
      const ssize_t size = ::recv(notifications_.native_handle(), buffer.data(), buffer.size(), 0);
      if (size > 0) {
        concerned = concerned || concerns_bridges(buffer.data(), static_cast<std::size_t>(size));
      } else if (size < 0 && errno == ENOBUFS) {
        concerned = true;  // more changes than the socket holds: ours may be among those lost
      } else if (size == 0 || errno != EINTR) {
        break;
      }
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK) co_return system_error("cannot receive changes of nftables");
    if (concerned) co_return outcome::success();
  }
}

}  // namespace zynclone::broker::network
