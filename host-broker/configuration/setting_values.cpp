#include "host-broker/configuration/setting_values.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "system/duration.hpp"
#include "system/key_value.hpp"

namespace zynclone::broker::configuration {
namespace {

bool parse_whole(std::string_view text, std::uint64_t& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

Result<std::vector<std::string>> read_list(std::string_view text) {
  auto list = split_list(text);
  if (!list) return allowed("a list with ',' between its elements is allowed, none of them empty");
  std::vector<std::string> sorted = list.value();
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end()) {
    return allowed("'" + printable(*twice) + "' stands in it twice");
  }
  return list;
}

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 5> k_size_units{{{"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"", 1}}};

}  // namespace

Result<std::uint64_t> read_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  if (parse_whole(text, number) && number >= least && number <= most) return number;
  return allowed("a number from " + std::to_string(least) + " to " + std::to_string(most) + " is allowed");
}

Result<std::chrono::milliseconds> read_duration(std::string_view text, std::chrono::milliseconds least, std::chrono::milliseconds most) {
  auto time = parse_duration(text);
  if (time && time.value() >= least && time.value() <= most) return time;
  return allowed("a duration from " + format_duration(least) + " to " + format_duration(most) + " is allowed (units ms, s, m, h, d)");
}

Result<std::string> read_path(std::string_view text) {
  const bool absolute = text.starts_with('/') && text.size() <= 1024 && printable(text) == text;
  std::string closed(text);
  closed += '/';
  for (std::string_view part : {"//", "/./", "/../"}) {
    if (absolute && closed.find(part) == std::string::npos) continue;
    return allowed("an absolute path is allowed, without '.', '..', '//' and a '/' at its end");
  }
  return std::string(text);
}

Result<std::size_t> read_choice(std::string_view text, const std::vector<std::string>& words) {
  const auto found = std::find(words.begin(), words.end(), text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  return allowed(allowed_words(text, words));
}

Result<VifMask> read_mask(std::string_view text) {
  if (text == "all") return VifMask{~0ull};
  if (text == "none") return VifMask{0};
  std::uint64_t number = 0;
  if (text.starts_with("0x") ? parse_whole(text.substr(2), number, 16) : parse_whole(text, number)) return VifMask{number};
  return allowed("a number of 64 bits such as 5 or 0x5 (bit n: interface n may speak), 'all' or 'none' is allowed");
}

std::string mask_text(VifMask mask) {
  if (mask.value == ~0ull) return "all";
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), mask.value, 16).ptr;
  return "0x" + std::string(digits.data(), end);
}

Result<std::vector<std::string>> read_addresses(std::string_view text, int address_family) {
  TRY(auto list, read_list(text));
  for (std::string& address : list) {
    std::array<unsigned char, 16> bytes{};
    std::array<char, INET6_ADDRSTRLEN> written{};
    if (::inet_pton(address_family, address.c_str(), bytes.data()) != 1) {
      return allowed("'" + printable(address) + "' is no address; a list of " + (address_family == AF_INET ? "IPv4" : "IPv6") +
                     " addresses without prefix length is allowed, such as " + (address_family == AF_INET ? "192.0.2.1" : "2001:db8::1"));
    }
    address = ::inet_ntop(address_family, bytes.data(), written.data(), written.size());  // one spelling for comparisons
  }
  return list;
}

bool is_own_address(const std::string& address) {
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    const std::uint32_t number = ntohl(v4.s_addr);
    return number >> 24 != 0 && number >> 24 != 127 && number >> 28 != 0xe && number != 0xffffffff;
  }
  in6_addr v6{};
  return ::inet_pton(AF_INET6, address.c_str(), &v6) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&v6) && !IN6_IS_ADDR_LOOPBACK(&v6) && !IN6_IS_ADDR_MULTICAST(&v6);
}

Result<std::vector<std::string>> read_own_addresses(std::string_view text) {
  TRY(const auto list, read_list(text));
  std::vector<std::string> addresses;
  for (const std::string& element : list) {
    const auto one = read_addresses(element, element.find(':') == std::string::npos ? AF_INET : AF_INET6);
    if (!one || !is_own_address(one.value().front())) {
      return allowed("'" + printable(element) +
                     "' is no address of one machine; a list of IPv4 and IPv6 addresses without prefix length is allowed, such as 192.0.2.1, 2001:db8::1");
    }
    addresses.push_back(one.value().front());
  }
  return addresses;
}

Result<std::vector<std::string>> read_devices(std::string_view text) {
  TRY(auto list, read_list(text));
  for (const std::string& device : list) {
    const bool right = device.size() <= 15 && device.front() >= 'a' && device.front() <= 'z' &&
                       std::all_of(device.begin(), device.end(), [](char letter) {
                         return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
                       });
    if (!right) return allowed("'" + printable(device) + "' is no device; names such as xvda, sdb1 are allowed");
  }
  return list;
}

Result<std::uint64_t> read_size(std::string_view text) {
  for (const SizeUnit& unit : k_size_units) {
    if (!text.ends_with(unit.name)) continue;
    std::uint64_t number = 0;
    if (!parse_whole(text.substr(0, text.size() - unit.name.size()), number) || number > (1ull << 60) / unit.bytes) break;
    return number * unit.bytes;
  }
  return allowed("a whole number of bytes, KiB, MiB, GiB or TiB is allowed, such as 1GiB");
}

std::string size_text(std::uint64_t bytes) {
  for (const SizeUnit& unit : k_size_units) {
    if (bytes != 0 && bytes % unit.bytes == 0) return std::to_string(bytes / unit.bytes) + std::string(unit.name);
  }
  return "0";
}

std::string list_text(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& element : list) text += (text.empty() ? "" : ", ") + element;
  return text;
}

}  // namespace zynclone::broker::configuration
