#include "system/file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/descriptor.hpp"

namespace zynclone {
namespace {

Error file_error(std::string_view verb, const std::filesystem::path& path, int number) {
  const Errc code = number == ENOENT || number == ENOTDIR ? Errc::not_found : number == ENOSPC ? Errc::no_space : Errc::system;
  return Error{code, "cannot " + std::string(verb) + " '" + path.string() + "': " + std::strerror(number)};
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  Descriptor descriptor(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor || ::fsync(descriptor.get()) != 0) return file_error("sync", folder, errno);
  return outcome::success();
}

Result<void> write_all(int descriptor, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error("write", path, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return outcome::success();
}

Result<void> fill_and_rename(Descriptor descriptor, const std::string& temporary, const std::filesystem::path& path,
                             std::string_view text, mode_t mode) {
  // mkstemp gives 0600; the umask is not asked, so that the mode is what the caller says.
  if (::fchmod(descriptor.get(), mode) != 0) return file_error("set the mode of", path, errno);
  TRY(write_all(descriptor.get(), text, path));
  if (::fsync(descriptor.get()) != 0) return file_error("sync", path, errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return file_error("replace", path, errno);
  return outcome::success();
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t most) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor) return file_error("read", path, errno);
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t count = ::read(descriptor.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("read", path, errno);
    if (count == 0) return text;
    if (text.size() + static_cast<std::size_t>(count) > most)
      return fail(Errc::too_large,
                  "cannot read '" + path.string() + "': it is longer than the " + std::to_string(most) + " bytes allowed");
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

Result<void> write_file_whole(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  // A leading dot: list_files leaves it out, should a crash leave it behind.
  std::string temporary = (path.parent_path() / ("." + path.filename().string() + ".XXXXXX")).string();
  Descriptor descriptor(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!descriptor) return file_error("create", path, errno);
  auto written = fill_and_rename(std::move(descriptor), temporary, path, text, mode);
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return sync_folder(path.parent_path());
}

Result<void> remove_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return outcome::success();
    return file_error("remove", path, errno);
  }
  return sync_folder(path.parent_path());
}

Result<std::vector<std::string>> list_files(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  if (error == std::errc::no_such_file_or_directory) return names;
  while (!error && entry != std::filesystem::directory_iterator()) {
    const std::string name = entry->path().filename().string();
    std::error_code gone;  // an entry that was removed meanwhile is no error
    if (!name.starts_with('.') && !name.ends_with('~') && entry->is_regular_file(gone)) names.push_back(name);
    entry.increment(error);
  }
  if (error) return fail(Errc::system, "cannot list '" + folder.string() + "': " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace zynclone
