#include "guest-agent-linux/configuration.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "protocol/names.hpp"
#include "system/duration.hpp"
#include "system/file.hpp"
#include "system/key_value.hpp"

namespace zynclone::agent {
namespace {

constexpr std::size_t k_most_mounts = 16;
constexpr std::size_t k_longest_path = 512;

using Setter = std::function<Result<void>(AgentConfiguration&, const std::string& value)>;

Error not_allowed(const std::string& value, std::string_view allowed) {
  return Error{Errc::configuration, "cannot use '" + printable(value) + "': allowed is " + std::string(allowed)};
}

Result<void> check_path(const std::string& value) {
  const bool fits = value.starts_with('/') && value.size() <= k_longest_path && printable(value) == value &&
                    value.find("/../") == std::string::npos && !value.ends_with("/..");
  if (!fits) return not_allowed(value, "an absolute path without '..' and control characters, of at most 512 bytes");
  return outcome::success();
}

Setter path(std::string AgentConfiguration::*field) {
  return [field](AgentConfiguration& configuration, const std::string& value) -> Result<void> {
    TRY(check_path(value));
    configuration.*field = value;
    return outcome::success();
  };
}

Setter duration(std::chrono::milliseconds AgentConfiguration::*field) {
  return [field](AgentConfiguration& configuration, const std::string& value) -> Result<void> {
    auto parsed = parse_duration(value);
    if (!parsed) return Error{Errc::configuration, parsed.error().message};
    if (parsed.value() < std::chrono::milliseconds(1) || parsed.value() > std::chrono::minutes(10)) return not_allowed(value, "1ms to 10m");
    configuration.*field = parsed.value();
    return outcome::success();
  };
}

template <class T>
Setter word(T AgentConfiguration::*field, std::map<std::string, T> words) {
  return [field, words = std::move(words)](AgentConfiguration& configuration, const std::string& value) -> Result<void> {
    if (const auto found = words.find(value); found != words.end()) {
      configuration.*field = found->second;
      return outcome::success();
    }
    std::vector<std::string> known;
    for (const auto& [name, meaning] : words) known.push_back(name);
    return Error{Errc::configuration, "cannot use '" + printable(value) + "': " + allowed_words(value, known)};
  };
}

Result<void> set_group(AgentConfiguration& configuration, const std::string& value) {
  auto name = parse_checked_name(value, "group name", 32);
  if (!name) return Error{Errc::configuration, name.error().message};
  configuration.group = value;
  return outcome::success();
}

Result<void> set_freeze(AgentConfiguration& configuration, const std::string& value) {
  configuration.freeze.clear();
  std::size_t begin = 0;
  while ((begin = value.find_first_not_of(" \t", begin)) != std::string::npos) {
    const std::size_t end = std::min(value.find_first_of(" \t", begin), value.size());
    std::string mount = value.substr(begin, end - begin);
    TRY(check_path(mount));
    while (mount.size() > 1 && mount.ends_with('/')) mount.pop_back();
    if (std::find(configuration.freeze.begin(), configuration.freeze.end(), mount) == configuration.freeze.end())
      configuration.freeze.push_back(std::move(mount));
    begin = end;
  }
  if (configuration.freeze.size() > k_most_mounts) return not_allowed(value, "at most 16 mount points");
  return outcome::success();
}

// Of a path: "/srv//sales/" is "/srv/sales".
std::string tidy(const std::string& path) {
  std::string text;
  for (const char letter : path) {
    if (letter != '/' || !text.ends_with('/')) text += letter;
  }
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

Result<void> set_shared_volume(AgentConfiguration& configuration, std::string_view name, const std::string& value) {
  auto volume = VolumeName::parse(name);
  if (!volume) return Error{Errc::configuration, volume.error().message};
  TRY(check_path(value));
  const std::string mount_point = tidy(value);
  if (mount_point == "/") return not_allowed(value, "a folder below '/'");
  for (const auto& [other, place] : configuration.shared_volumes) {
    if (place == mount_point) return not_allowed(value, "a mount point of its own; '" + other.text() + "' has this one");
  }
  if (configuration.shared_volumes.size() == k_most_mounts) return not_allowed(value, "at most 16 shared volumes");
  configuration.shared_volumes.emplace(volume.value(), mount_point);
  return outcome::success();
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> table{
      {"socket", path(&AgentConfiguration::socket)},
      {"group", set_group},
      {"transport", word(&AgentConfiguration::transport, {{"auto", Transport::automatic},
                                                          {"vchan", Transport::vchan},
                                                          {"unix", Transport::unix_socket},
                                                          {"mailbox", Transport::mailbox}})},
      {"unix_channel", path(&AgentConfiguration::unix_channel)},
      {"hooks_dir", path(&AgentConfiguration::hooks_dir)},
      {"hook_timeout", duration(&AgentConfiguration::hook_timeout)},
      {"hooks_timeout", duration(&AgentConfiguration::hooks_timeout)},
      {"freeze", set_freeze},
      {"freeze_timeout", duration(&AgentConfiguration::freeze_timeout)},
      {"freezer", word(&AgentConfiguration::freezer, {{"real", FreezerKind::real}, {"pretended", FreezerKind::pretended}})},
      {"mounter", word(&AgentConfiguration::mounter, {{"real", MounterKind::real}, {"pretended", MounterKind::pretended}})},
      {"devices_dir", path(&AgentConfiguration::devices_dir)},
      {"volume_timeout", duration(&AgentConfiguration::volume_timeout)},
      {"commands", word(&AgentConfiguration::commands, {{"yes", Commands::allowed}, {"no", Commands::refused}})},
      {"state_dir", path(&AgentConfiguration::state_dir)},
      {"root", path(&AgentConfiguration::root)},
      {"identity_file", path(&AgentConfiguration::identity_file)},
  };
  return table;
}

Result<void> set(AgentConfiguration& configuration, const KeyValue& line) {
  constexpr std::string_view k_shared_volume = "shared_volume.";
  if (line.key.starts_with(k_shared_volume)) {
    auto done = set_shared_volume(configuration, std::string_view(line.key).substr(k_shared_volume.size()), line.value);
    if (!done) return with_context(done.error(), "cannot set '" + line.key + "'");
    return done;
  }
  const auto setter = setters().find(line.key);
  if (setter != setters().end()) {
    auto done = setter->second(configuration, line.value);
    if (!done) return with_context(done.error(), "cannot set '" + line.key + "'");
    return done;
  }
  std::vector<std::string> known;
  for (const auto& [key, unused] : setters()) known.push_back(key);
  known.push_back("shared_volume.<name>");
  return fail(Errc::configuration, "cannot set '" + line.key + "': no such key; " + allowed_words(line.key, known));
}

}  // namespace

Result<AgentConfiguration> parse_configuration(std::string_view text, const std::string& file) {
  AgentConfiguration configuration;
  TRY(auto lines, parse_key_values(text, file));
  bool state_dir_given = false;
  bool identity_file_given = false;
  for (const KeyValue& line : lines) {
    auto done = set(configuration, line);
    if (!done) return fail(done.error().code, done.error().message, file + ":" + std::to_string(line.line));
    state_dir_given = state_dir_given || line.key == "state_dir";
    identity_file_given = identity_file_given || line.key == "identity_file";
  }
  if (state_dir_given && !identity_file_given) configuration.identity_file = configuration.state_dir + "/identity";
  if (configuration.transport == Transport::unix_socket && configuration.unix_channel.empty())
    return fail(Errc::configuration, "cannot use transport 'unix': 'unix_channel' is not set", file);
  return configuration;
}

Result<AgentConfiguration> read_configuration(const std::string& file, ConfigurationFile kind) {
  auto text = read_file(file, k_longest_key_value_text);
  if (text) return parse_configuration(text.value(), file);
  if (kind == ConfigurationFile::is_default && text.error().code == Errc::not_found) return AgentConfiguration();
  return fail(Errc::configuration, text.error().message, file);
}

}  // namespace zynclone::agent
