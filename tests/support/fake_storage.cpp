#include "tests/support/fake_storage.hpp"

namespace zynclone::tests {

std::string FakeStorage::path_of(const broker::SnapshotRequest& request) {
  return request.source.path.substr(0, request.source.path.rfind('/') + 1) + request.name;
}

Result<void> FakeStorage::begin(std::string call) {
  calls.push_back(std::move(call));
  if (fails) {
    if (auto error = fails(calls.back())) return outcome::failure(std::move(*error));
  }
  return outcome::success();
}

asio::awaitable<Result<void>> FakeStorage::check_room(broker::Volume source, broker::SourceUse) {
  CO_TRY(begin("check_room " + source.path));
  if (!volumes.contains(source.path)) co_return fail(Errc::not_found, "cannot find volume '" + source.path + "'", source.path);
  co_return outcome::success();
}

asio::awaitable<Result<std::optional<broker::Snapshot>>> FakeStorage::find_snapshot(broker::SnapshotRequest request) {
  const auto found = volumes.find(path_of(request));
  if (found == volumes.end()) co_return std::optional<broker::Snapshot>();
  broker::Snapshot snapshot;
  snapshot.volume.format = request.source.format;
  snapshot.volume.path = found->first;
  snapshot.kind = "thin";
  snapshot.size = found->second;
  snapshot.source_needs_switch = copies_need_switch && request.use == broker::SourceUse::in_use;
  co_return std::optional<broker::Snapshot>(snapshot);
}

asio::awaitable<Result<broker::Snapshot>> FakeStorage::snapshot(broker::SnapshotRequest request) {
  CO_TRY(begin("snapshot " + request.source.path));
  const auto source = volumes.find(request.source.path);
  if (source == volumes.end()) co_return fail(Errc::not_found, "cannot find volume '" + request.source.path + "'", request.source.path);
  volumes.emplace(path_of(request), source->second);
  CO_TRY(auto made, co_await find_snapshot(request));
  co_return std::move(*made);
}

asio::awaitable<Result<void>> FakeStorage::remove(broker::SnapshotRequest request) {
  CO_TRY(begin("remove " + path_of(request)));
  volumes.erase(path_of(request));
  co_return outcome::success();
}

asio::awaitable<Result<std::uint64_t>> FakeStorage::size_of(broker::Volume volume) {
  const auto found = volumes.find(volume.path);
  if (found == volumes.end()) co_return fail(Errc::not_found, "cannot find volume '" + volume.path + "'", volume.path);
  co_return found->second;
}

asio::awaitable<Result<broker::Storage::Layers>> FakeStorage::layers_of(broker::Volume volume) {
  const auto found = layers.find(volume.path);
  co_return found == layers.end() ? Layers{} : found->second;
}

}  // namespace zynclone::tests
