#include "host-broker/sandbox/store/wire.hpp"

#include <cstring>

extern "C" {
#include <xen/io/xs_wire.h>
}

namespace zynclone::sandbox {

std::string encode(const StoreMessage& message) {
  const xsd_sockmsg header{message.type, message.request, message.transaction, static_cast<std::uint32_t>(message.payload.size())};
  std::string bytes(sizeof(header), '\0');
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes + message.payload;
}

Result<std::optional<StoreMessage>> StoreReader::next() {
  xsd_sockmsg header{};
  if (pending_.size() < sizeof(header)) return std::optional<StoreMessage>();
  std::memcpy(&header, pending_.data(), sizeof(header));
  if (header.len > XENSTORE_PAYLOAD_MAX)
    return fail(Errc::too_large, "cannot read XenStore message: its payload of " + std::to_string(header.len) +
                                     " bytes is longer than " + std::to_string(XENSTORE_PAYLOAD_MAX));
  if (pending_.size() < sizeof(header) + header.len) return std::optional<StoreMessage>();
  StoreMessage message{header.type, header.req_id, header.tx_id, pending_.substr(sizeof(header), header.len)};
  pending_.erase(0, sizeof(header) + header.len);
  return std::optional<StoreMessage>(std::move(message));
}

}  // namespace zynclone::sandbox
