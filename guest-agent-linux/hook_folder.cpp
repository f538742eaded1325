#include "guest-agent-linux/hook_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

#include "guest-agent-linux/hook_process.hpp"
#include "protocol/names.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

constexpr std::size_t k_most_hooks = 64;
constexpr std::size_t k_most_refusals_kept = 256;

Error refused(const std::filesystem::path& path, std::string_view why) {
  return Error{Errc::refused, "cannot run hooks from '" + printable(path.string()) + "': " + std::string(why)};
}

// Symbolic links are not followed: where they lead, other rules may hold.
Result<struct stat> status_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return status;
  if (errno == ENOENT || errno == ENOTDIR) return fail(Errc::not_found, "there is no '" + printable(path.string()) + "'");
  return refused(path, std::strerror(errno));
}

Result<void> check_owner(const std::filesystem::path& path, const struct stat& status) {
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return refused(path, "it belongs to uid " + std::to_string(status.st_uid) + "; allowed is root");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return refused(path, "others than its owner may write it");
  return outcome::success();
}

}  // namespace

Result<void> check_hook_folder(const std::filesystem::path& folder) {
  TRY(auto status, status_of(folder));
  if (!S_ISDIR(status.st_mode)) return refused(folder, "it is no folder");
  return check_owner(folder, status);
}

Result<void> check_hook(const std::filesystem::path& file) {
  TRY(auto status, status_of(file));
  if (!S_ISREG(status.st_mode)) return refused(file, "it is no regular file");
  TRY(check_owner(file, status));
  if ((status.st_mode & S_IXUSR) == 0) return refused(file, "it is not executable");
  return outcome::success();
}

void HookFolder::refuse(const Error& error) {
  if (error.code == Errc::not_found || refused_.size() >= k_most_refusals_kept) return;
  if (refused_.insert(error.message).second) log_warning(error.message);
}

std::vector<std::string> HookFolder::list(HookEvent event) {
  std::vector<std::string> names;
  const std::filesystem::path folder = folder_ / to_string(event);
  for (const auto& checked : {folder_, folder}) {
    if (auto fine = check_hook_folder(checked); !fine) {
      refuse(fine.error());
      return names;
    }
  }
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code gone;  // a link that leads nowhere is refused below, and is no reason to stop
    if (name.starts_with('.') || name.ends_with('~') || (entry->is_directory(gone) && !entry->is_symlink(gone))) continue;
    auto fine = check_hook(entry->path());
    if (!fine) refuse(fine.error());
    else names.push_back(name);
  }
  if (error) refuse(refused(folder, error.message()));
  std::sort(names.begin(), names.end());
  if (names.size() > k_most_hooks) {
    refuse(refused(folder, "there are more than " + std::to_string(k_most_hooks) + " of them"));
    names.resize(k_most_hooks);
  }
  return names;
}

asio::awaitable<HookResult> HookFolder::run(HookEvent event, std::string name, HookEnvironment environment, Deadline limit) {
  const std::string program = (folder_ / to_string(event) / name).string();
  HookResult result = co_await run_hook(program, event, std::move(name), std::move(environment), limit);
  co_return result;
}

}  // namespace zynclone::agent
