#include "host-broker/app/zynclone-broker/host.hpp"

#include <unistd.h>

#include <filesystem>

#include "host-broker/core/answers_health.hpp"
#include "host-broker/gateway/xen_guest_watch.hpp"
#include "host-broker/sandbox/block_devices.hpp"
#include "host-broker/sandbox/layout.hpp"
#include "host-broker/sandbox/memories.hpp"
#include "host-broker/sandbox/peripherals.hpp"
#include "host-broker/sandbox/toolstack.hpp"
#include "host-broker/xen/libxl.hpp"
#include "host-broker/xen/xl_block_devices.hpp"
#include "host-broker/xen/xl_memories.hpp"
#include "host-broker/xen/xl_peripherals.hpp"
#include "host-broker/xen/xl_toolstack.hpp"

namespace zynclone::broker {
namespace {

storage::Share share_of(const configuration::Reserve& reserve) { return storage::Share{.percent = reserve.percent, .bytes = reserve.bytes}; }

storage::Settings storage_settings(const configuration::BrokerSettings& settings) {
  storage::Settings result;
  result.reserve.pool_data = share_of(settings.reserve_data);
  result.reserve.pool_metadata = share_of(settings.reserve_metadata);
  result.reserve.files = share_of(settings.reserve_files);
  return result;
}

// Empty, which is Xen's own, where it is not installed.
std::string block_script(const configuration::BrokerSettings& settings) {
  const auto script = std::filesystem::path(settings.link_program).parent_path() / "zynclone-block";
  return ::access(script.c_str(), X_OK) == 0 ? script.string() : std::string();
}

Result<std::unique_ptr<Toolstack>> make_toolstack(const configuration::BrokerSettings& settings, std::unique_ptr<xen::Hypervisor>& hypervisor) {
  if (settings.toolstack == configuration::ToolstackKind::sandbox) {
    TRY(auto layout, sandbox::Layout::of(settings.sandbox_dir));
    return std::unique_ptr<Toolstack>(std::make_unique<sandbox::SandboxToolstack>(std::move(layout)));
  }
  TRY(hypervisor, xen::Libxl::create());
  xen::XlSettings xl;
  xl.run_folder = settings.run_dir + "/xl";
  xl.block_script = block_script(settings);
  xl.spice_ports = {settings.first_spice_port, settings.last_spice_port};
  return std::unique_ptr<Toolstack>(std::make_unique<xen::XlToolstack>(*hypervisor, std::move(xl)));
}

Result<std::unique_ptr<BlockDevices>> make_devices(const configuration::BrokerSettings& settings, asio::thread_pool& xenstore_pool) {
  if (settings.toolstack == configuration::ToolstackKind::sandbox) {
    TRY(auto layout, sandbox::Layout::of(settings.sandbox_dir));
    return std::unique_ptr<BlockDevices>(std::make_unique<sandbox::SandboxBlockDevices>(std::move(layout)));
  }
  xen::BlockDeviceSettings xl;
  xl.program = (std::filesystem::path(settings.link_program).parent_path() / "zynclone-disk").string();
  xl.block_script = block_script(settings);
  return std::unique_ptr<BlockDevices>(std::make_unique<xen::XlBlockDevices>(xenstore_pool, std::move(xl)));
}

Result<std::unique_ptr<Peripherals>> make_peripherals(const configuration::BrokerSettings& settings, asio::thread_pool& xenstore_pool) {
  if (settings.toolstack == configuration::ToolstackKind::sandbox) {
    TRY(auto layout, sandbox::Layout::of(settings.sandbox_dir));
    return std::unique_ptr<Peripherals>(std::make_unique<sandbox::SandboxPeripherals>(std::move(layout)));
  }
  return std::unique_ptr<Peripherals>(std::make_unique<xen::XlPeripherals>(xenstore_pool, xen::PeripheralSettings()));
}

Result<std::unique_ptr<Memories>> make_memories(const configuration::BrokerSettings& settings, xen::Hypervisor* hypervisor) {
  xen::MemorySettings memory;
  memory.folder = settings.state_dir + "/memory";
  memory.program = (std::filesystem::path(settings.link_program).parent_path() / "zynclone-save").string();
  memory.reserve = share_of(settings.reserve_files);
  const storage::MemoryFolder folder(memory.folder, memory.reserve);
  TRY(folder.prepare());
  if (settings.toolstack == configuration::ToolstackKind::sandbox) {
    TRY(auto layout, sandbox::Layout::of(settings.sandbox_dir));
    return std::unique_ptr<Memories>(std::make_unique<sandbox::SandboxMemories>(std::move(layout), folder));
  }
  return std::unique_ptr<Memories>(std::make_unique<xen::XlMemories>(*hypervisor, std::move(memory)));
}

protocol::HealthCheck check_policy(policy::PolicyFolder& policy) {
  const policy::RuleSet& rules = policy.current();
  if (rules.errors().empty()) return {.name = "policy", .healthy = true, .detail = std::to_string(rules.rules().size()) + " rules"};
  const Error& first = rules.errors().front();
  return {.name = "policy",
          .healthy = false,
          .detail = "everything is denied: " + std::to_string(rules.errors().size()) + (rules.errors().size() == 1 ? " mistake, at " : " mistakes, the first at ") + first.place + ": " + first.message};
}

asio::awaitable<protocol::HealthCheck> check_journal(journal::SqlJournal& journal) {
  const auto began = std::chrono::steady_clock::now();
  const auto written = co_await journal.check_writable();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  protocol::HealthCheck check{.name = "journal", .healthy = written.has_value()};
  check.detail = written ? "written in " + std::to_string(took.count()) + " ms" : written.error().message;
  co_return check;
}

asio::awaitable<protocol::HealthCheck> check_families(Families& families, Network& network) {
  auto kept = families.load_all();
  if (!kept) co_return protocol::HealthCheck{.name = "lockdown", .healthy = false, .detail = kept.error().message + " (" + kept.error().place + ')'};
  co_return co_await check_lockdown(network, std::move(kept).value());
}

}  // namespace

Host::Host(const configuration::BrokerSettings& chosen)
    : settings(chosen),
      configuration(chosen.clone_dir, chosen.xl_dir),
      families(chosen.families_dir()),
      policy(chosen.policy_dir, chosen.approval_timeout),
      storage(storage_settings(chosen)) {}

Result<std::unique_ptr<Host>> Host::create(asio::io_context& context, const configuration::BrokerSettings& settings) {
  std::unique_ptr<Host> host(new Host(settings));
  TRY(host->toolstack, make_toolstack(settings, host->hypervisor));
  TRY(host->memories, make_memories(settings, host->hypervisor.get()));
  TRY(host->devices, make_devices(settings, host->xenstore_pool));
  TRY(host->peripherals, make_peripherals(settings, host->xenstore_pool));
  TRY(host->journal, journal::SqlJournal::open(settings.journal_file(), host->clock));
  TRY(auto watch, gateway::XenGuestWatch::open(context.get_executor(), host->xenstore_pool));
  gateway::LinkSettings links;
  links.program = settings.link_program;
  if (settings.toolstack == configuration::ToolstackKind::sandbox) {
    TRY(const auto layout, sandbox::Layout::of(settings.sandbox_dir));
    links.unix_channels = layout.channels();
  }
  host->guests = std::make_unique<gateway::GuestLinks>(context.get_executor(), std::move(watch), std::move(links));
  return host;
}

Ports Host::ports() {
  return Ports{*toolstack, *devices, *peripherals, storage, network, *guests, *journal, *journal, *journal, *journal, configuration, families, policy, clock, *memories};
}

asio::awaitable<std::vector<protocol::HealthCheck>> Host::health() {
  std::vector<protocol::HealthCheck> checks = guests->checks();
  checks.push_back(check_policy(policy));
  protocol::HealthCheck written = co_await check_journal(*journal);
  checks.push_back(std::move(written));
  protocol::HealthCheck lockdown = co_await check_families(families, network);
  checks.push_back(std::move(lockdown));
  std::vector<protocol::HealthCheck> places = co_await check_storage(ports());
  std::move(places.begin(), places.end(), std::back_inserter(checks));
  co_return checks;
}

CoreSettings Host::core_settings() const {
  CoreSettings result;
  result.lockdown_timeout = settings.lockdown_timeout;
  result.most_pending_approvals = settings.most_pending_approvals;
  result.guest_messages = settings.guest_messages;
  return result;
}

}  // namespace zynclone::broker
