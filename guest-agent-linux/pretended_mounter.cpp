#include "guest-agent-linux/pretended_mounter.hpp"

#include "guest-agent-linux/file_wait.hpp"
#include "guest-agent-linux/file_users.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

std::filesystem::path link_of(const VolumePlace& place) { return std::filesystem::path(place.mount_point) / place.volume.text(); }

bool is_there(const std::string& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

std::string cannot(std::string_view verb, const VolumePlace& place) {
  return "cannot pretend to " + std::string(verb) + " '" + place.volume.text() + "': ";
}

// Writes that the application began are done: the page cache is what all of this machine see. What it still has open is in use.
Result<void> check_unused(const VolumePlace& place, const std::string& device) {
  const auto users = writers_of_file(device);
  if (users.empty()) return outcome::success();
  return fail(Errc::conflict, cannot("unmount", place) + "it is used by " + to_string(users));
}

}  // namespace

asio::awaitable<Result<void>> PretendedMounter::wait_for_device(std::string device, Deadline limit) {
  return wait_for_file(devices_ / device, is_there, limit);
}

asio::awaitable<Result<bool>> PretendedMounter::is_mounted(VolumePlace place) {
  const auto link = link_of(place);
  std::error_code error;
  const auto kind = std::filesystem::symlink_status(link, error).type();
  if (kind == std::filesystem::file_type::not_found) co_return false;
  const auto target = std::filesystem::read_symlink(link, error);
  if (!error && target == path_of(place.device)) co_return is_there(target);
  co_return fail(Errc::conflict, "cannot use '" + printable(link.string()) + "': it is no link to '" + printable(path_of(place.device)) + "'");
}

asio::awaitable<Result<void>> PretendedMounter::mount(VolumePlace place, std::string filesystem) {
  const auto link = link_of(place);
  std::error_code error;
  std::filesystem::create_directories(place.mount_point, error);
  if (!error) std::filesystem::remove(link, error);  // one that leads nowhere any more
  if (!error) std::filesystem::create_symlink(path_of(place.device), link, error);
  if (error) co_return fail(Errc::system, cannot("mount", place) + error.message());
  log_info("pretending to mount '" + path_of(place.device) + "' (" + filesystem + ") at '" + place.mount_point + "'");
  co_return outcome::success();
}

asio::awaitable<Result<void>> PretendedMounter::unmount(VolumePlace place) {
  CO_TRY(check_unused(place, path_of(place.device)));
  if (place.mount_point.empty()) co_return outcome::success();
  std::error_code error;
  const bool removed = std::filesystem::remove(link_of(place), error);
  if (error) co_return fail(Errc::system, cannot("unmount", place) + error.message());
  if (removed) log_info("pretending to unmount '" + place.volume.text() + "' from '" + place.mount_point + "'");
  co_return outcome::success();
}

}  // namespace zynclone::agent
