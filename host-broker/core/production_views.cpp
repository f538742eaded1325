#include "host-broker/core/production_views.hpp"

#include <algorithm>

namespace zynclone::broker {
namespace {

// What is wrong with a volume, for people: somebody has it who has not its lease.
std::string problem_of(const std::vector<Attachment>& attachments, std::optional<DomainId> holder, const std::string& device) {
  for (const Attachment& other : attachments) {
    if (!holder || other.domain != *holder) return "domain " + std::to_string(other.domain.value) + " has it, as " + other.device + ", without its lease";
    if (other.device != device) return "its holder has it as " + other.device + " also";
  }
  return {};
}

std::optional<DomainId> domain_of(const std::vector<Domain>& domains, const std::optional<Uuid>& member) {
  const auto found = std::find_if(domains.begin(), domains.end(), [&](const Domain& domain) { return domain.uuid == member && domain.state != DomainState::dying; });
  return found == domains.end() ? std::nullopt : std::optional<DomainId>(found->id);
}

}  // namespace

std::optional<protocol::ProbationView> probation_view(const Family& family) {
  if (!family.probation) return std::nullopt;
  const Probation& probation = *family.probation;
  return protocol::ProbationView{.from = member_name(family, probation.from),
                                 .to = member_name(family, probation.to),
                                 .began = probation.began,
                                 .ends = probation.ends,
                                 .after = probation.after,
                                 .operation = probation.operation};
}

asio::awaitable<Result<std::vector<protocol::VolumeView>>> volume_views(Ports ports, Family family, Audience audience) {
  CO_TRY(const auto config, ports.configuration.guest(family.vm));
  std::vector<protocol::VolumeView> views;
  if (config.shared_volumes.empty()) co_return views;
  CO_TRY(const auto domains, co_await ports.toolstack.list_domains());
  for (const SharedVolume& volume : config.shared_volumes) {
    CO_TRY(const Lease lease, co_await ports.leases.find_lease(volume_of(family.uuid, volume.name)));
    CO_TRY(const auto attachments, co_await ports.devices.attachments_of(volume.volume));
    const std::optional<Uuid> holder = holder_of(lease, family.uuid);
    const auto domain = domain_of(domains, holder);
    protocol::VolumeView view{.name = volume.name, .vm = family.vm, .device = volume.device, .filesystem = volume.filesystem, .token = lease.token};
    if (holder) view.holder = member_name(family, *holder);
    view.attached = std::any_of(attachments.begin(), attachments.end(), [&](const Attachment& one) { return domain && one.domain == *domain; });
    view.problem = problem_of(attachments, domain, volume.device);
    if (audience == Audience::administrator) view.location = volume.volume.path;
    else if (!view.problem.empty()) view.problem = "another domain has it without its lease";
    views.push_back(std::move(view));
  }
  std::sort(views.begin(), views.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  co_return views;
}

}  // namespace zynclone::broker
