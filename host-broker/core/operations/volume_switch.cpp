// volume.switch: one shared volume moves to a member, which may be the one that has it, where it was taken from its domain by hand or the
// domain is new. It can be taken back to its end: no point of no return.
#include "host-broker/core/operations/live_steps.hpp"
#include "host-broker/core/operations/operations.hpp"
#include "host-broker/core/operations/volume_steps.hpp"

namespace zynclone::broker {
namespace {

Result<SharedVolume> volume_named(const GuestConfig& config, const VolumeName& name) {
  std::string known;
  for (const SharedVolume& volume : config.shared_volumes) {
    if (volume.name == name) return volume;
    known += (known.empty() ? "" : ", ") + volume.name.text();
  }
  return fail(Errc::not_found, "cannot find shared volume '" + name.text() + "': '" + config.vm.text() + "' has " + (known.empty() ? "none" : known), "/params/volume");
}

}  // namespace

asio::awaitable<Result<Operation>> make_volume_switch(Context context, protocol::VolumeSwitch call) {
  CO_TRY(const Family* family, family_of(context));
  const auto to = member_named(*family, call.to.text());
  if (!to) co_return Error{to.error().code, to.error().message, "/params/to"};
  const Uuid taker = to.value();
  const std::string resource = volume_of(family->uuid, call.volume);
  CO_TRY(const Holding holding, co_await holding_of(context, resource));
  CO_TRY(const auto domain, co_await domain_of(context, taker));
  if (!domain && context.making == Making::fresh) {
    co_return fail(Errc::conflict, "cannot switch volume '" + call.volume.text() + "' to '" + call.to.text() + "': it is not running", "/params/to");
  }
  CO_TRY(const std::string why_not, why_not_for_production(context, taker, call.volume));
  if (!why_not.empty() && context.making == Making::fresh) {
    co_return fail(Errc::conflict, "cannot switch volume '" + call.volume.text() + "' to '" + call.to.text() + "': " + why_not, "/params/to");
  }
  const Uuid giver = moved_from(context).value_or(holding.member.value_or(taker));
  CO_TRY(const Move move, co_await plan_move(context, giver, taker));
  CO_TRY(const SharedVolume volume, volume_named(move.config, call.volume));
  Operation operation;
  if (giver != taker) {
    operation.steps.push_back(release_volume_step(context, move, volume));
    operation.steps.push_back(detach_volume_step(context, move, volume));
  }
  operation.steps.push_back(acquire_volume_step(context, move, volume));
  operation.summary = [volume = call.volume.text(), name = call.to.text()] { return name + " has volume " + volume; };
  co_return operation;
}

}  // namespace zynclone::broker
