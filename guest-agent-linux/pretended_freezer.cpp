#include "guest-agent-linux/pretended_freezer.hpp"

#include "system/log.hpp"

namespace zynclone::agent {
namespace {

std::string joined(const std::vector<std::string>& mounts) {
  std::string text;
  for (const std::string& mount : mounts) text += " " + mount;
  return text;
}

}  // namespace

asio::awaitable<Result<void>> PretendedFreezer::freeze(Deadline, Deadline) {
  if (frozen_) co_return fail(Errc::conflict, "cannot pretend to freeze: it is frozen already");
  frozen_ = true;
  log_info("pretending to freeze" + joined(mounts_));
  co_return outcome::success();
}

asio::awaitable<Result<Thaw>> PretendedFreezer::thaw(std::vector<std::string> mounts) {
  const Thaw thaw = frozen_ ? Thaw::held : Thaw::lost;
  frozen_ = false;
  log_info("pretending to thaw" + joined(mounts));
  co_return thaw;
}

}  // namespace zynclone::agent
