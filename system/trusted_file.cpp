#include "system/trusted_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "system/descriptor.hpp"

namespace zynclone {
namespace {

std::string octal(mode_t mode) {
  std::string text = "0000";
  for (std::size_t at = 4; at-- > 0; mode >>= 3) text[at] = static_cast<char>('0' + (mode & 7));
  return text;
}

Error cannot_read(const std::filesystem::path& path, int number) {
  return Error{number == ENOENT || number == ENOTDIR ? Errc::not_found : Errc::system,
               "cannot read '" + path.string() + "': " + std::strerror(number), path.string()};
}

}  // namespace

Result<void> check_trusted(const std::filesystem::path& path, const struct stat& status) {
  const std::string start = "cannot use '" + path.string() + "': ";
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    return fail(Errc::configuration, start + "it belongs to user " + std::to_string(status.st_uid) + "; root is allowed (chown root)",
                path.string());
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(Errc::configuration, start + "its group or others may write it (mode " + octal(status.st_mode & 07777) +
                                         "); only its owner may (chmod go-w)", path.string());
  }
  return outcome::success();
}

Result<std::string> read_trusted_file(const std::filesystem::path& path, std::size_t most) {
  // O_NONBLOCK: a named pipe in its place must not hold us up.
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!descriptor || ::fstat(descriptor.get(), &status) != 0) return cannot_read(path, errno);
  if (!S_ISREG(status.st_mode)) return fail(Errc::configuration, "cannot use '" + path.string() + "': it is no regular file", path.string());
  TRY(check_trusted(path, status));

  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t count = ::read(descriptor.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_read(path, errno);
    if (count == 0) return text;
    if (text.size() + static_cast<std::size_t>(count) > most) {
      return fail(Errc::too_large, "cannot read '" + path.string() + "': it is longer than the " + std::to_string(most) + " bytes allowed",
                  path.string());
    }
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

}  // namespace zynclone
