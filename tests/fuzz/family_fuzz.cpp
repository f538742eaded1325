// The files that programs of the host read besides: a family's, and broker.conf. A family that can be read is written so that it reads the
// same again.
#include <cstdlib>

#include "host-broker/configuration/broker_settings.hpp"
#include "host-broker/configuration/family_json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zynclone::broker::configuration;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)read_broker_settings(text, "broker.conf");
  const auto family = read_family(text, "pos1.json");
  if (!family) return 0;
  const std::string written = write_family(family.value());
  const auto again = read_family(written, "pos1.json");
  if (!again || write_family(again.value()) != written) std::abort();
  return 0;
}
