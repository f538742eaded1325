#include "host-broker/network/rtnetlink.hpp"

#include <algorithm>

namespace zynclone::broker::network::rtnetlink {

Error failed(const std::string& doing, int error) { return {Errc::system, "cannot " + doing + ": " + std::strerror(error)}; }

void Request::append(const void* data, std::size_t size) {
  bytes_.append(static_cast<const char*>(data), size);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()), '\0');
}

std::string Request::attribute_text(std::uint16_t type, const std::string& value) {
  const rtattr header{.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(value.size())), .rta_type = type};
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  text += value;
  text.resize(RTA_ALIGN(text.size()), '\0');
  return text;
}

const std::string& Request::bytes() {
  const auto length = static_cast<std::uint32_t>(bytes_.size());
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
  return bytes_;
}

int tell(Request request) {
  return exchange(std::move(request), [](unsigned, const char*, std::size_t) {});
}

std::string_view attribute_of(std::string_view attributes, unsigned wanted) {
  while (attributes.size() >= sizeof(rtattr)) {
    rtattr header;
    std::memcpy(&header, attributes.data(), sizeof header);
    if (header.rta_len < sizeof header || header.rta_len > attributes.size()) return {};
    if ((header.rta_type & NLA_TYPE_MASK) == wanted) return attributes.substr(RTA_LENGTH(0), header.rta_len - RTA_LENGTH(0));
    attributes.remove_prefix(std::min<std::size_t>(RTA_ALIGN(header.rta_len), attributes.size()));
  }
  return {};
}

}  // namespace zynclone::broker::network::rtnetlink
