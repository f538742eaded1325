#include "host-broker/core/records.hpp"

#include "protocol/codec.hpp"

namespace zynclone::broker {
namespace {

// The member that it is about; empty where the request names none.
std::string target_of(const protocol::Method& method) {
  return std::visit(
      [](const auto& m) -> std::string {
        if constexpr (requires { m.name.text(); }) return m.name.text();
        else if constexpr (requires { m.to.text(); }) return m.to.text();
        else if constexpr (requires { m.command; m.clone->text(); }) return m.clone ? m.clone->text() : std::string();
        else return {};
      },
      method);
}

}  // namespace

OperationRecord new_record(const Family& family, const protocol::Method& method, Timestamp now) {
  OperationRecord record;
  record.id = make_operation_id(now);
  record.family = family.uuid;
  record.vm = family.vm;
  // As it is journalled and compared: without what belongs to this call of it alone.
  record.request = protocol::encode_request(protocol::Request{.id = 0, .method = method, .vm = family.vm});
  record.kind = protocol::method_name(method);
  record.target = target_of(method);
  record.created = now;
  return record;
}

bool is_of_administrator(const OperationRecord& record) { return record.requester.starts_with("admin:"); }

bool goes_before_guests(const OperationRecord& record) { return is_of_administrator(record) || record.requester == k_broker; }

std::string actor_of(const OperationRecord& record) {
  const bool is_of_member = !is_of_administrator(record) && record.requester != k_broker;
  return is_of_member ? record.vm.text() + '/' + record.requester_name : record.requester;
}

}  // namespace zynclone::broker
