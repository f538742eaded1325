#include "host-broker/sandbox/guest.hpp"

#include <csignal>
#include <grp.h>
#include <unistd.h>

#include "host-broker/sandbox/programs.hpp"
#include "host-broker/sandbox/session_processes.hpp"
#include "system/file.hpp"

namespace zynclone::sandbox {
namespace {

constexpr const char* k_domain_folder_variable = "ZYNCLONE_SANDBOX_DOMAIN_DIR";

// The group whose members may make requests: in the sandbox that of the user who runs it.
std::string own_group() {
  const group* entry = ::getgrgid(::getegid());
  return entry != nullptr ? entry->gr_name : "zynclone";
}

// The hooks of the agent's package, as if it were installed in the guest; what somebody has put there or changed stays.
void add_shipped_hooks(const std::filesystem::path& hooks) {
  std::error_code error;
  for (std::filesystem::directory_iterator folder(ZYNCLONE_SHIPPED_HOOKS, error), end; !error && folder != end; folder.increment(error)) {
    const auto target = hooks / folder->path().filename();
    std::error_code ignored;  // a sandbox without them works on
    if (!std::filesystem::exists(target, ignored)) std::filesystem::copy(folder->path(), target, ignored);
  }
}

// What a guest has of its own that a copy of it must not have, too: as it is on the original's disk.
Result<void> make_guest_root(const std::filesystem::path& root, const std::string& vm) {
  std::string machine_id = Uuid::derived("machine id of " + vm).text();
  std::erase(machine_id, '-');
  TRY(write_file_whole(root / "etc" / "machine-id", machine_id + "\n"));
  return write_file_whole(root / "etc" / "hostname", vm + "\n");
}

std::string agent_configuration(const Layout& layout, DomainId domain, const DomainSpec& spec, const std::string& vm) {
  std::map<std::string, std::string> settings{
      {"socket", layout.agent_socket(domain).string()},
      {"group", own_group()},
      {"transport", "unix"},
      {"unix_channel", layout.channel_socket(domain).string()},
      {"hooks_dir", layout.hooks(vm).string()},
      {"freeze", "/"},
      {"freezer", "pretended"},  // the file systems of this machine are not to be frozen
      {"mounter", "pretended"},  // and nothing is to be mounted on it
      {"devices_dir", layout.devices(domain).string()},
      {"root", layout.guest_root(domain).string()},  // what apply-identity hooks change instead of this machine
      {"state_dir", (layout.domain(domain) / "state").string()},
  };
  // A file for many domains cannot name the folder of each.
  for (const auto& [key, value] : spec.agent_settings)
    settings[key] = value.starts_with("~/") ? (layout.domain(domain) / value.substr(2)).string() : value;
  std::string text = "# Made by zynclone-sandbox for domain " + std::to_string(domain.value) + ".\n";
  for (const auto& [key, value] : settings) text += key + " = " + value + "\n";
  return text;
}

}  // namespace

std::map<std::string, std::string> guest_environment(const Layout& layout, DomainId domain, const std::string& name) {
  auto environment = base_environment();
  environment["XENSTORED_PATH"] = layout.store_socket(domain).string();
  environment["ZYNCLONE_SOCKET"] = layout.agent_socket(domain).string();
  environment[k_domain_folder_variable] = layout.domain(domain).string();
  environment["ZYNCLONE_DOMAIN_NAME"] = name;
  return environment;
}

Guest::Guest(asio::any_io_executor executor, const Layout& layout, DomainId domain)
    : executor_(executor),
      folder_(layout.domain(domain)),
      devices_(layout.devices(domain)),
      marker_(std::string(k_domain_folder_variable) + "=" + folder_.string()) {}

Result<std::unique_ptr<Guest>> Guest::create(asio::any_io_executor executor, const Layout& layout, DomainId domain,
                                             const DomainSpec& spec, const std::string& vm) {
  std::unique_ptr<Guest> guest(new Guest(executor, layout, domain));
  for (const auto& folder : {guest->folder_ / "state", layout.devices(domain), layout.mounts(domain), layout.hooks(vm), layout.guest_root(domain) / "etc"}) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return fail(Errc::system, "cannot make folder '" + folder.string() + "': " + error.message());
  }
  add_shipped_hooks(layout.hooks(vm));
  TRY(make_guest_root(layout.guest_root(domain), vm));
  for (const auto& disk : spec.disks) {
    TRY(guest->show(disk));
  }
  if (spec.has_agent) {
    TRY(guest->add_agent(layout, domain, spec, vm));
  }
  const auto environment = guest_environment(layout, domain, spec.name);
  for (auto arguments : spec.programs) {
    TRY(arguments.front(), find_program(arguments.front()));
    const std::string name = "program '" + arguments.front() + "' of " + spec.name;
    guest->add(name, std::move(arguments), environment);
  }
  return guest;
}

