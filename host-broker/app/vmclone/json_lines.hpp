#pragma once
// JSON of the few commands whose answers are no message of the protocol, because they read the host's files themselves.

#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone::broker::vmclone {

// Fields in the order in which they were added. `key` is a word of our own; text is escaped.
class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value);
  JsonObject& number(std::string_view key, std::uint64_t value);
  JsonObject& boolean(std::string_view key, bool value);
  JsonObject& list(std::string_view key, const std::vector<std::string>& json_items);
  // `json`: what stands there as it is.
  JsonObject& json(std::string_view key, const std::string& json) { return add(key, json); }
  std::string str() const { return "{" + fields_ + "}"; }

 private:
  JsonObject& add(std::string_view key, const std::string& json);
  std::string fields_;
};

// {"code", "message", "place"}, as an error is on the wire.
std::string json_of(const Error& error);
std::vector<std::string> json_of(const std::vector<Error>& errors);

}  // namespace zynclone::broker::vmclone
