// What a guest or an administrator sends. A request that is read must be written, and read again, alike.
#include <cstdlib>

#include "protocol/codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zynclone::protocol;
  const std::string_view untrusted_text(reinterpret_cast<const char*>(data), size);
  for (const Sender sender : {Sender::guest, Sender::administrator, Sender::broker}) {
    const auto request = decode_request(untrusted_text, sender);
    if (!request) {
      // The error itself must be fit to be sent: it may hold what was wrong.
      if (!decode_envelope(encode_error(1, request.error()))) std::abort();
      continue;
    }
    const std::string text = encode_request(request.value());
    const auto again = decode_request(text, sender);
    if (!again || encode_request(again.value()) != text) std::abort();
  }
  return 0;
}
