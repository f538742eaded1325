#include "host-broker/sandbox/layout.hpp"

#include <sys/stat.h>

namespace zynclone::sandbox {
namespace {

// sockaddr_un holds 107 bytes; the longest of ours are DIR/domains/65535/agent.sock and what the broker has under DIR/run.
constexpr std::size_t k_longest_folder = 75;

}  // namespace

Result<Layout> Layout::of(const std::filesystem::path& folder) {
  std::error_code error;
  auto whole = std::filesystem::absolute(folder, error).lexically_normal();
  if (whole.filename().empty()) whole = whole.parent_path();
  const std::string text = whole.string();
  if (error || folder.empty() || text.size() > k_longest_folder || printable(text) != text ||
      text.find_first_of("\"# ") != std::string::npos)
    return fail(Errc::invalid_argument, "cannot use folder '" + printable(text) + "' for a sandbox: a path of at most " +
                                            std::to_string(k_longest_folder) +
                                            " bytes without spaces, '#' and '\"' is allowed (it holds Unix sockets)");
  return Layout(std::move(whole));
}

Result<void> Layout::prepare() const {
  // A mistyped path must not become a tree of folders.
  if (std::error_code error; !std::filesystem::is_directory(folder_.parent_path(), error))
    return fail(Errc::not_found, "cannot make folder '" + folder_.string() + "': there is no folder '" + folder_.parent_path().string() + "'");
  for (const auto& each : {folder_, stores(), channels(), folder_ / "domains", folder_ / "guests", peripherals(), xl_folder(), clone_folder(), clone_folder() / "guest",
                           configuration(), configuration() / "policy.d", state(), state() / "clones", run(), images()}) {
    std::error_code error;
    std::filesystem::create_directories(each, error);
    if (error) return fail(Errc::system, "cannot make folder '" + each.string() + "': " + error.message());
  }
  // Whoever can connect to DIR/xenstored/0.sock is the host.
  if (::chmod(folder_.c_str(), 0700) != 0)
    return fail(Errc::system, "cannot protect folder '" + folder_.string() + "': it belongs to somebody else");
  return outcome::success();
}

}  // namespace zynclone::sandbox
