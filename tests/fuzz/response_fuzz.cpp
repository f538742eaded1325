// What the other side answers: an agent to the broker, or the broker to an agent or a command.
#include <cstdlib>

#include "protocol/codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zynclone::protocol;
  const std::string_view untrusted_text(reinterpret_cast<const char*>(data), size);
  if (const auto text = reencode_response(untrusted_text)) {
    if (!decode_envelope(text.value())) std::abort();
  }
  (void)decode_response<GuestQuiesce>(untrusted_text);
  (void)decode_response<GuestHealth>(untrusted_text);
  (void)decode_response<GuestRun>(untrusted_text);
  (void)decode_response<FamilyShow>(untrusted_text);
  (void)decode_response<AuditList>(untrusted_text);
  if (const auto operation = decode_response<OperationShow>(untrusted_text)) {
    const std::string text = encode_response(1, operation.value());
    if (text.size() <= zynclone::protocol::k_longest_message && !decode_response<OperationShow>(text)) std::abort();
  }
  return 0;
}
