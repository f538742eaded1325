#include "host-broker/sandbox/peripherals.hpp"

#include <charconv>

#include "system/file.hpp"
#include "system/key_value.hpp"

namespace zynclone::sandbox {
namespace {

using broker::Peripheral;
using broker::PeripheralPlace;

constexpr std::size_t k_longest_plug = 4096;
constexpr std::string_view k_link = "peripheral-";

struct Plug {
  Peripheral device;
  broker::UsbIdentity identity;
};

Result<Plug> read_plug(const std::filesystem::path& file) {
  Plug plug;
  TRY(const auto text, read_file(file, k_longest_plug));
  TRY(const auto lines, parse_key_values(text, file.string()));
  for (const KeyValue& line : lines) {
    const std::string place = file.string() + ':' + std::to_string(line.line);
    if (line.key == "device") {
      auto device = broker::parse_peripheral("device", line.value);
      if (!device) return fail(Errc::configuration, "cannot use device '" + printable(line.value) + "': " + device.error().message, place);
      plug.device = std::move(device).value();
      plug.identity.product = plug.device.device;
    } else if (line.key == "serial") {
      plug.identity.serial = line.value;
    } else if (line.key == "port") {
      plug.identity.port = line.value;
    } else {
      return fail(Errc::configuration, "cannot use key '" + printable(line.key) + "': device, serial and port are allowed", place);
    }
  }
  return plug;
}

bool is_meant(const Peripheral& wanted, const Plug& plug) {
  if (wanted.kind != plug.device.kind) return false;
  return wanted.kind == protocol::PeripheralKind::pci ? wanted.device == plug.device.device : fits(wanted, plug.identity);
}

std::string cannot(std::string_view verb, const Peripheral& peripheral, DomainId domain) {
  return "cannot " + std::string(verb) + " peripheral '" + peripheral.name.text() + "' (" + peripheral.device + "), domain " + std::to_string(domain.value) + ": ";
}

}  // namespace

Result<std::optional<std::string>> SandboxPeripherals::plugged(const Peripheral& peripheral) const {
  std::vector<std::string> found;
  TRY(const auto files, list_files(layout_.peripherals()));
  for (const std::string& file : files) {
    auto plug = read_plug(layout_.peripherals() / file);
    if (!plug && plug.error().code == Errc::not_found) continue;  // unplugged meanwhile
    if (!plug) return plug.error();
    if (is_meant(peripheral, plug.value())) found.push_back(file);
  }
  if (found.empty()) return std::optional<std::string>();
  if (found.size() == 1) return std::optional<std::string>(found.front());
  std::string all;
  for (const std::string& file : found) all += (all.empty() ? "" : ", ") + file;
  return fail(Errc::conflict, "cannot tell which device '" + peripheral.device + "' is: " + all + " fit; name its serial number or port");
}

std::optional<DomainId> SandboxPeripherals::holder_of(const std::string& file) const {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(layout_.folder() / "domains", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    DomainId domain;
    const auto [stop, wrong] = std::from_chars(name.data(), name.data() + name.size(), domain.value);
    if (wrong != std::errc() || stop != name.data() + name.size()) continue;
    std::error_code ignored;
    if (std::filesystem::is_symlink(layout_.devices(domain) / (std::string(k_link) + file), ignored)) return domain;
  }
  return std::nullopt;
}

asio::awaitable<Result<std::optional<PeripheralPlace>>> SandboxPeripherals::find(Peripheral peripheral) {
  CO_TRY(const auto file, plugged(peripheral));
  if (!file) co_return std::optional<PeripheralPlace>();
  PeripheralPlace place{.location = "pretended: " + (layout_.peripherals() / *file).string(), .holder = holder_of(*file)};
  co_return std::optional<PeripheralPlace>(std::move(place));
}

asio::awaitable<Result<void>> SandboxPeripherals::attach(DomainId domain, Peripheral peripheral, Deadline) {
  const std::string failed = cannot("attach", peripheral, domain);
  CO_TRY(const auto file, plugged(peripheral));
  if (!file) co_return fail(Errc::not_found, failed + "it is not plugged in");
  const auto holder = holder_of(*file);
  if (holder == domain) co_return outcome::success();
  if (holder) co_return fail(Errc::conflict, failed + "domain " + std::to_string(holder->value) + " has it");
  std::error_code error;
  std::filesystem::create_symlink(layout_.peripherals() / *file, layout_.devices(domain) / (std::string(k_link) + *file), error);
  if (error) co_return fail(Errc::xen, failed + error.message());
  co_return outcome::success();
}

asio::awaitable<Result<void>> SandboxPeripherals::detach(DomainId domain, Peripheral peripheral, Deadline) {
  CO_TRY(const auto file, plugged(peripheral));
  std::error_code error;
  for (std::filesystem::directory_iterator entry(layout_.devices(domain), error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    const bool is_its = file && name == std::string(k_link) + *file;
    const bool leads_nowhere = name.starts_with(k_link) && !std::filesystem::exists(entry->path(), ignored);
    if (!is_its && !leads_nowhere) continue;  // what was unplugged is nobody's
    if (std::error_code failed; !std::filesystem::remove(entry->path(), failed) && failed) co_return fail(Errc::xen, cannot("detach", peripheral, domain) + failed.message());
  }
  co_return outcome::success();
}

}  // namespace zynclone::sandbox
