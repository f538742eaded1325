#include "host-broker/core/operations/operations.hpp"
#include "protocol/codec.hpp"

namespace zynclone::broker {
namespace {

// Which maker is for which message; what is no operation has none.
struct Makers {
  Context context;

  auto operator()(protocol::CloneCreate call) { return make_clone_create(context, std::move(call)); }
  auto operator()(protocol::CloneStart call) { return make_clone_start(context, std::move(call)); }
  auto operator()(protocol::CloneStop call) { return make_clone_stop(context, std::move(call)); }
  auto operator()(protocol::CloneActivate call) { return make_clone_activate(context, std::move(call)); }
  auto operator()(protocol::CloneDeactivate call) { return make_clone_deactivate(context, std::move(call)); }
  auto operator()(protocol::CloneRemove call) { return make_clone_remove(context, std::move(call)); }
  auto operator()(protocol::CloneProtect call) { return make_clone_protect(context, std::move(call)); }
  auto operator()(protocol::CloneUnprotect call) { return make_clone_unprotect(context, std::move(call)); }
  auto operator()(protocol::CloneRename call) { return make_clone_rename(context, std::move(call)); }

  auto operator()(protocol::CutoverStart call) { return make_cutover_start(context, std::move(call)); }
  auto operator()(protocol::CutoverCommit call) { return make_cutover_commit(context, std::move(call)); }
  auto operator()(protocol::CutoverUndo call) { return make_cutover_undo(context, std::move(call)); }
  auto operator()(protocol::VmRepair call) { return make_vm_repair(context, std::move(call)); }
  auto operator()(protocol::VolumeSwitch call) { return make_volume_switch(context, std::move(call)); }
  auto operator()(protocol::AgentRun call) { return make_agent_run(context, std::move(call)); }

  template <class Other>
  asio::awaitable<Result<Operation>> operator()(Other) {
    return none(context.record.kind);
  }
  static asio::awaitable<Result<Operation>> none(std::string kind) {
    co_return fail(Errc::internal, "cannot run '" + kind + "': it is no operation");
  }
};

}  // namespace

asio::awaitable<Result<Operation>> make_operation(Context context) {
  // The journal's text is read as an administrator's: it names the VM.
  CO_TRY(auto request, protocol::decode_request(context.record.request, protocol::Sender::administrator));
  Makers makers{std::move(context)};
  co_return co_await std::visit(makers, std::move(request.method));
}

}  // namespace zynclone::broker
