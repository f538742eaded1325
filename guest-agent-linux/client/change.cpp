#include "guest-agent-linux/client/change.hpp"

namespace zynclone::client {
namespace {

using Kind = Change::Data::Kind;

protocol::Method method_of(const Change::Data& data, CloneName name, CloneName new_name) {
  switch (data.kind) {
    case Kind::start: return protocol::CloneStart{std::move(name)};
    case Kind::stop: return protocol::CloneStop{std::move(name)};
    case Kind::activate: return protocol::CloneActivate{std::move(name)};
    case Kind::deactivate: return protocol::CloneDeactivate{std::move(name)};
    case Kind::remove: return protocol::CloneRemove{std::move(name)};
    case Kind::rename: return protocol::CloneRename{std::move(name), std::move(new_name)};
    case Kind::create: break;
  }
  return protocol::CloneCreate{std::move(name), static_cast<protocol::CloneMode>(data.options.mode), data.options.start, data.options.note};
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

Change Change::with_request_id(std::string id) const {
  auto data = std::make_shared<Data>(*data_);
  data->request_id = std::move(id);
  return Change(std::move(data));
}

zynclone::Result<protocol::Request> request_of(const Change::Data& data) {
  TRY(auto name, CloneName::parse(data.name));
  CloneName new_name;
  if (data.kind == Kind::rename) {
    TRY(new_name, CloneName::parse(data.new_name));
  }
  protocol::Request request;
  request.method = method_of(data, std::move(name), std::move(new_name));
  if (data.request_id.empty()) {
    TRY(request.request_id, RequestId::parse("client-" + make_operation_id(std::chrono::system_clock::now()).text()));
  } else {
    TRY(request.request_id, RequestId::parse(data.request_id));
  }
  return request;
}

}  // namespace zynclone::client
