#pragma once
// Where everything of a sandbox is: one folder, as the administrator's guide draws it. Pure but for `prepare`.
//
//   DIR/control.sock           domains and services are controlled here (control_client.hpp)
//   DIR/xenstored/<id>.sock    XenStore as domain <id> sees it; 0 is the control domain
//   DIR/channels/<id>.sock     the agent's end of the channel to the broker
//   DIR/domains/<id>/          agent.conf, agent.sock, log, dev/<device>, mnt/<volume>/: the inside of a pretended domain; root/ is what apply-identity
//                              hooks change
//   DIR/peripherals/<name>     a pretended device that is plugged into the host (peripherals.hpp)
//   DIR/guests/<vm>/hooks.d/   hooks of that VM and its clones, as if on their disks
//   DIR/etc/{xen,clone,zynclone}, DIR/state, DIR/run, DIR/images   what is under /etc and /var on a real host

#include <filesystem>
#include <string>

#include "protocol/names.hpp"

namespace zynclone::sandbox {

class Layout {
 public:
  // `folder` may be relative. Errors: invalid_argument when sockets in it would have paths that are too long.
  static Result<Layout> of(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path control_socket() const { return folder_ / "control.sock"; }
  std::filesystem::path lock_file() const { return folder_ / "lock"; }
  std::filesystem::path log_file() const { return folder_ / "log"; }
  std::filesystem::path stores() const { return folder_ / "xenstored"; }
  std::filesystem::path store_socket(DomainId domain) const { return stores() / (std::to_string(domain.value) + ".sock"); }
  std::filesystem::path channels() const { return folder_ / "channels"; }
  std::filesystem::path channel_socket(DomainId domain) const { return channels() / (std::to_string(domain.value) + ".sock"); }
  std::filesystem::path domain(DomainId domain) const { return folder_ / "domains" / std::to_string(domain.value); }
  std::filesystem::path devices(DomainId id) const { return domain(id) / "dev"; }
  std::filesystem::path mounts(DomainId id) const { return domain(id) / "mnt"; }
  std::filesystem::path guest_root(DomainId id) const { return domain(id) / "root"; }
  std::filesystem::path agent_socket(DomainId id) const { return domain(id) / "agent.sock"; }
  std::filesystem::path hooks(const std::string& vm) const { return folder_ / "guests" / vm / "hooks.d"; }
  std::filesystem::path peripherals() const { return folder_ / "peripherals"; }
  std::filesystem::path xl_folder() const { return folder_ / "etc" / "xen"; }
  std::filesystem::path vm_file(const VmName& vm) const { return xl_folder() / (vm.text() + ".cfg"); }
  std::filesystem::path clone_folder() const { return folder_ / "etc" / "clone"; }
  std::filesystem::path configuration() const { return folder_ / "etc" / "zynclone"; }
  std::filesystem::path state() const { return folder_ / "state"; }
  std::filesystem::path run() const { return folder_ / "run"; }
  std::filesystem::path images() const { return folder_ / "images"; }

  // Makes the folders, for this user only; what is there stays. Errors: not_found when the folder it shall be in is not there; system.
  Result<void> prepare() const;

 private:
  explicit Layout(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace zynclone::sandbox
