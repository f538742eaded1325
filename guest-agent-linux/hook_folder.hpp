#pragma once
// Hooks as files: <hooks_dir>/<event>/<name>. The agent runs them as root, so only what root (or whom the agent runs as) alone can write is
// run: the folders too. What is refused is logged, once.

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "guest-agent-core/hooks.hpp"

namespace zynclone::agent {

class HookFolder final : public HookPrograms {
 public:
  explicit HookFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Hidden files, files that end in '~' and folders are left out without a word.
  std::vector<std::string> list(HookEvent event) override;
  asio::awaitable<HookResult> run(HookEvent event, std::string name, HookEnvironment environment, Deadline limit) override;

 private:
  void refuse(const Error& error);

  std::filesystem::path folder_;
  std::set<std::string> refused_;  // messages that were logged
};

// May the agent run this file? Errors: refused, with the reason.
Result<void> check_hook(const std::filesystem::path& file);
// May it trust what is in this folder? Errors: refused; not_found.
Result<void> check_hook_folder(const std::filesystem::path& folder);

}  // namespace zynclone::agent
