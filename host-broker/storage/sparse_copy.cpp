#include "host-broker/storage/sparse_copy.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-broker/storage/files.hpp"
#include "system/descriptor.hpp"

namespace zynclone::broker::storage {
namespace {

constexpr std::size_t k_chunk = 16 << 20;  // between two looks at `stop`
constexpr std::size_t k_buffer = 1 << 20;

struct Copy {
  const std::string& from_path;
  const std::string& to_path;
  int from;
  int to;
  off_t size;
  const CopyControl& control;
  unsigned percent = 0;

  // Errors: cancelled.
  Result<void> reached(off_t position) {
    if (control.stop) return fail(Errc::cancelled, "cannot copy '" + from_path + "': it was stopped");
    const auto now = static_cast<unsigned>(static_cast<double>(position) * 100 / static_cast<double>(size));
    if (now != percent && control.progress) control.progress(now);
    percent = now;
    return outcome::success();
  }
};

Result<void> write_all(const Copy& copy, const char* bytes, std::size_t count, off_t offset) {
  while (count > 0) {
    const ssize_t written = ::pwrite(copy.to, bytes, count, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_failure("write", copy.to_path, errno);
    bytes += written;
    offset += written;
    count -= static_cast<std::size_t>(written);
  }
  return outcome::success();
}

// Where the kernel does not copy between the two file systems.
Result<void> copy_by_hand(Copy& copy, off_t begin, off_t end) {
  const auto buffer = std::make_unique<char[]>(k_buffer);
  while (begin < end) {
    TRY(copy.reached(begin));
    const ssize_t got = ::pread(copy.from, buffer.get(), std::min<std::size_t>(k_buffer, static_cast<std::size_t>(end - begin)), begin);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_failure("read", copy.from_path, errno);
    if (got == 0) return fail(Errc::storage, "cannot copy '" + copy.from_path + "': it became shorter meanwhile");
    TRY(write_all(copy, buffer.get(), static_cast<std::size_t>(got), begin));
    begin += got;
  }
  return outcome::success();
}

Result<void> copy_data(Copy& copy, off_t begin, off_t end) {
  while (begin < end) {
    TRY(copy.reached(begin));
    off_t from = begin;
    off_t to = begin;
    const ssize_t got =
        ::copy_file_range(copy.from, &from, copy.to, &to, std::min<std::size_t>(k_chunk, static_cast<std::size_t>(end - begin)), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) return file_failure("write", copy.to_path, errno);
    // copy_file_range(2): not between these two, or not this kind of file. Zero is what some kernels say instead.
    if (got <= 0) return copy_by_hand(copy, begin, end);
    begin += got;
  }
  return outcome::success();
}

Result<void> copy_extents(Copy& copy) {
  for (off_t position = 0; position < copy.size;) {
    const off_t data = ::lseek(copy.from, position, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return outcome::success();  // nothing but a hole is left
    // A file system that knows no holes says that all is data (lseek(2)); any other error is one.
    if (data < 0) return file_failure("read", copy.from_path, errno);
    const off_t hole = ::lseek(copy.from, data, SEEK_HOLE);
    if (hole < 0) return file_failure("read", copy.from_path, errno);
    TRY(copy_data(copy, data, std::min(hole, copy.size)));
    position = hole;
  }
  return outcome::success();
}

}  // namespace

Result<CopyMethod> copy_image(const std::string& from, const std::string& to, const CopyControl& control) {
  Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) return file_failure("read", from, errno);
  struct stat status {};
  if (::fstat(source.get(), &status) != 0) return file_failure("read", from, errno);
  Descriptor target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target) return file_failure("create", to, errno);
  CopyMethod method = CopyMethod::reflink;
  if (::ioctl(target.get(), FICLONE, source.get()) != 0) {
    method = CopyMethod::sparse;
    if (::ftruncate(target.get(), status.st_size) != 0) return file_failure("write", to, errno);
    Copy copy{from, to, source.get(), target.get(), status.st_size, control};
    TRY(copy_extents(copy));
  }
  TRY(own_like(to, status));
  return method;
}

bool can_reflink(const std::string& from, const std::string& folder) {
  Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  Descriptor target(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  return source && target && ::ioctl(target.get(), FICLONE, source.get()) == 0;
}

}  // namespace zynclone::broker::storage
