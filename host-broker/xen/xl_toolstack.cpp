#include "host-broker/xen/xl_toolstack.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>

#include "host-broker/xen/qemu_monitor.hpp"
#include "host-broker/xen/render.hpp"
#include "host-broker/xen/xl_config.hpp"
#include "host-broker/xen/xl_errors.hpp"
#include "host-broker/xen/xl_process.hpp"
#include "system/file.hpp"
#include "system/log.hpp"
#include "system/process.hpp"

namespace zynclone::broker::xen {
namespace {

constexpr std::size_t k_longest_config = 1 << 20;   // bytes
constexpr std::chrono::seconds k_watcher_limit{20};  // for xl to clear up after a domain that has shut down
constexpr std::uint64_t k_slowest_restore = 10ull << 20;  // bytes of an image a second
constexpr std::chrono::seconds k_monitor_limit{10};  // of one conversation with a QEMU

Result<std::string> read_config_text(const std::string& file) {
  auto text = read_file(file, k_longest_config);
  if (!text) return Error{Errc::configuration, text.error().message, printable(file)};
  return text;
}

Result<void> make_run_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return outcome::success();
  return fail(Errc::system, "cannot make folder '" + folder + "': " + std::strerror(errno));
}

}  // namespace

asio::awaitable<Result<VmConfig>> XlToolstack::read_config(VmName vm, std::string file) {
  CO_TRY(const auto text, read_config_text(file));
  CO_TRY(const auto config, parse_xl_config(text, file));
  co_return to_vm_config(config, vm, file);
}

asio::awaitable<Result<std::vector<Domain>>> XlToolstack::list_domains() { return hypervisor_.list(); }
asio::awaitable<Result<void>> XlToolstack::pause(DomainId domain) { return hypervisor_.pause(domain); }
asio::awaitable<Result<void>> XlToolstack::unpause(DomainId domain) { return hypervisor_.unpause(domain); }

asio::awaitable<Result<std::optional<Domain>>> XlToolstack::find(Uuid uuid) {
  CO_TRY(const auto domains, co_await hypervisor_.list());
  for (const Domain& domain : domains)
    if (domain.uuid == uuid) co_return std::optional<Domain>(domain);
  co_return std::optional<Domain>();
}

std::string XlToolstack::config_file_of(const Uuid& uuid) const { return settings_.run_folder + "/" + uuid.text() + ".cfg"; }

// Is there while xl builds an original from its own file, of which nothing else tells that it was this program that started it.
std::string XlToolstack::note_of(const Uuid& uuid) const { return settings_.run_folder + "/" + uuid.text() + ".original"; }

// What an earlier start, by this process or by one before it, has left of the domain; nullopt when there is nothing to build on.
asio::awaitable<Result<std::optional<Domain>>> XlToolstack::adopt(Build build) {
  CO_TRY(const XlProcesses processes, co_await wait_for_builder(build.config_file, settings_.create_limit));
  CO_TRY(auto found, co_await find(build.uuid));
  if (!found) co_return found;
  // Built whole, it has its watcher; one that runs has been built, whatever became of its watcher.
  const bool whole = found->state == DomainState::running ||
                     (found->state == DomainState::paused && (processes.watcher || build.unwatched == Unwatched::whole));
  if (whole) co_return found;
  log_warning("domain " + std::to_string(found->id.value) + " '" + found->name + "' is the remains of an interrupted start, and is destroyed");
  CO_TRY(co_await destroy(found->id));
  co_return std::optional<Domain>();
}

Result<std::optional<SpicePorts>> XlToolstack::spice_ports_for(const XlConfig& original, const CloneDomain& domain) {
  const auto is_free = [this](unsigned port) {
    for (const auto& [clone, ports] : starting_) {
      if (port == ports.plain || port == ports.tls) return false;
    }
    return is_port_free(port);
  };
  TRY(const auto ports, choose_spice_ports(original, domain.uuid, settings_.spice_ports, is_free));
  if (!ports) return ports;
  starting_.insert_or_assign(domain.uuid, *ports);
  log_info("domain '" + domain.name + "': SPICE at port " + (ports->plain != 0 ? std::to_string(ports->plain) : "-") +
           (ports->tls != 0 ? ", with TLS at " + std::to_string(ports->tls) : ""));
  return ports;
}

asio::awaitable<Result<void>> XlToolstack::render(CloneDomain domain, std::string config_file) {
  CO_TRY(const auto original_text, read_config_text(domain.original_file));
  CO_TRY(const auto original, parse_xl_config(original_text, domain.original_file));
  CO_TRY(const auto spice, spice_ports_for(original, domain));
  CO_TRY(const auto text, render_clone(original_text, original, domain, HostParts{.spice = spice, .block_script = settings_.block_script}));
  CO_TRY(make_run_folder(settings_.run_folder));
  co_return write_file_whole(config_file, text, 0600);
}

asio::awaitable<Result<void>> XlToolstack::run_create(std::string config_file) {
  return run_xl(create_arguments(settings_.xl, config_file), settings_.create_limit);
}

asio::awaitable<Result<void>> XlToolstack::run_restore(std::string config_file, std::string image_file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(image_file, error);
  if (error) co_return fail(Errc::not_found, "cannot read the memory image '" + printable(image_file) + "': " + error.message());
  const Deadline limit = settings_.create_limit + std::chrono::seconds(size / k_slowest_restore);
  co_return co_await run_xl(restore_arguments(settings_.xl, config_file, image_file), limit);
}

