#include "guest-agent-linux/client/change.hpp"

namespace zynclone::client {
namespace {

using Kind = Change::Data::Kind;

// The service says what else is not allowed.
zynclone::Result<std::optional<std::uint64_t>> seconds_of(const std::optional<std::chrono::seconds>& time) {
  if (!time) return std::optional<std::uint64_t>();
  if (time->count() >= 0) return std::optional<std::uint64_t>(static_cast<std::uint64_t>(time->count()));
  return fail(Errc::invalid_argument, "cannot use a time of " + std::to_string(time->count()) + " s: it is negative");
}

zynclone::Result<protocol::Method> create_of(const Change::Data& data, CloneName name) {
  protocol::CloneCreate call{std::move(name), static_cast<protocol::CloneMode>(data.options.mode), data.options.start, data.options.note};
  TRY(call.ttl_s, seconds_of(data.options.time_to_live));
  if (data.options.network) call.network = static_cast<protocol::CloneNetwork>(*data.options.network);
  return protocol::Method(std::move(call));
}

zynclone::Result<protocol::Method> cutover_of(const Change::Data& data, CloneName name) {
  protocol::CutoverStart call{.name = std::move(name)};
  TRY(call.probation_s, seconds_of(data.cutover.probation));
  if (data.cutover.after_probation) call.after_probation = static_cast<protocol::AfterProbation>(*data.cutover.after_probation);
  return protocol::Method(std::move(call));
}

zynclone::Result<protocol::Method> rename_of(const Change::Data& data, CloneName name) {
  TRY(auto new_name, CloneName::parse(data.new_name));
  return protocol::Method(protocol::CloneRename{std::move(name), std::move(new_name)});
}

zynclone::Result<protocol::Method> switch_of(const Change::Data& data, CloneName member) {
  TRY(auto volume, VolumeName::parse(data.volume));
  return protocol::Method(protocol::VolumeSwitch{std::move(volume), std::move(member)});
}

zynclone::Result<protocol::Method> method_of(const Change::Data& data) {
  if (data.kind == Kind::commit_cutover) return protocol::Method(protocol::CutoverCommit{});
  if (data.kind == Kind::undo_cutover) return protocol::Method(protocol::CutoverUndo{});
  TRY(auto name, CloneName::parse(data.name));
  switch (data.kind) {
    case Kind::start: return protocol::Method(protocol::CloneStart{std::move(name)});
    case Kind::stop: return protocol::Method(protocol::CloneStop{std::move(name)});
    case Kind::activate: return protocol::Method(protocol::CloneActivate{std::move(name)});
    case Kind::deactivate: return protocol::Method(protocol::CloneDeactivate{std::move(name)});
    case Kind::remove: return protocol::Method(protocol::CloneRemove{std::move(name)});
    case Kind::protect: return protocol::Method(protocol::CloneProtect{std::move(name)});
    case Kind::unprotect: return protocol::Method(protocol::CloneUnprotect{std::move(name)});
    case Kind::rename: return rename_of(data, std::move(name));
    case Kind::start_cutover: return cutover_of(data, std::move(name));
    case Kind::switch_volume: return switch_of(data, std::move(name));
    case Kind::commit_cutover:
    case Kind::undo_cutover:
    case Kind::create: break;
  }
  return create_of(data, std::move(name));
}

}  // namespace

Change::Change(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

Change Change::create(std::string name, CreateOptions options) {
  return Change(std::make_shared<Data>(Data{.kind = Kind::create, .name = std::move(name), .options = std::move(options)}));
}

Change Change::start(std::string name) {
  return Change(std::make_shared<Data>(Data{.kind = Kind::start, .name = std::move(name)}));
}

Change Change::stop(std::string name) {
  return Change(std::make_shared<Data>(Data{.kind = Kind::stop, .name = std::move(name)}));
}

Change Change::activate(std::string name) {
  return Change(std::make_shared<Data>(Data{.kind = Kind::activate, .name = std::move(name)}));
}

Change Change::deactivate(std::string name) {
  return Change(std::make_shared<Data>(Data{.kind = Kind::deactivate, .name = std::move(name)}));
}

Change Change::remove(std::string name) {
  return Change(std::make_shared<Data>(Data{.kind = Kind::remove, .name = std::move(name)}));
}

Change Change::rename(std::string name, std::string new_name) {
  return Change(std::make_shared<Data>(Data{.kind = Kind::rename, .name = std::move(name), .new_name = std::move(new_name)}));
}

Change Change::protect(std::string name) {
  return Change(std::make_shared<Data>(Data{.kind = Kind::protect, .name = std::move(name)}));
}

Change Change::unprotect(std::string name) {
  return Change(std::make_shared<Data>(Data{.kind = Kind::unprotect, .name = std::move(name)}));
}

Change Change::start_cutover(std::string member, CutoverOptions options) {
  return Change(std::make_shared<Data>(Data{.kind = Kind::start_cutover, .name = std::move(member), .cutover = options}));
}

Change Change::commit_cutover() {
  return Change(std::make_shared<Data>(Data{.kind = Kind::commit_cutover}));
}

Change Change::undo_cutover() {
  return Change(std::make_shared<Data>(Data{.kind = Kind::undo_cutover}));
}

Change Change::switch_volume(std::string volume, std::string member) {
  return Change(std::make_shared<Data>(Data{.kind = Kind::switch_volume, .name = std::move(member), .volume = std::move(volume)}));
}

Change Change::with_request_id(std::string id) const {
  auto data = std::make_shared<Data>(*data_);
  data->request_id = std::move(id);
  return Change(std::move(data));
}

zynclone::Result<protocol::Request> request_of(const Change::Data& data) {
  protocol::Request request;
  TRY(request.method, method_of(data));
  if (data.request_id.empty()) {
    TRY(request.request_id, RequestId::parse("client-" + make_operation_id(std::chrono::system_clock::now()).text()));
  } else {
    TRY(request.request_id, RequestId::parse(data.request_id));
  }
  return request;
}

}  // namespace zynclone::client
