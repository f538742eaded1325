// base.json and guest/<vm>.conf.
#include "host-broker/configuration/file_configuration.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)zynclone::broker::configuration::check_base_text(text);
  (void)zynclone::broker::configuration::check_guest_text(text);
  return 0;
}
