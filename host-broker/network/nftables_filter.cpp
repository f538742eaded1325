#include "host-broker/network/nftables_filter.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <boost/asio/as_tuple.hpp>

#include "host-broker/network/nft_ingress.hpp"
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

// Does a message in this datagram tell of a change in our families?
bool concerns_our_rules(const char* data, std::size_t size) {
  const auto* header = reinterpret_cast<const nlmsghdr*>(data);
  for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(nfgenmsg))) continue;
    const auto family = static_cast<const nfgenmsg*>(NLMSG_DATA(header))->nfgen_family;
    if (family == NFPROTO_BRIDGE || family == NFPROTO_NETDEV) return true;
  }
  return false;
}

bool always(const char*, std::size_t) { return true; }

using Concerns = bool (*)(const char* data, std::size_t size);

Result<asio::posix::stream_descriptor> listen_to_kernel(asio::any_io_executor executor, int protocol, unsigned group, const std::string& to_what) {
  Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!socket) return system_error("cannot open a socket for changes of " + to_what);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1U << (group - 1);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return system_error("cannot listen for changes of " + to_what);
  }
  return asio::posix::stream_descriptor(executor, socket.release());
}

struct Drained {
  bool concerned = false;
  int error = 0;
};

// Receives what is there. No part of the coroutine, in whose frame GCC 12 does not align a buffer.
Drained drain(int socket, Concerns concerns) {
  Drained drained;
  alignas(nlmsghdr) std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t size = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (size > 0) {
      drained.concerned = drained.concerned || concerns(buffer.data(), static_cast<std::size_t>(size));
    } else if (size < 0 && errno == ENOBUFS) {
      drained.concerned = true;  // more changes than the socket holds: ours may be among those lost
    } else if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return drained;
    } else if (size == 0 || errno != EINTR) {
      drained.error = errno;
      return drained;
    }
  }
}

// Until a datagram comes that concerns us.
asio::awaitable<Result<void>> wait_for_change(asio::posix::stream_descriptor& socket, Concerns concerns) {
  for (;;) {
    const auto [error] = co_await socket.async_wait(asio::posix::descriptor_base::wait_read, asio::as_tuple(asio::use_awaitable));
    if (error) co_return fail(Errc::system, "cannot wait for changes of the network: " + error.message());
    const Drained drained = drain(socket.native_handle(), concerns);
    if (drained.error != 0) co_return fail(Errc::system, std::string("cannot receive changes of the network: ") + std::strerror(drained.error));
    if (drained.concerned) co_return outcome::success();
  }
}

// By name. An interface that has gone and come back has another index.
std::map<std::string, unsigned> present_interfaces() {
  std::map<std::string, unsigned> present;
  const std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)> all(::if_nameindex(), ::if_freenameindex);
  for (const auto* one = all.get(); one != nullptr && one->if_index != 0; ++one) present.emplace(one->if_name, one->if_index);
  return present;
}

std::vector<std::string> names_of(const std::map<std::string, unsigned>& present) {
  std::vector<std::string> names;
  for (const auto& [name, index] : present) names.push_back(name);
  return names;
}

// The number that an attribute of this type holds, among those of a netlink message (netlink(7)).
std::optional<std::uint32_t> number_in(const char* attributes, std::size_t size, int type) {
  while (size >= NLA_HDRLEN) {
    nlattr attribute{};
    std::memcpy(&attribute, attributes, sizeof attribute);
    if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > size) return std::nullopt;
    std::uint32_t number = 0;
    if ((attribute.nla_type & NLA_TYPE_MASK) == type && attribute.nla_len == NLA_HDRLEN + sizeof number) {
      std::memcpy(&number, attributes + NLA_HDRLEN, sizeof number);
      return ntohl(number);
    }
    const std::size_t step = std::min<std::size_t>(NLA_ALIGN(attribute.nla_len), size);
    attributes += step;
    size -= step;
  }
  return std::nullopt;
}

