#include "tests/host-broker/core/till.hpp"

namespace zynclone::tests {

using namespace broker;

Till::Till() {
  GuestConfig& config = configuration.configs.at(pos1);
  config.shared_volumes.push_back(SharedVolume{.name = VolumeName::parse("sales").value(), .volume = Volume{VolumeFormat::lvm_thin, volume}, .device = "xvds",
                                               .filesystem = "ext4"});
  config.announce = {"10.7.0.11"};
  devices.attached[volume] = {Attachment{domain("pos1").id, "xvds"}};
  devices.most_at_once = 1;
  EXPECT_TRUE(succeeded(create("standby")));
}

protocol::CutoverStart Till::to(const std::string& member) const { return protocol::CutoverStart{.name = clone_name(member)}; }

std::string Till::producer() {
  const Family& now = family();
  const auto member = production_member(now);
  EXPECT_TRUE(member.has_value());
  if (!member) return {};
  std::string speaks;
  for (const MemberLockdown& lockdown : lockdown_of(now)) {
    for (const VifLockdown& vif : lockdown.vifs) {
      if (vif.mode != protocol::VifMode::disabled) speaks += lockdown.member + ' ';
    }
  }
  const std::string name = member_name(now, *member);
  EXPECT_EQ(speaks, name + ' ');
  const auto lease = leases.leases[production_of(pos1_uuid)];
  EXPECT_EQ(lease.token, now.production.generation);
  EXPECT_EQ(network.applied.back().production.generation, now.production.generation);
  EXPECT_EQ(domains_with_volume(), (std::vector<std::string>{name == "pos1" ? name : "pos1." + name}));
  const auto sales = leases.leases[volume_of(pos1_uuid, VolumeName::parse("sales").value())];
  EXPECT_EQ(sales.token == 0 ? pos1_uuid : sales.holder.value_or(Uuid()), *member);
  return name;
}

void Till::lose_production() {
  const auto lease = run_on(*context, leases.pass_lease(production_of(pos1_uuid), family().production.generation, std::nullopt));
  EXPECT_OK(lease);
  families.kept.at(pos1).production = {.member = std::nullopt, .generation = lease.value().token, .announce = {}};
  crash();
  start();
}

std::vector<std::string> Till::domains_with_volume() const {
  std::vector<std::string> names;
  const auto found = devices.attached.find(volume);
  if (found == devices.attached.end()) return names;
  for (const Attachment& attachment : found->second) {
    for (const Domain& domain : toolstack.domains) {
      if (domain.id == attachment.domain) names.push_back(domain.name);
    }
  }
  return names;
}

}  // namespace zynclone::tests
