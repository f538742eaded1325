#include "host-broker/app/vmclone/json_lines.hpp"

#include "host-broker/configuration/json_text.hpp"
#include "protocol/codec.hpp"

namespace zynclone::broker::vmclone {

JsonObject& JsonObject::add(std::string_view key, const std::string& json) {
  fields_ += (fields_.empty() ? "\"" : ",\"") + std::string(key) + "\":" + json;
  return *this;
}

JsonObject& JsonObject::text(std::string_view key, std::string_view value) {
  return add(key, configuration::json_quoted(value));
}

JsonObject& JsonObject::number(std::string_view key, std::uint64_t value) {
  return add(key, std::to_string(value));
}

JsonObject& JsonObject::boolean(std::string_view key, bool value) {
  return add(key, value ? "true" : "false");
}

JsonObject& JsonObject::list(std::string_view key, const std::vector<std::string>& json_items) {
  std::string json;
  for (const std::string& item : json_items) json += (json.empty() ? "" : ",") + item;
  return add(key, "[" + json + "]");
}

std::string json_of(const Error& error) {
  return protocol::encode_view(protocol::ErrorView{std::string(to_string(error.code)), error.message, error.place});
}

std::vector<std::string> json_of(const std::vector<Error>& errors) {
  std::vector<std::string> items;
  for (const Error& error : errors) items.push_back(json_of(error));
  return items;
}

}  // namespace zynclone::broker::vmclone