// How often nftables was changed here, by anybody: the kernel counts (NFT_MSG_GETGEN of linux/netfilter/nf_tables.h). None: it does not say.
std::optional<std::uint32_t> rules_generation() {
  struct Question {
    nlmsghdr header{.nlmsg_len = sizeof(Question), .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, .nlmsg_flags = NLM_F_REQUEST};
    nfgenmsg message{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
  };
  const Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  const Question question;
  if (!socket || ::send(socket.get(), &question, sizeof question, 0) != static_cast<ssize_t>(sizeof question)) return std::nullopt;
  alignas(nlmsghdr) std::array<char, 512> answer;
  const ssize_t size = ::recv(socket.get(), answer.data(), answer.size(), MSG_DONTWAIT);  // the kernel has answered before send returns
  constexpr std::size_t k_before_attributes = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(nfgenmsg)));
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (size < static_cast<ssize_t>(k_before_attributes) || header->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)) return std::nullopt;
  return number_in(answer.data() + k_before_attributes, static_cast<std::size_t>(size) - k_before_attributes, NFTA_GEN_ID);
}

// Root may do what neither the kernel's count nor an interface's index shows (an interface sent to another namespace and back).
constexpr std::chrono::seconds k_listed_again{30};

constexpr const char* k_list_bridge = "list table bridge zynclone\n";
constexpr const char* k_list_ingress = "list table netdev zynclone\n";

// Interfaces come and go while this is done; so a few times.
Result<void> apply_ingress(const FilterState& state) {
  constexpr int k_most_tries = 5;
  Answer answer;
  for (int tried = 0; tried < k_most_tries; ++tried) {
    const Guarded guarded = guarded_interfaces(state, names_of(present_interfaces()));
    if (is_ingress_table(run_nft(k_list_ingress).output, guarded)) return outcome::success();
    answer = run_nft(ingress_transaction_text(guarded));
    if (answer.status == 0) return outcome::success();
  }
  return fail(Errc::system, "cannot apply rules where frames come in: " + cause(answer));
}

}  // namespace

Result<NftablesFilter> NftablesFilter::create(asio::any_io_executor executor) {
  TRY(auto rules, listen_to_kernel(executor, NETLINK_NETFILTER, NFNLGRP_NFTABLES, "nftables"));
  TRY(auto links, listen_to_kernel(executor, NETLINK_ROUTE, RTNLGRP_LINK, "network interfaces"));
  return NftablesFilter(std::move(rules), std::move(links));
}

Result<void> NftablesFilter::apply(const FilterState& desired) {
  TRY(const auto state, checked(desired));
  known_.reset();
  Answer answer = run_nft(transaction_text(state, Replace::contents));
  // Someone may have put other chains or sets in their place, or added to them.
  const bool filled = answer.status == 0 && state_of_table(run_nft(k_list_bridge).output).has_value();
  if (!filled) answer = run_nft(transaction_text(state, Replace::afresh));
  if (answer.status != 0) return fail(Errc::system, "cannot apply rules for " + std::to_string(state.rules.size()) + " interfaces: " + cause(answer));
  return apply_ingress(state);
}

// Listing takes libnftables a while, in which a guest may wait for its lockdown: what cannot have changed is not listed again.
Result<std::optional<FilterState>> NftablesFilter::in_force() {
  const auto generation = rules_generation();  // before anything is read: what changes meanwhile shows the next time
  const auto present = present_interfaces();
  const auto now = std::chrono::steady_clock::now();
  if (known_ && generation == known_->generation && present == known_->present && now < known_->listed + k_listed_again) return std::optional<FilterState>(known_->state);
  known_.reset();
  const Answer answer = run_nft(k_list_bridge);
  if (answer.status != 0 && answer.errors.find(std::strerror(ENOENT)) != std::string::npos) return std::optional<FilterState>();
  if (answer.status != 0) return fail(Errc::system, "cannot list table 'bridge zynclone': " + cause(answer));
  auto state = state_of_table(answer.output);
  if (state && !is_ingress_table(run_nft(k_list_ingress).output, guarded_interfaces(*state, names_of(present)))) state.reset();
  if (state && generation) known_ = Known{.generation = *generation, .present = present, .listed = now, .state = *state};
  return state;
}

asio::awaitable<Result<void>> NftablesFilter::changed() {
  using namespace asio::experimental::awaitable_operators;
  auto first = co_await (wait_for_change(rules_, concerns_our_rules) || wait_for_change(links_, always));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return std::get<1>(std::move(first));
}

}  // namespace zynclone::broker::network
