#include "guest-agent-linux/file_stores.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>

#include "system/file.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

constexpr std::size_t k_longest_record = 16 * 1024;

void make_folder_of(const std::filesystem::path& file) {
  std::error_code ignored;  // writing the file says what is wrong
  std::filesystem::create_directories(file.parent_path(), ignored);
}

}  // namespace

Result<void> FileQuiesceStore::save(const QuiesceRecord& record) {
  make_folder_of(file_);
  return write_file_whole(file_, encode_quiesce_record(record), 0600);
}

Result<std::optional<QuiesceRecord>> FileQuiesceStore::load() {
  auto text = read_file(file_, k_longest_record);
  if (!text && text.error().code == Errc::not_found) return std::optional<QuiesceRecord>();
  if (!text) return text.error();
  auto record = decode_quiesce_record(text.value());
  if (!record) return with_context(record.error(), "cannot use '" + file_.string() + "'");
  return std::optional<QuiesceRecord>(std::move(record).value());
}

Result<void> FileQuiesceStore::clear() { return remove_file(file_); }

Result<void> FileVolumeStore::save(const VolumeName& volume, const VolumeRecord& record) {
  const auto file = folder_ / volume.text();
  make_folder_of(file);
  return write_file_whole(file, encode_volume_record(record), 0600);
}

Result<std::optional<VolumeRecord>> FileVolumeStore::load(const VolumeName& volume) {
  const auto file = folder_ / volume.text();
  auto text = read_file(file, k_longest_record);
  if (!text && text.error().code == Errc::not_found) return std::optional<VolumeRecord>();
  if (!text) return text.error();
  auto record = decode_volume_record(text.value());
  if (!record) return with_context(record.error(), "cannot use '" + file.string() + "'");
  return std::optional<VolumeRecord>(std::move(record).value());
}

Result<void> FileVolumeStore::clear() {
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
  if (error) return fail(Errc::system, "cannot remove '" + folder_.string() + "': " + error.message());
  return outcome::success();
}

Result<void> FileIdentityStore::save(const IdentityRecord& record) {
  make_folder_of(file_);
  return write_file_whole(file_, encode_identity_record(record), 0600);
}

Result<std::optional<IdentityRecord>> FileIdentityStore::load() {
  auto text = read_file(file_, k_longest_record);
  if (!text && text.error().code == Errc::not_found) return std::optional<IdentityRecord>();
  if (!text) return text.error();
  auto record = decode_identity_record(text.value());
  if (!record) return with_context(record.error(), "cannot use '" + file_.string() + "'");
  return std::optional<IdentityRecord>(std::move(record).value());
}

Result<Descriptor> lock_state_folder(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "lock";
  make_folder_of(file);
  Descriptor lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return fail(Errc::system, "cannot open '" + file.string() + "': " + std::strerror(errno));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return fail(Errc::already_exists, "cannot lock '" + file.string() + "': another agent holds it");
  return fail(Errc::system, "cannot lock '" + file.string() + "': " + std::strerror(errno));
}

std::optional<Uuid> FileLastIdentity::load() {
  auto text = read_file(file_, 128);
  if (!text) {
    if (text.error().code != Errc::not_found) log_warning(text.error().message);
    return std::nullopt;
  }
  std::string_view line = text.value();
  if (line.ends_with('\n')) line.remove_suffix(1);
  auto uuid = Uuid::parse(line);
  if (uuid) return uuid.value();
  log_warning("cannot use '" + file_.string() + "': " + uuid.error().message);
  return std::nullopt;
}

Result<void> FileLastIdentity::save(const Uuid& uuid) {
  make_folder_of(file_);
  return write_file_whole(file_, uuid.text() + "\n", 0644);
}

}  // namespace zynclone::agent