Result<void> Guest::add_agent(const Layout& layout, DomainId domain, const DomainSpec& spec, const std::string& vm) {
  const auto file = (folder_ / "agent.conf").string();
  TRY(write_file_whole(file, agent_configuration(layout, domain, spec, vm)));
  TRY(const auto program, find_program("zynclone-agent"));
  TRY(readiness_, NotifySocket::open(executor_, (folder_ / "notify").string()));
  auto environment = guest_environment(layout, domain, spec.name);
  environment["NOTIFY_SOCKET"] = readiness_->path();
  add("agent of " + spec.name, {program, "--config", file}, std::move(environment));
  programs_.back()->on_end([this, name = spec.name](int status) {
    readiness_->reset("the agent of " + name + " ended with status " + std::to_string(status) + "; see '" +
                      (folder_ / "log").string() + "'");
  });
  return outcome::success();
}

void Guest::add(std::string name, std::vector<std::string> arguments, std::map<std::string, std::string> environment) {
  programs_.push_back(std::make_unique<SupervisedProgram>(
      executor_, std::move(name),
      ChildSpec{.arguments = std::move(arguments), .environment = std::move(environment), .log_file = (folder_ / "log").string()}));
}

Guest::~Guest() {
  retire();
  signal_sessions(sessions(), SIGKILL);
}

Result<void> Guest::show(const broker::VmDisk& disk) {
  std::error_code error;
  std::filesystem::create_symlink(disk.volume.path, devices_ / disk.device, error);
  if (error) return fail(Errc::system, "cannot make '" + printable((devices_ / disk.device).string()) + "': " + error.message());
  return outcome::success();
}

void Guest::hide(const broker::VmDisk& disk) {
  std::error_code ignored;
  std::filesystem::remove(devices_ / disk.device, ignored);
}

std::set<pid_t> Guest::sessions() {
  std::set<pid_t> all;
  for (const auto& program : programs_) all.merge(program->sessions());
  return all;
}

std::optional<pid_t> Guest::agent() const { return readiness_ ? programs_.front()->pid() : std::nullopt; }

void Guest::retire() {
  for (const auto& program : programs_) program->retire();
}

Result<void> Guest::unpause() {
  if (!std::exchange(started_, true)) {
    for (const auto& program : programs_) {
      TRY(program->start());
    }
    return outcome::success();
  }
  signal_sessions(sessions(), SIGCONT);
  for (const auto& program : programs_) program->release();
  return outcome::success();
}

void Guest::pause() {
  for (const auto& program : programs_) program->hold();
  signal_sessions(sessions(), SIGSTOP);
}

void Guest::ask_to_end() {
  retire();
  signal_sessions(sessions(), SIGTERM);
}

asio::awaitable<void> Guest::wait_for_end() { return wait_for_end_of(sessions()); }

asio::awaitable<void> Guest::kill() {
  retire();
  const auto all = sessions();
  signal_sessions(all, SIGKILL);
  return wait_for_end_of(all);
}

}  // namespace zynclone::sandbox