asio::awaitable<Result<void>> XlToolstack::run_xl(std::vector<std::string> arguments, Deadline limit) {
  const std::string what = arguments.at(1);
  ProcessOptions options;
  options.limit = limit;
  CO_TRY(const auto ended, co_await run_process(std::move(arguments), options));
  if (ended.status == 0) co_return outcome::success();
  const std::string cause = cause_of_failure(ended.errors);
  co_return fail(Errc::xen, "cannot run 'xl " + what + "': exit status " + std::to_string(ended.status) + (cause.empty() ? "" : ": " + cause));
}

asio::awaitable<Result<DomainId>> XlToolstack::conclude(Build build, Result<void> created) {
  const std::string failed = "cannot start '" + printable(build.name) + "'";
  auto found = co_await find(build.uuid);
  if (created && found && found.value()) co_return found.value()->id;
  // xl clears up after its own errors, but not after it was killed.
  if (found && found.value()) {
    auto destroyed = co_await destroy(found.value()->id);
    if (!destroyed) log_error(failed + ", and what was made of it is left: " + destroyed.error().message);
  }
  if (!created) co_return with_context(created.error(), failed);
  if (!found) co_return with_context(found.error(), failed);
  co_return fail(Errc::xen, failed + ": xl made no domain of UUID " + build.uuid.text());
}

asio::awaitable<Result<DomainId>> XlToolstack::start_paused(CloneDomain domain) { return build(std::move(domain), std::nullopt); }

asio::awaitable<Result<DomainId>> XlToolstack::restore_paused(CloneDomain domain, std::string image_file) {
  return build(std::move(domain), std::move(image_file));
}

asio::awaitable<Result<DomainId>> XlToolstack::build(CloneDomain domain, std::optional<std::string> image_file) {
  Build build;
  build.name = domain.name;
  build.uuid = domain.uuid;
  build.config_file = config_file_of(domain.uuid);
  CO_TRY(const auto adopted, co_await adopt(build));
  if (adopted) co_return adopted->id;
  auto created = co_await render(std::move(domain), build.config_file);
  if (created) {
    if (image_file) created = co_await run_restore(build.config_file, *image_file);
    else created = co_await run_create(build.config_file);
  }
  starting_.erase(build.uuid);
  (void)remove_file(build.config_file);
  co_return co_await conclude(std::move(build), std::move(created));
}

asio::awaitable<Result<DomainId>> XlToolstack::start_original_paused(VmName vm, std::string file) {
  CO_TRY(const auto config, co_await read_config(vm, file));
  if (!config.uuid)
    co_return fail(Errc::configuration, "cannot start '" + vm.text() + "': '" + printable(file) + "' has no uuid, by which its domain could be found again",
                   printable(file));
  Build build;
  build.name = vm.text();
  build.uuid = *config.uuid;
  build.config_file = std::move(file);
  const std::string note = note_of(build.uuid);
  std::error_code error;
  build.unwatched = std::filesystem::exists(note, error) ? Unwatched::remains : Unwatched::whole;
  CO_TRY(const auto adopted, co_await adopt(build));
  if (adopted) {
    (void)remove_file(note);
    co_return adopted->id;
  }
  CO_TRY(make_run_folder(settings_.run_folder));
  CO_TRY(write_file_whole(note, build.config_file, 0600));
  auto created = co_await run_create(build.config_file);
  auto started = co_await conclude(std::move(build), std::move(created));
  const auto left = co_await find(*config.uuid);
  if (started || (left && !left.value())) (void)remove_file(note);
  co_return started;
}

asio::awaitable<Result<void>> XlToolstack::destroy(DomainId domain) {
  auto destroyed = co_await hypervisor_.destroy(domain);
  if (!destroyed && destroyed.error().code != Errc::not_found) co_return destroyed;
  co_return co_await hypervisor_.wait_for(domain, Awaited::gone, settings_.gone_limit);
}

asio::awaitable<Result<void>> XlToolstack::end(Uuid uuid) {
  const std::string config_file = config_file_of(uuid);
  for (;;) {
    CO_TRY(const XlProcesses processes, co_await wait_for_builder(config_file, settings_.create_limit));
    CO_TRY(const auto found, co_await find(uuid));
    if (!found && !processes.watcher) co_return outcome::success();
    // The watcher first: it takes a domain that is gone for one to be started again, if its guest was rebooting.
    if (processes.watcher) {
      CO_TRY(co_await end_watcher(*processes.watcher, k_watcher_limit));
    }
    if (found) {
      CO_TRY(co_await destroy(found->id));
    }
  }
}

asio::awaitable<Result<void>> XlToolstack::shut_down(DomainId domain, Deadline limit) {
  auto asked = co_await hypervisor_.ask_to_shut_down(domain);
  if (!asked && asked.error().code != Errc::not_found) co_return asked;
  CO_TRY(co_await hypervisor_.wait_for(domain, Awaited::stopped, limit));
  auto gone = co_await hypervisor_.wait_for(domain, Awaited::gone, k_watcher_limit);
  if (gone || gone.error().code != Errc::timed_out) co_return gone;
  // Nobody watches it, or its configuration says to keep it; it has shut down, so nothing of it is lost.
  co_return co_await destroy(domain);
}

asio::awaitable<Result<void>> XlToolstack::switch_layer(DomainId domain, VmDisk disk) {
  const std::string socket = settings_.qemu_folder + "/qmp-libxl-" + std::to_string(domain.value);
  auto switched = co_await switch_to_layer(socket, disk.volume.path, k_monitor_limit);
  if (switched) co_return switched;
  co_return with_context(switched.error(), "cannot make domain " + std::to_string(domain.value) + " write to the new layer of '" +
                                               printable(disk.device) + "'");
}

}  // namespace zynclone::broker::xen
