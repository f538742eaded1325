#include "host-broker/storage/lvm_thin.hpp"

#include <algorithm>
#include <unistd.h>

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

Snapshot describe(const VolumeName& source, const std::string& copy, std::uint64_t size) {
  return Snapshot{.volume = {VolumeFormat::lvm_thin, "/dev/" + source.group + "/" + copy}, .kind = "thin", .size = size};
}

Result<void> check_share(const std::string& pool, std::string_view what, std::uint64_t size, std::uint64_t used, const Share& reserve) {
  const std::uint64_t free = size - std::min(used, size);
  if (free >= reserve.of(size)) return outcome::success();
  return fail(Errc::no_space, "cannot make a copy in thin pool " + pool + ": of its " + std::string(what) + ", " + bytes_text(size) +
                                  ", " + bytes_text(free) + " is free, and " + bytes_text(reserve.of(size)) + " must stay free");
}

std::uint64_t part_of(std::uint64_t whole, double percent) {
  return static_cast<std::uint64_t>(static_cast<double>(whole) * std::clamp(percent, 0.0, 100.0) / 100.0);
}

// An active volume has a node of its name; udev makes it before lvcreate ends.
bool has_node(const VolumeName& name) { return ::access(name.path().c_str(), F_OK) == 0; }

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

Result<void> LvmThin::check_use(const std::string& pool, const PoolUse& use) const {
  if (use.mode != "rw") return fail(Errc::storage, "cannot make a copy in thin pool " + pool + ": it is in mode '" + printable(use.mode) + "'");
  TRY(check_share(pool, "data", use.data_size, use.data_used, settings_.reserve.pool_data));
  return check_share(pool, "metadata", use.metadata_size, use.metadata_used, settings_.reserve.pool_metadata);
}

Result<void> LvmThin::check_pool(const Group& group) const {
  const LogicalVolume* source = group.find(group.source.volume);
  TRY(check_source(group.source, source));
  const std::string name = "'" + group.source.group + "/" + source->pool + "'";
  const LogicalVolume* pool = group.find(source->pool);
  if (pool == nullptr) return fail(Errc::storage, "cannot find thin pool " + name + " of '" + group.source.text() + "'");
  if (!pool->data_percent || !pool->metadata_percent)
    return fail(Errc::storage, "cannot see how full thin pool " + name + " is: it is not active");
  return check_use(name, PoolUse{.data_size = pool->size,
                                 .data_used = part_of(pool->size, *pool->data_percent),
                                 .metadata_size = pool->metadata_size,
                                 .metadata_used = part_of(pool->metadata_size, *pool->metadata_percent),
                                 .mode = "rw"});
}

// The device mapper knows of active volumes only; lvs knows the others, and why a volume is none to copy.
asio::awaitable<Result<void>> LvmThin::check_room(Volume source, SourceUse) {
  CO_TRY(const auto name, parse_lvm_path(source.path));
  if (const auto status = ask_thin_volume(name.mapper_name())) co_return check_use("of '" + name.text() + "'", status->pool);
  CO_TRY(const Group group, co_await read_group(source.path));
  co_return check_pool(group);
}

asio::awaitable<Result<std::optional<Snapshot>>> LvmThin::find_snapshot(SnapshotRequest request) {
  CO_TRY(check_copy_name(request.name));
  CO_TRY(const auto source, parse_lvm_path(request.source.path));
  // Where the device mapper answers, a volume without a node is not active, and so no whole copy.
  if (ask_thin_volume(source.mapper_name()) && !has_node({source.group, request.name})) co_return std::optional<Snapshot>();
  CO_TRY(const Group group, co_await read_group(request.source.path));
  const LogicalVolume* copy = group.find(request.name);
  if (copy == nullptr) co_return std::optional<Snapshot>();
  CO_TRY(check_ours(group.source, *copy));
  // Made, but cut short before it was activated: `snapshot` goes on from here.
  if (!copy->active) co_return std::optional<Snapshot>();
  co_return std::optional<Snapshot>(describe(group.source, copy->name, copy->size));
}

asio::awaitable<Result<Snapshot>> LvmThin::make(VolumeName source, SnapshotRequest request, std::uint64_t size) {
  // -kn: a thin snapshot is otherwise left inactive, now and after each boot (lvcreate(8), --setactivationskip).
  std::vector<std::string> create = {"lvcreate", "-q",   "--snapshot",      "--setactivationskip", "n", "--addtag", std::string(k_tag),
                                     "--name",   request.name, "--", source.text()};
  auto created = co_await run_tool(std::move(create));
  if (created) co_return describe(source, request.name, size);
  Error error = created.error();
  // What is there was not made here, and is not to be removed here.
  if (error.message.find("already exists") != std::string::npos) co_return fail(Errc::already_exists, error.message);
  (void)co_await remove(request);
  co_return error;
}

// By lvs, with all that may be found there: a copy from before, whole or not, or a stranger's volume.
asio::awaitable<Result<Snapshot>> LvmThin::take_up(SnapshotRequest request) {
  CO_TRY(const Group group, co_await read_group(request.source.path));
  const LogicalVolume* copy = group.find(request.name);
  if (copy == nullptr) {
    CO_TRY(check_pool(group));
    const std::uint64_t size = group.find(group.source.volume)->size;
    co_return co_await make(group.source, request, size);
  }
  CO_TRY(check_ours(group.source, *copy));
  if (!copy->active) {
    std::vector<std::string> activate = {"lvchange", "-q", "--activate", "y", "--ignoreactivationskip", "--",
                                         group.source.group + "/" + request.name};
    CO_TRY(co_await run_tool(std::move(activate)));
  }
  co_return describe(group.source, copy->name, copy->size);
}

asio::awaitable<Result<Snapshot>> LvmThin::snapshot(SnapshotRequest request) {
  CO_TRY(check_copy_name(request.name));
  CO_TRY(const auto source, parse_lvm_path(request.source.path));
  const auto status = ask_thin_volume(source.mapper_name());
  // The usual way runs one program, lvcreate.
  const bool usual = status && !has_node({source.group, request.name});
  Result<Snapshot> made = fail(Errc::already_exists, "not tried yet");
  if (usual) {
    CO_TRY(check_use("of '" + source.text() + "'", status->pool));
    made = co_await make(source, request, status->size);
  }
  if (!made && made.error().code == Errc::already_exists) made = co_await take_up(request);
  if (made) co_return made;
  co_return with_context(made.error(), "cannot copy '" + request.source.path + "'");
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
  CO_TRY(const auto name, parse_lvm_path(volume.path));
  if (const auto status = ask_thin_volume(name.mapper_name())) co_return status->size;
  CO_TRY(const Group group, co_await read_group(volume.path));
  const LogicalVolume* found = group.find(group.source.volume);
  if (found == nullptr) co_return fail(Errc::not_found, "cannot find '" + volume.path + "': there is no such logical volume");
  co_return found->size;
}

}  // namespace zynclone::broker::storage
