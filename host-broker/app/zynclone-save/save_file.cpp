#include "host-broker/app/zynclone-save/save_file.hpp"

#include <cstdint>

namespace zynclone::broker {
namespace {

constexpr char k_magic[32] = {'X', 'e', 'n', ' ', 's', 'a', 'v', 'e', 'd', ' ', 'd', 'o', 'm', 'a', 'i', 'n',
                              ',', ' ', 'x', 'l', ' ', 'f', 'o', 'r', 'm', 'a', 't', '\n', ' ', '\0', ' ', '\r'};
constexpr std::uint32_t k_byte_order = 0x01020304;
constexpr std::uint32_t k_configuration_is_json = 1u << 0;
constexpr std::uint32_t k_stream_v2 = 1u << 1;

void append(std::string& text, std::uint32_t value) { text.append(reinterpret_cast<const char*>(&value), sizeof value); }

}  // namespace

std::string save_file_head(const std::string& domain_json) {
  std::string configuration;
  append(configuration, static_cast<std::uint32_t>(domain_json.size() + 1));  // with its NUL, as xl does
  configuration.append(domain_json.c_str(), domain_json.size() + 1);

  std::string head(k_magic, sizeof k_magic);
  append(head, k_byte_order);
  append(head, k_configuration_is_json | k_stream_v2);
  append(head, 0);
  append(head, static_cast<std::uint32_t>(configuration.size()));
  return head + configuration;
}

}  // namespace zynclone::broker
