#include "host-broker/storage/lvm_thin.hpp"

#include <algorithm>

#include "host-broker/storage/copy_name.hpp"
#include "system/process.hpp"

namespace zynclone::broker::storage {
namespace {

constexpr std::string_view k_tag = "zynclone";
constexpr std::size_t k_longest_report = 8 << 20;  // some 20,000 volumes in a group

bool is_ours(const LogicalVolume& volume) { return std::find(volume.tags.begin(), volume.tags.end(), k_tag) != volume.tags.end(); }

Error stranger(const VolumeName& source, const std::string& name) {
  return Error{Errc::storage, "cannot use '" + source.group + "/" + name + "' as the copy of '" + source.text() +
                                  "': a volume of this name is there already, and it is no copy made by ZynClone (tag '" +
                                  std::string(k_tag) + "', origin '" + source.volume + "')"};
}

// An origin may have been removed since; a different one is somebody else's.
Result<void> check_ours(const VolumeName& source, const LogicalVolume& copy) {
  if (!is_ours(copy) || (!copy.origin.empty() && copy.origin != source.volume)) return stranger(source, copy.name);
  return outcome::success();
}

Result<void> check_source(const VolumeName& name, const LogicalVolume* source) {
  if (source == nullptr) return fail(Errc::not_found, "cannot copy '" + name.text() + "': there is no such logical volume");
  if (!source->thin_volume)
    return fail(Errc::storage, "cannot copy '" + name.text() + "': it is no thin volume, and of block devices only thin volumes can be copied");
  return outcome::success();
}

Snapshot describe(const VolumeName& source, const LogicalVolume& copy) {
  return Snapshot{.volume = {VolumeFormat::lvm_thin, "/dev/" + source.group + "/" + copy.name}, .kind = "thin", .size = copy.size};
}

Result<void> check_share(const VolumeName& pool, std::string_view what, std::uint64_t size, std::optional<double> used_percent,
                         const Share& reserve) {
  if (!used_percent) return fail(Errc::storage, "cannot see how full thin pool '" + pool.text() + "' is: it is not active");
  const auto free = static_cast<std::uint64_t>(static_cast<double>(size) * std::max(0.0, 100.0 - *used_percent) / 100.0);
  if (free >= reserve.of(size)) return outcome::success();
  return fail(Errc::no_space, "cannot make a copy in thin pool '" + pool.text() + "': of its " + std::string(what) + ", " +
                                  bytes_text(size) + ", " + bytes_text(free) + " is free, and " + bytes_text(reserve.of(size)) +
                                  " must stay free");
}

}  // namespace

const LogicalVolume* LvmThin::Group::find(const std::string& name) const {
  const auto found = std::find_if(volumes.begin(), volumes.end(), [&](const LogicalVolume& volume) { return volume.name == name; });
  return found == volumes.end() ? nullptr : &*found;
}

asio::awaitable<Result<std::string>> LvmThin::run_tool(std::vector<std::string> arguments) {
  ProcessOptions options;
  options.limit = settings_.tool_limit;
  options.most_output = k_longest_report;
  co_return co_await run_checked(std::move(arguments), Errc::storage, options);
}

// One run of lvs for the whole group gives source, pool and copy as of one moment, and costs as much as one for a single volume.
asio::awaitable<Result<LvmThin::Group>> LvmThin::read_group(std::string path) {
  Group group;
  CO_TRY(group.source, parse_lvm_path(path));
  std::vector<std::string> arguments = {"lvs",   "--reportformat", "json", "--units", "b", "--nosuffix", "-o", std::string(k_lvs_columns),
                                        "--", group.source.group};
  auto report = co_await run_tool(std::move(arguments));
  if (!report) {
    Error error = report.error();
    if (error.message.find("not found") != std::string::npos) error.code = Errc::not_found;
    co_return with_context(std::move(error), "cannot read volume group '" + group.source.group + "'");
  }
  CO_TRY(group.volumes, parse_lvs_report(report.value()));
  co_return group;
}

Result<void> LvmThin::check_pool(const Group& group) const {
  const LogicalVolume* source = group.find(group.source.volume);
  TRY(check_source(group.source, source));
  const VolumeName name{group.source.group, source->pool};
  const LogicalVolume* pool = group.find(source->pool);
  if (pool == nullptr) return fail(Errc::storage, "cannot find thin pool '" + name.text() + "' of '" + group.source.text() + "'");
  TRY(check_share(name, "data", pool->size, pool->data_percent, settings_.reserve.pool_data));
  return check_share(name, "metadata", pool->metadata_size, pool->metadata_percent, settings_.reserve.pool_metadata);
}

asio::awaitable<Result<void>> LvmThin::check_room(Volume source) {
  CO_TRY(const Group group, co_await read_group(source.path));
  co_return check_pool(group);
}

asio::awaitable<Result<std::optional<Snapshot>>> LvmThin::find_snapshot(SnapshotRequest request) {
  CO_TRY(check_copy_name(request.name));
  CO_TRY(const Group group, co_await read_group(request.source.path));
  const LogicalVolume* copy = group.find(request.name);
  if (copy == nullptr) co_return std::optional<Snapshot>();
  CO_TRY(check_ours(group.source, *copy));
  // Made, but cut short before it was activated: `snapshot` goes on from here.
  if (!copy->active) co_return std::optional<Snapshot>();
  co_return std::optional<Snapshot>(describe(group.source, *copy));
}

asio::awaitable<Result<Snapshot>> LvmThin::snapshot(SnapshotRequest request) {
  CO_TRY(check_copy_name(request.name));
  CO_TRY(const Group group, co_await read_group(request.source.path));
  const VolumeName copy_name{group.source.group, request.name};
  if (const LogicalVolume* copy = group.find(request.name)) {
    CO_TRY(check_ours(group.source, *copy));
    if (!copy->active) {
      std::vector<std::string> activate = {"lvchange", "-q", "--activate", "y", "--ignoreactivationskip", "--", copy_name.text()};
      CO_TRY(co_await run_tool(std::move(activate)));
    }
    co_return describe(group.source, *copy);
  }
  CO_TRY(check_pool(group));
  // -kn: a thin snapshot is otherwise left inactive, now and after each boot (lvcreate(8), --setactivationskip).
  std::vector<std::string> create = {"lvcreate", "-q",   "--snapshot",      "--setactivationskip", "n", "--addtag", std::string(k_tag),
                                     "--name",   request.name, "--", group.source.text()};
  auto created = co_await run_tool(std::move(create));
  if (!created) {
    (void)co_await remove(request);
    co_return with_context(created.error(), "cannot copy '" + request.source.path + "'");
  }
  LogicalVolume copy = *group.find(group.source.volume);
  copy.name = request.name;
  co_return describe(group.source, copy);
}

asio::awaitable<Result<void>> LvmThin::remove(SnapshotRequest request) {
  CO_TRY(check_copy_name(request.name));
  CO_TRY(const Group group, co_await read_group(request.source.path));
  const LogicalVolume* copy = group.find(request.name);
  if (copy == nullptr) co_return outcome::success();
  CO_TRY(check_ours(group.source, *copy));
  const VolumeName copy_name{group.source.group, request.name};
  // --yes --force answer the question whether an active volume shall go; one that is open is refused all the same.
  std::vector<std::string> arguments = {"lvremove", "-q", "--yes", "--force", "--", copy_name.text()};
  CO_TRY(co_await run_tool(std::move(arguments)));
  co_return outcome::success();
}

asio::awaitable<Result<std::uint64_t>> LvmThin::size_of(Volume volume) {
  CO_TRY(const Group group, co_await read_group(volume.path));
  const LogicalVolume* found = group.find(group.source.volume);
  if (found == nullptr) co_return fail(Errc::not_found, "cannot find '" + volume.path + "': there is no such logical volume");
  co_return found->size;
}

}  // namespace zynclone::broker::storage
