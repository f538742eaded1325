#include "protocol/messages.hpp"

#include <type_traits>

namespace zynclone::protocol {

std::string_view method_name(const Method& method) {
  return std::visit([](const auto& m) { return std::decay_t<decltype(m)>::method; }, method);
}

Effect effect_of(const Method& method) {
  return std::visit([](const auto& m) { return std::decay_t<decltype(m)>::effect; }, method);
}

Direction direction_of(const Method& method) {
  return std::visit([](const auto& m) { return std::decay_t<decltype(m)>::direction; }, method);
}

bool is_notification(const Method& method) {
  return std::visit([](const auto& m) { return std::is_void_v<typename std::decay_t<decltype(m)>::Result>; }, method);
}

}  // namespace zynclone::protocol
