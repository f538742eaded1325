// Bytes of a channel. However they are cut, the same messages come out, and no more is kept than a message may have.
#include <cstdlib>
#include <vector>

#include "protocol/channel/frame.hpp"

namespace {

using namespace zynclone::channel;

constexpr std::size_t k_longest = 1024;

std::vector<std::string> messages(Framing framing, std::string_view bytes, std::size_t piece) {
  FrameReader reader(framing, k_longest);
  std::vector<std::string> result;
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    if (!reader.feed(part)) return result;
    for (;;) {
      auto message = reader.next();
      if (!message) return result;
      if (!message.value()) break;
      if (message.value()->size() > k_longest) std::abort();
      result.push_back(std::move(*message.value()));
    }
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const Framing framing : {Framing::length, Framing::line}) {
    if (messages(framing, bytes, 1) != messages(framing, bytes, 7)) std::abort();
  }
  return 0;
}
