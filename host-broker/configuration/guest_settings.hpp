#pragma once
// The keys of base.json and guest/<vm>.conf: name, values allowed, default. One table, which reading, checking and showing go through.
// Internal to configuration/.

#include "host-broker/configuration/json_text.hpp"
#include "host-broker/ports/configuration.hpp"
#include "system/key_value.hpp"

namespace zynclone::broker::configuration {

enum class ValueKind { text, number, list };   // as JSON may write it; a text is always allowed in guest/<vm>.conf

struct GuestSetting {
  std::string key;
  std::vector<ValueKind> kinds;
  enum class Where { both, guest_only } where = Where::both;
  Result<void> (*set)(std::string_view value, GuestConfig& config);  // errors: what is allowed
  std::string (*show)(const GuestConfig& config);
};
const std::vector<GuestSetting>& guest_settings();

// One VM's configuration as it is being put together, with the place of each value that was set.
struct GuestDraft {
  GuestConfig config;
  std::map<std::string, std::string> places;
  std::vector<Error> errors;   // in the order in which they were found

  // Each adds its values and its mistakes.
  void read_base(std::string_view text, const std::string& file);
  void read_guest(std::string_view text, const std::string& file);
  // What follows from other keys where it is not set.
  void announce_by_default();
  // What no key can say alone.
  void check_together();

  std::string place_of(const std::string& key) const;  // file:line, or "default"

 private:
  void add_shared_volume(const KeyValue& line, std::string place);
  void add_peripheral(const KeyValue& line, std::string place);
  void set(const std::string& key, std::string_view value, std::string place);
};

}  // namespace zynclone::broker::configuration
