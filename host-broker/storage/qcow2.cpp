#include "host-broker/storage/qcow2.hpp"

#include "host-broker/storage/copy_name.hpp"
#include "host-broker/storage/qcow2_layers.hpp"
#include "system/process.hpp"

namespace zynclone::broker::storage {

asio::awaitable<Result<void>> Qcow2::check_room(Volume source, SourceUse) {
  auto check = [source, settings = settings_]() -> Result<void> {
    TRY(check_image_file(source.path));
    TRY(read_qcow2_header(source.path));
    TRY(check_free(folder_of(source.path), 0, settings.reserve.files));
    return settings.copy_folder.empty() ? Result<void>(outcome::success())
                                        : check_free(settings.copy_folder, 0, settings.reserve.files);
  };
  co_return co_await run_blocking(pool_, check);
}

asio::awaitable<Result<std::optional<Snapshot>>> Qcow2::find_snapshot(SnapshotRequest request) {
  CO_TRY(auto layers, Qcow2Layers::create(request, settings_.copy_folder));
  auto find = [layers]() -> Result<std::optional<Snapshot>> {
    TRY(auto found, layers.find());
    // Made, but its source still writes where it must not: not whole before Toolstack::switch_layer, and `snapshot` asks for that.
    if (found && found->source_needs_switch) return std::optional<Snapshot>();
    return found;
  };
  co_return co_await run_blocking(pool_, find);
}

asio::awaitable<Result<Snapshot>> Qcow2::make(SnapshotRequest request) {
  CO_TRY(auto layers, Qcow2Layers::create(request, settings_.copy_folder));
  auto prepare = [layers, reserve = settings_.reserve.files]() mutable -> Result<std::pair<Qcow2Layers, Qcow2Header>> {
    TRY(auto header, layers.prepare(reserve));
    return std::pair(layers, header);
  };
  CO_TRY(const auto prepared, co_await run_blocking(pool_, prepare));
  // -u: the backing file has its name only later. The size is the source's; without -u, qemu-img would read it there.
  std::vector<std::string> arguments = {"qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", prepared.first.base(), "-F", "qcow2",
                                        prepared.first.top(), std::to_string(prepared.second.size)};
  ProcessOptions options;
  options.limit = settings_.tool_limit;
  CO_TRY(co_await run_checked(std::move(arguments), Errc::storage, options));
  auto put_in_place = [ready = prepared.first]() mutable { return ready.put_in_place(); };
  co_return co_await run_blocking(pool_, put_in_place);
}

asio::awaitable<Result<Snapshot>> Qcow2::snapshot(SnapshotRequest request) {
  CO_TRY(auto layers, Qcow2Layers::create(request, settings_.copy_folder));
  auto find = [layers] { return layers.find(); };
  CO_TRY(auto found, co_await run_blocking(pool_, find));
  if (found) co_return *found;
  auto made = co_await make(request);
  if (!made) {
    // A stranger's file of the copy's name fails above, so what is removed is what was made here.
    (void)co_await remove(request);
    co_return with_context(made.error(), "cannot copy '" + request.source.path + "'");
  }
  co_return made;
}

asio::awaitable<Result<void>> Qcow2::remove(SnapshotRequest request) {
  CO_TRY(auto layers, Qcow2Layers::create(request, settings_.copy_folder));
  auto take_away = [layers] { return layers.remove(); };
  co_return co_await run_blocking(pool_, take_away);
}

asio::awaitable<Result<std::uint64_t>> Qcow2::size_of(Volume volume) {
  auto read = [path = volume.path]() -> Result<std::uint64_t> {
    TRY(auto header, read_qcow2_header(path));
    return header.size;
  };
  co_return co_await run_blocking(pool_, read);
}

asio::awaitable<Result<Storage::Layers>> Qcow2::layers_of(Volume volume) {
  auto count = [path = volume.path]() -> Result<Layers> {
    TRY(const auto header, read_qcow2_header(path));
    TRY(const unsigned layers, count_layers(header));
    return Layers{.count = layers, .most = k_most_layers};
  };
  co_return co_await run_blocking(pool_, count);
}

}  // namespace zynclone::broker::storage
