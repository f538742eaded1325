#include "host-broker/network/pretended_filter.hpp"

#include <array>

#include <boost/asio/as_tuple.hpp>

#include "protocol/codec.hpp"
#include "system/file.hpp"

namespace zynclone::broker::network {
namespace {

using protocol::VifMode;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ",") + text;
  return all.empty() ? "-" : all;
}

std::vector<std::string> list_of(const std::string& text) { return text == "-" ? std::vector<std::string>() : split(text, ','); }

constexpr std::string_view k_isolated = "isolated";

std::string_view word_of(const VifRule& rule) { return rule.reach == Reach::isolated ? k_isolated : protocol::to_string(rule.mode); }

Result<VifMode> parse_mode(std::string_view text) {
  if (text == k_isolated) return VifMode::unlocked;
  for (const VifMode mode : {VifMode::unlocked, VifMode::locked, VifMode::disabled}) {
    if (text == protocol::to_string(mode)) return mode;
  }
  return fail(Errc::invalid_argument, "cannot read mode '" + printable(text) + "': it must be unlocked, isolated, locked or disabled");
}

Result<void> take_line(FilterState& state, std::string_view line) {
  const auto words = split(line, ' ');
  if (words.size() == 2 && words[0] == "unknown" && (words[1] == "pass" || words[1] == "hold")) {
    state.unknown = words[1] == "hold" ? UnknownVifs::hold : UnknownVifs::pass;
    return outcome::success();
  }
  if (words.size() != 5) return fail(Errc::invalid_argument, "cannot read '" + printable(line) + "': an interface, mode, MAC, IPv4 and IPv6 are expected");
  TRY(const auto mode, parse_mode(words[1]));
  state.rules.push_back({.interface = words[0],
                         .mode = mode,
                         .mac = words[2] == "-" ? "" : words[2],
                         .ipv4 = list_of(words[3]),
                         .ipv6 = list_of(words[4]),
                         .reach = words[1] == k_isolated ? Reach::isolated : Reach::everywhere});
  return outcome::success();
}

}  // namespace

std::string state_text(const FilterState& state) {
  std::string text = state.unknown == UnknownVifs::hold ? "unknown hold\n" : "unknown pass\n";
  for (const VifRule& rule : state.rules) {
    text += rule.interface + " " + std::string(word_of(rule)) + " " + (rule.mac.empty() ? "-" : rule.mac) + " " +
            joined(rule.ipv4) + " " + joined(rule.ipv6) + "\n";
  }
  return text;
}

Result<FilterState> parse_state_text(std::string_view untrusted_text) {
  FilterState state;
  for (std::size_t line = 1; !untrusted_text.empty(); ++line) {
    const std::size_t end = untrusted_text.find('\n');
    if (end == std::string_view::npos) return fail(Errc::malformed, "cannot read the state of interfaces: its last line is cut", std::to_string(line));
    if (auto taken = take_line(state, untrusted_text.substr(0, end)); !taken) {
      Error error = std::move(taken).error();
      error.place = std::to_string(line);
      return error;
    }
    untrusted_text.remove_prefix(end + 1);
  }
  return checked(std::move(state));
}

Result<void> PretendedFilter::apply(const FilterState& desired) {
  TRY(const auto state, checked(desired));
  return write_file_whole(file_, state_text(state), 0644);
}

Result<std::optional<FilterState>> PretendedFilter::in_force() {
  auto text = read_file(file_, k_largest_pretended_file);
  if (!text && text.error().code == Errc::not_found) return std::optional<FilterState>();
  if (!text) return std::move(text).error();
  auto state = parse_state_text(text.value());
  // As with real rules: what no state makes is no state.
  if (!state || state_text(state.value()) != text.value()) return std::optional<FilterState>();
  return std::optional<FilterState>(std::move(state).value());
}

asio::awaitable<Result<void>> PretendedFilter::changed() {
  asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await never.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return fail(Errc::cancelled, "cannot wait for changes any longer: cancelled");
}

}  // namespace zynclone::broker::network
