#include "host-broker/app/zynclone-link/arguments.hpp"

#include <charconv>
#include <climits>
#include <map>

namespace zynclone::broker::link {
namespace {

constexpr std::uint32_t k_first_reserved_domain = 0x7ff0;  // DOMID_FIRST_RESERVED in xen.h

Result<std::uint32_t> parse_number(const std::string& name, std::string_view text, std::uint32_t most) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > most)
    return fail(Errc::invalid_argument, "cannot use " + name + " '" + printable(text) + "': expected a number from 0 to " + std::to_string(most));
  return number;
}

Result<Transport> parse_transport(std::string_view text) {
  if (text == "vchan") return Transport::vchan;
  if (text == "unix") return Transport::unix_socket;
  if (text == "mailbox") return Transport::mailbox;
  return fail(Errc::invalid_argument, "cannot use --transport '" + printable(text) + "': expected vchan, unix or mailbox");
}

Result<std::map<std::string, std::string>> collect(int count, const char* const* arguments) {
  std::map<std::string, std::string> values = {{"--fd", ""}, {"--domain", ""}, {"--transport", ""}, {"--path", ""}};
  for (int i = 1; i < count; i += 2) {
    const auto found = values.find(arguments[i]);
    if (found == values.end()) return fail(Errc::invalid_argument, "cannot use '" + printable(arguments[i]) + "': no such option");
    if (i + 1 == count) return fail(Errc::invalid_argument, "cannot use " + found->first + ": its value is missing");
    found->second = arguments[i + 1];
  }
  return values;
}

}  // namespace

Result<Arguments> parse_arguments(int count, const char* const* arguments) {
  Arguments parsed;
  if (count == 2 && std::string_view(arguments[1]) == "--self-test") {
    parsed.self_test = true;
    return parsed;
  }
  TRY(auto values, collect(count, arguments));
  TRY(auto descriptor, parse_number("--fd", values["--fd"], INT_MAX));
  TRY(parsed.domain.value, parse_number("--domain", values["--domain"], k_first_reserved_domain - 1));
  TRY(parsed.transport, parse_transport(values["--transport"]));
  parsed.broker = static_cast<int>(descriptor);
  parsed.path = values["--path"];
  if ((parsed.transport == Transport::unix_socket) == parsed.path.empty())
    return fail(Errc::invalid_argument, "cannot use --path '" + printable(parsed.path) + "': it goes with --transport unix, and only with that");
  return parsed;
}

}  // namespace zynclone::broker::link
