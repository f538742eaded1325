#pragma once
// What is said on DIR/control.sock: one frame (u32 length) a message, its text key=value lines as in configuration files. A
// request has `command` and that command's keys; a reply has status=ok and results, or status=error, code, message and place.

#include <optional>
#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone::sandbox {

inline constexpr std::size_t k_longest_control_message = 64 * 1024;
inline constexpr std::size_t k_most_listed = 200;  // of anything, in one reply

class ControlMessage {
 public:
  ControlMessage() = default;
  explicit ControlMessage(std::string command) { set("command", std::move(command)); }

  void set(std::string key, std::string value) { values_.emplace_back(std::move(key), std::move(value)); }
  std::string get(const std::string& key) const;  // empty when absent
  bool has(const std::string& key) const;

  // `key`0, `key`1, …
  void set_list(const std::string& key, const std::vector<std::string>& values);
  std::vector<std::string> get_list(const std::string& key) const;

  // Errors: invalid_argument for a value with a '"' or a control character.
  Result<std::string> encode() const;
  static Result<ControlMessage> decode(std::string_view untrusted_text);

  static ControlMessage failure(const Error& error);
  // The error that a reply carries.
  std::optional<Error> error() const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace zynclone::sandbox
