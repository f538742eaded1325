#include "host-broker/storage/raw_file.hpp"

#include "host-broker/storage/copy_name.hpp"
#include "host-broker/storage/files.hpp"
#include "host-broker/storage/sparse_copy.hpp"
#include "protocol/names.hpp"

namespace zynclone::broker::storage {
namespace {

constexpr std::uint64_t k_block = 512;  // stat(2): the unit of st_blocks, whatever the file system's own

struct Paths {
  std::string copy;
  std::string part;  // the copy until it is whole
};

Result<Paths> paths_of(const SnapshotRequest& request, const std::string& copy_folder) {
  TRY(check_copy_name(request.name));
  TRY(check_path(request.source.path));
  const std::string copy = (copy_folder.empty() ? folder_of(request.source.path) : copy_folder) + "/" + request.name;
  return Paths{copy, copy + ".part"};
}

// A reflink takes no room of its own until one of the two is written to; that is what the reserve is for.
Result<void> check_room_for(const Volume& source, SourceUse use, const std::string& folder, const Share& reserve) {
  TRY(const auto status, check_image_file(source.path));
  const bool shares = can_reflink(source.path, folder);
  if (!shares && use == SourceUse::in_use) {
    return fail(Errc::conflict, "cannot copy '" + source.path + "' while its VM runs: the file system of '" + folder +
                                    "' does not share blocks between files, and a copy made block by block would not be of one instant; "
                                    "shut the VM down and use mode offline, or keep the disk as qcow2 or on LVM");
  }
  return check_free(folder, shares ? 0 : static_cast<std::uint64_t>(status.st_blocks) * k_block, reserve);
}

std::string kind_of(CopyMethod method) { return method == CopyMethod::reflink ? "reflink" : "sparse copy"; }

Result<std::optional<Snapshot>> find_copy(const SnapshotRequest& request, const Paths& paths) {
  TRY(const auto copy, look_at_file(paths.copy));
  if (!copy) return std::optional<Snapshot>();
  if (!S_ISREG(copy->st_mode)) return fail(Errc::storage, "cannot use '" + paths.copy + "' as a copy: it is no regular file");
  TRY(const auto source, look_at_file(request.source.path));
  if (same_file(copy, source)) return fail(Errc::storage, "cannot use '" + paths.copy + "' as a copy: it is its own source");
  // By which way it was made is not written down; this kind is true of both.
  return std::optional<Snapshot>(Snapshot{
      .volume = {VolumeFormat::raw, paths.copy}, .kind = "file copy", .size = static_cast<std::uint64_t>(copy->st_size)});
}

Result<Snapshot> make_copy(const SnapshotRequest& request, const Paths& paths, const Share& reserve, const CopyControl& control) {
  TRY(check_room_for(request.source, request.use, folder_of(paths.copy), reserve));
  TRY(remove_image(paths.part));
  auto copied = copy_image(request.source.path, paths.part, control);
  if (!copied) {
    (void)remove_image(paths.part);
    return copied.error();
  }
  TRY(const auto copy, look_at_file(paths.part));
  TRY(rename_image(paths.part, paths.copy));
  return Snapshot{.volume = {VolumeFormat::raw, paths.copy},
                  .kind = kind_of(copied.value()),
                  .size = static_cast<std::uint64_t>(copy ? copy->st_size : 0)};
}

}  // namespace

RawFile::RawFile(Settings settings, asio::thread_pool& quick, asio::thread_pool& copying)
    : settings_(std::move(settings)), quick_(quick), copying_(copying) {}

RawFile::~RawFile() { *stop_ = true; }

asio::awaitable<Result<void>> RawFile::check_room(Volume source, SourceUse use) {
  auto check = [source, use, settings = settings_]() -> Result<void> {
    TRY(check_path(source.path));
    return check_room_for(source, use, settings.copy_folder.empty() ? folder_of(source.path) : settings.copy_folder, settings.reserve.files);
  };
  co_return co_await run_blocking(quick_, check);
}

asio::awaitable<Result<std::optional<Snapshot>>> RawFile::find_snapshot(SnapshotRequest request) {
  CO_TRY(auto paths, paths_of(request, settings_.copy_folder));
  auto find = [request, paths] { return find_copy(request, paths); };
  co_return co_await run_blocking(quick_, find);
}

asio::awaitable<Result<Snapshot>> RawFile::snapshot(SnapshotRequest request) {
  CO_TRY(auto paths, paths_of(request, settings_.copy_folder));
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto copy = [request, paths, reserve = settings_.reserve.files, stop = stop_, executor]() -> Result<Snapshot> {
    TRY(auto found, find_copy(request, paths));
    if (found) return *found;
    CopyControl control{*stop, {}};
    if (request.progress) {
      control.progress = [executor, tell = request.progress](unsigned percent) { asio::post(executor, [tell, percent] { tell(percent); }); };
    }
    return make_copy(request, paths, reserve, control);
  };
  auto made = co_await run_blocking(copying_, copy);
  if (!made) co_return with_context(made.error(), "cannot copy '" + printable(request.source.path) + "'");
  co_return made;
}

asio::awaitable<Result<void>> RawFile::remove(SnapshotRequest request) {
  CO_TRY(auto paths, paths_of(request, settings_.copy_folder));
  auto take_away = [request, paths]() -> Result<void> {
    TRY(auto copy, look_at_file(paths.copy));
    TRY(auto source, look_at_file(request.source.path));
    if (copy && (!S_ISREG(copy->st_mode) || same_file(copy, source)))
      return fail(Errc::storage, "cannot remove '" + paths.copy + "': it is no copy of '" + request.source.path + "'");
    TRY(remove_image(paths.part));
    return remove_image(paths.copy);
  };
  co_return co_await run_blocking(quick_, take_away);
}

asio::awaitable<Result<std::uint64_t>> RawFile::size_of(Volume volume) {
  auto look = [path = volume.path]() -> Result<std::uint64_t> {
    TRY(auto status, check_image_file(path));
    return static_cast<std::uint64_t>(status.st_size);
  };
  co_return co_await run_blocking(quick_, look);
}

}  // namespace zynclone::broker::storage
