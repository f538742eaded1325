#include <memory>

#include "cli/commands/parse.hpp"
#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"
#include "host-broker/app/vmclone/json_lines.hpp"
#include "host-broker/configuration/file_configuration.hpp"
#include "system/trusted_file.hpp"

namespace zynclone::broker::vmclone {
namespace {

using configuration::FileConfiguration;

constexpr std::size_t k_longest_settings = 64 * 1024;

// The broker's own settings; a file that is not there is all defaults.
Result<std::vector<ConfigValue>> broker_values(const HostFiles& files) {
  auto text = read_trusted_file(files.broker_conf, k_longest_settings);
  if (!text && text.error().code != Errc::not_found) return outcome::failure(std::move(text).error());
  auto draft = configuration::read_broker_settings(text ? text.value() : "", files.broker_conf);
  if (!draft.errors.empty()) return outcome::failure(std::move(draft.errors.front()));
  return std::move(draft.values);
}

Result<std::vector<ConfigValue>> guest_values(const HostFiles& files, const std::string& text) {
  TRY(const auto vm, cli::parse_value<VmName>(text, "VM"));
  TRY(const auto settings, files.settings());
  return FileConfiguration(settings.clone_dir, settings.xl_dir).explain(vm);
}

Result<cli::ExitCode> show(cli::Session& session, const HostFiles& files, const std::string& vm) {
  TRY(const auto values, vm.empty() ? broker_values(files) : guest_values(files, vm));
  std::vector<std::string> items;
  std::vector<std::vector<std::string>> rows{{"KEY", "VALUE", "FROM"}};
  for (const ConfigValue& value : values) {
    items.push_back(JsonObject().text("key", value.key).text("value", value.value).text("place", value.place).str());
    rows.push_back({printable(value.key), value.value.empty() ? "-" : printable(value.value), printable(value.place)});
  }
  if (session.json()) session.write_json(JsonObject().text("vm", vm).list("values", items).str());
  else session.screen().write(cli::table_text(rows));
  return cli::ExitCode::done;
}

}  // namespace

void add_config_show(const cli::Command& parent, cli::Session& session, HostFiles& files) {
  auto vm = std::make_shared<std::string>();
  add_local(parent, session, files, "show", "show each value in force for a VM, or for the broker, and where it comes from",
            [vm, &session, &files] { return show(session, files, *vm); })
      .optional_argument("VM", *vm, "the original VM; without one: the broker's own settings");
}

}  // namespace zynclone::broker::vmclone
