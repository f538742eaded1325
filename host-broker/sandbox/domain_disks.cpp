// The disks of pretended domains: who has which, and how they come and go.

#include <algorithm>
#include <csignal>

#include "host-broker/sandbox/disk_nodes.hpp"
#include "host-broker/sandbox/disk_use.hpp"
#include "host-broker/sandbox/domains.hpp"
#include "system/log.hpp"

namespace zynclone::sandbox {
namespace {

// Also when the names differ.
bool is_same_file(const std::string& left, const std::string& right) {
  std::error_code error;
  return left == right || (std::filesystem::equivalent(left, right, error) && !error);
}

auto find_disk(std::vector<broker::VmDisk>& disks, const std::string& device, const std::string& path) {
  return std::find_if(disks.begin(), disks.end(), [&](const broker::VmDisk& disk) {
    return disk.device == device && (path.empty() || is_same_file(disk.volume.path, path));
  });
}

std::string numbers_of(const std::vector<pid_t>& processes) {
  std::string text;
  for (const pid_t process : processes) text += (text.empty() ? "" : ", ") + std::to_string(process);
  return text;
}

}  // namespace

std::vector<broker::Attachment> Domains::attachments_of(const std::string& path) const {
  std::vector<broker::Attachment> attachments;
  for (const auto& [id, entry] : entries_)
    for (const auto& disk : entry->spec.disks)
      if (is_same_file(disk.volume.path, path)) attachments.push_back({.domain = id, .device = disk.device});
  return attachments;
}

// That it is there, and nobody's whom it would disturb.
Result<void> Domains::check_disk(const broker::VmDisk& disk) const {
  for (const auto& [id, entry] : entries_)
    for (const auto& theirs : entry->spec.disks)
      if ((disk.writable || theirs.writable) && is_same_file(disk.volume.path, theirs.volume.path))
        return fail(Errc::conflict, "disk '" + printable(disk.volume.path) + "' is in use by domain " + std::to_string(id.value) + " as '" + theirs.device + "'");
  if (std::error_code error; !std::filesystem::exists(disk.volume.path, error))
    return fail(Errc::not_found, "disk '" + printable(disk.volume.path) + "' is not there");
  return outcome::success();
}

Result<void> Domains::attach(DomainId domain, broker::VmDisk disk) {
  const std::string failed = "cannot attach '" + printable(disk.volume.path) + "' to domain " + std::to_string(domain.value);
  TRY(const auto entry, get(domain));
  if (entry->state == broker::DomainState::dying) return fail(Errc::not_found, failed + ": it is going");
  if (auto usable = check_disk(disk); !usable) return with_context(usable.error(), failed);
  auto& disks = entry->spec.disks;
  if (find_disk(disks, disk.device, "") != disks.end()) return fail(Errc::conflict, failed + ": it has a disk '" + printable(disk.device) + "' already");
  Result<void> made = make_disk_nodes(engine_, domain, disk);
  if (made) made = entry->guest->show(disk);
  if (!made) {
    remove_disk_nodes(engine_, domain, disk);
    return with_context(made.error(), failed);
  }
  log_info("domain " + std::to_string(domain.value) + " has '" + printable(disk.volume.path) + "' as " + disk.device);
  disks.push_back(std::move(disk));
  return outcome::success();
}

asio::awaitable<Result<void>> Domains::detach(DomainId domain, std::string device, std::string path, broker::Detach how, Deadline limit) {
  CO_TRY(const auto entry, get(domain));
  const std::string failed = "cannot detach '" + printable(device) + "' from domain " + std::to_string(domain.value);
  auto& disks = entry->spec.disks;
  auto found = find_disk(disks, device, path);
  if (found == disks.end()) co_return fail(Errc::not_found, failed + ": it has no such disk");
  const broker::VmDisk disk = *found;
  if (how == broker::Detach::ask && entry->state == broker::DomainState::paused)
    co_return fail(Errc::timed_out, failed + ": the guest is paused, and does not answer");

  const std::filesystem::path file = disk.volume.path;
  const auto users = [entry, file] { return entry->guest ? users_of(file, entry->guest->processes()) : std::vector<pid_t>(); };
  if (how == broker::Detach::force) {
    entry->guest->hide(disk);  // first, so that nobody finds it again
    for (const pid_t process : users()) ::kill(process, SIGKILL);
  }
  const auto closed = co_await wait_until_closed(file, users, limit);
  if (!closed && closed.error().code == Errc::timed_out)
    co_return fail(Errc::timed_out, failed + ": processes of the guest have it open: " + numbers_of(users()));
  if (!closed) co_return with_context(closed.error(), failed);

  // The domain may have gone meanwhile, with all that it had, or somebody else have taken the disk.
  found = find_disk(disks, device, path);
  if (!entries_.contains(domain) || found == disks.end()) co_return outcome::success();
  entry->guest->hide(disk);
  disks.erase(found);
  remove_disk_nodes(engine_, domain, disk);
  log_info("domain " + std::to_string(domain.value) + " has '" + printable(disk.volume.path) + "' (" + disk.device + ") no more");
  co_return outcome::success();
}

}  // namespace zynclone::sandbox
