// Every message as golden text: protocol/vectors/1/<name>.json. What is encoded must be that text, and that text, decoded and encoded again, must
// be the same. To write them anew after a deliberate change: ZYNCLONE_WRITE_VECTORS=1 build/dev/bin/protocol_test --gtest_filter='Vectors.*'
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "protocol/codec.hpp"

namespace zynclone::protocol {
namespace {

const std::string k_folder = TEST_SOURCE_DIR "/protocol/vectors/1/";

std::string golden(const std::string& name, const std::string& text) {
  const std::string path = k_folder + name + ".json";
  if (std::getenv("ZYNCLONE_WRITE_VECTORS") != nullptr) std::ofstream(path) << text << '\n';
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  std::string kept = content.str();
  if (!kept.empty() && kept.back() == '\n') kept.pop_back();
  return kept;
}

CloneName clone(const char* text) { return CloneName::parse(text).value(); }
OperationId operation_id() { return OperationId::parse("01J9ZQ4C8Y5T3M2K1H0G9F8E7D").value(); }
Uuid uuid() { return Uuid::parse("0a1b2c3d-0000-4000-8000-abcdef012345").value(); }
Timestamp time() { return Timestamp(std::chrono::milliseconds(1'700'000'000'123)); }

CloneView clone_view() {
  CloneView view;
  view.name = clone("upgrade-1");
  view.vm = VmName::parse("pos1").value();
  view.uuid = uuid();
  view.state = CloneState::running;
  view.consistency = Consistency::filesystem;
  view.created = time();
  view.original_vif_mask = 1;
  view.vifs = {VifView{.index = 0, .mode = VifMode::disabled, .mac = "00:16:3e:01:02:03"}};
  view.disks = {DiskView{.device = "xvda", .format = "lvm-thin", .size = 1 << 30, .location = "/dev/vg0/x"}};
  view.note = "Grüße";
  view.network = CloneNetwork::isolated;
  view.awaits_identity = true;
  view.expires = time();
  view.is_protected = true;
  view.domain = 12;
  return view;
}

ProbationView probation_view() {
  return ProbationView{.from = "pos1", .to = "standby", .began = time(), .ends = time(), .after = AfterProbation::commit, .operation = operation_id()};
}

VolumeView volume_view() {
  VolumeView view;
  view.name = VolumeName::parse("sales").value();
  view.vm = VmName::parse("pos1").value();
  view.device = "xvds";
  view.filesystem = "ext4";
  view.holder = "standby";
  view.token = 3;
  view.attached = true;
  view.problem = "domain 7 has it too";
  view.location = "/dev/vg0/pos1-sales";
  return view;
}

PeripheralView peripheral_view() {
  PeripheralView view;
  view.name = PeripheralName::parse("printer").value();
  view.vm = VmName::parse("pos1").value();
  view.kind = PeripheralKind::usb;
  view.device = "04b8:0202";
  view.present = true;
  view.holder = "standby";
  view.problem = "domain 7 has it";
  view.location = "bus 1, address 3";
  return view;
}

GrantView grant_view() {
  return GrantView{.id = operation_id(), .vm = VmName::parse("pos1").value(), .operations = "cutover.*", .created = time(), .until = time(),
                   .times = 2, .used = 1, .by = "admin:ada"};
}

OperationView operation_view() {
  OperationView view;
  view.id = operation_id();
  view.kind = "clone.create";
  view.vm = VmName::parse("pos1").value();
  view.target = "upgrade-1";
  view.detail = "mode online, not started, note: Grüße";
  view.state = OperationState::failed;
  view.percent = 40;
  view.requester = "pos1";
  view.created = time();
  view.finished = time();
  view.steps = {StepView{.name = "allow", .state = StepState::done, .text = "allowed"},
                StepView{.name = "quiesce", .state = StepState::done, .text = "pos1 did not quiesce", .warning = true},
                StepView{.name = "snapshot xvda", .state = StepState::failed, .text = "…", .percent = 50}};
  view.summary = "";
  view.error = ErrorView{.code = "no-space", .message = "cannot copy", .place = "vg0/pool"};
  view.clone = clone_view();
  view.decision = DecisionView{.decision = "allow", .place = "10-shop.policy:2"};
  return view;
}

template <class M>
void check_call(M method, Sender sender, bool with_request_id = false) {
  Request request{.method = std::move(method)};
  if (!is_notification(request.method)) request.id = 7;
  if (sender == Sender::administrator) request.vm = VmName::parse("pos1").value();
  if (with_request_id) {
    request.request_id = RequestId::parse("r-1").value();
    request.plan = true;
  }
  const std::string name(M::method);
  const std::string text = encode_request(request);
  EXPECT_EQ(text, golden(name, text)) << name;
  const auto decoded = decode_request(golden(name, text), sender);
  ASSERT_TRUE(decoded) << name << ": " << decoded.error().message;
  EXPECT_EQ(encode_request(decoded.value()), text) << name;
}

template <class M>
void check_answer(const typename M::Result& result) {
  const std::string name = std::string(M::method) + ".result";
  const std::string text = encode_response(7, result);
  EXPECT_EQ(text, golden(name, text)) << name;
  const auto decoded = decode_response<M>(golden(name, text));
  ASSERT_TRUE(decoded) << name << ": " << decoded.error().message;
  EXPECT_EQ(encode_response(7, decoded.value()), text) << name;
}

TEST(Vectors, CallsFromAGuest) {
  check_call(Hello{.capabilities = {"quiesce", "health"}, .software = "zynclone-agent 0.1.0"}, Sender::guest);
  check_call(FamilyShow{.after = clone("upgrade-1")}, Sender::guest);
  check_call(CloneCreate{.name = clone("upgrade-1"), .mode = CloneMode::offline, .start = false, .note = "before 7.2", .network = CloneNetwork::isolated, .ttl_s = 3600}, Sender::guest, true);
  check_call(CloneStart{.name = clone("upgrade-1")}, Sender::guest, true);
  check_call(CloneStop{.name = clone("upgrade-1")}, Sender::guest, true);
  check_call(CloneActivate{.name = clone("upgrade-1")}, Sender::guest, true);
  check_call(CloneDeactivate{.name = clone("upgrade-1")}, Sender::guest, true);
  check_call(CloneRemove{.name = clone("upgrade-1")}, Sender::guest, true);
  check_call(CloneRename{.name = clone("upgrade-1"), .new_name = clone("upgrade-2")}, Sender::guest, true);
  check_call(CloneProtect{.name = clone("upgrade-1")}, Sender::guest, true);
  check_call(CloneUnprotect{.name = clone("upgrade-1")}, Sender::guest, true);
  check_call(CutoverStart{.name = clone("standby"), .probation_s = 600, .after_probation = AfterProbation::commit}, Sender::guest, true);
  check_call(CutoverCommit{}, Sender::guest, true);
  check_call(CutoverUndo{}, Sender::guest, true);
  check_call(CutoverShow{}, Sender::guest);
  check_call(VolumeSwitch{.volume = VolumeName::parse("sales").value(), .to = clone("standby")}, Sender::guest, true);
  check_call(VolumeList{}, Sender::guest);
  check_call(PeripheralList{}, Sender::guest);
  check_call(CloneShow{.name = clone("upgrade-1")}, Sender::guest);
  check_call(CloneList{.after = clone("upgrade-1"), .after_vm = VmName::parse("pos1").value()}, Sender::guest);
  check_call(OperationShow{.id = operation_id()}, Sender::guest);
  check_call(OperationList{.limit = 5, .after = operation_id()}, Sender::guest);
  check_call(OperationCancel{.id = operation_id()}, Sender::guest);
  check_call(OperationWatch{.id = operation_id()}, Sender::guest);
}

TEST(Vectors, CallsFromAnAdministrator) {
  check_call(ApprovalList{.after = operation_id()}, Sender::administrator);
  check_call(ApprovalAllow{.id = operation_id(), .reason = "as agreed"}, Sender::administrator);
  check_call(ApprovalDeny{.id = operation_id(), .reason = "not now"}, Sender::administrator);
  check_call(VmRepair{.to = clone("standby")}, Sender::administrator, true);
  check_call(GrantAdd{.operations = "cutover.*", .until = time(), .times = 2}, Sender::administrator);
  check_call(GrantList{}, Sender::administrator);
  check_call(GrantRevoke{.id = operation_id()}, Sender::administrator);
  check_call(AuditList{.after = 3, .limit = 10}, Sender::administrator);
  check_call(HostHealth{}, Sender::administrator);
  check_call(AgentHealth{.clone = clone("upgrade-1")}, Sender::administrator);
  check_call(AgentRun{.clone = clone("upgrade-1"), .command = {"/usr/bin/upgrade", "--all"}, .limit_s = 900}, Sender::administrator, true);
}

TEST(Vectors, CallsFromTheBroker) {
  check_call(GuestQuiesce{.token = operation_id(), .hold_ms = 5000}, Sender::broker);
  check_call(GuestThaw{.token = operation_id()}, Sender::broker);
  check_call(GuestPrepareCutover{.token = operation_id(), .side = CutoverSide::taking}, Sender::broker);
  check_call(GuestApplyIdentity{.token = operation_id(), .generation_id = uuid(), .hostname = "pos1-standby",
                                .vifs = {VifIdentity{.index = 0, .mac = "00:16:3e:01:02:03"}}}, Sender::broker);
  check_call(GuestReleaseVolume{.volume = VolumeName::parse("sales").value(), .device = "xvds", .token = 2}, Sender::broker);
  check_call(GuestAcquireVolume{.volume = VolumeName::parse("sales").value(), .device = "xvds", .filesystem = "ext4", .token = 3}, Sender::broker);
  check_call(GuestHealth{}, Sender::broker);
  check_call(GuestRun{.token = operation_id(), .command = {"/usr/bin/upgrade", "--all"}, .limit_ms = 900'000, .attach = true}, Sender::broker);
  check_call(OperationChanged{.operation = operation_view()}, Sender::broker);
}

TEST(Vectors, Answers) {
  FamilyView family;
  family.vm = VmName::parse("pos1").value();
  family.uuid = uuid();
  family.self = "upgrade-1";
  family.role = MemberRole::clone;
  family.production = "pos1";
  family.generation = 4;
  family.vifs = {VifView{.index = 0, .mode = VifMode::unlocked, .mac = "00:16:3e:01:02:04"}};
  family.clones = {clone_view()};
  check_answer<FamilyShow>(family);
  check_answer<CloneShow>(clone_view());
  check_answer<CloneList>(CloneListing{.clones = {clone_view()}, .more = true});
  check_answer<OperationShow>(operation_view());
  check_answer<OperationList>(OperationListing{.operations = {operation_view()}, .more = true});
  Accepted accepted;
  accepted.operation = operation_view();
  check_answer<CloneCreate>(accepted);
  Accepted planned;
  planned.plan = PlanView{.kind = "clone.remove", .vm = VmName::parse("pos1").value(), .target = "upgrade-1", .decision = "ask",
                          .place = "10-shop.policy:2", .steps = {StepView{.name = "forget", .text = "forget upgrade-1"}}};
  check_answer<CloneRemove>(planned);
  check_answer<ApprovalList>(ApprovalListing{{ApprovalView{.operation = operation_view(), .expires = time(), .approvers_needed = 2, .allowed_by = {"ada"}}}});
  check_answer<AuditList>(AuditListing{.entries = {AuditEntry{.sequence = 1, .time = time(), .actor = "pos1/pos1", .event = "requested", .operation = "01J", .detail = "d",
                                                   .previous = std::string(64, '0'), .hash = std::string(64, 'a')}}, .more = true, .last = 9});
  check_answer<HostHealth>(HostHealthReport{.version = "0.1.0", .healthy = false, .checks = {HealthCheck{.name = "pool", .healthy = false, .detail = "full"}}});
  check_answer<CutoverShow>(CutoverView{.production = "standby", .generation = 4, .probation = probation_view(), .volumes = {volume_view()},
                                        .peripherals = {peripheral_view()}});
  check_answer<PeripheralList>(PeripheralListing{.peripherals = {peripheral_view()}});
  check_answer<VolumeList>(VolumeListing{.volumes = {volume_view()}});
  check_answer<GrantAdd>(grant_view());
  check_answer<GrantList>(GrantListing{.grants = {grant_view()}});
  check_answer<GuestPrepareCutover>(PrepareReport{.hooks = 1});
  check_answer<GuestApplyIdentity>(IdentityReport{.hooks = 5});
  check_answer<GuestReleaseVolume>(ReleaseReport{.hooks = 1, .was_mounted = true});
  check_answer<GuestAcquireVolume>(AcquireReport{.hooks = 1, .mount_point = "/srv/sales"});
  check_answer<GuestQuiesce>(QuiesceReport{.hooks = 2, .frozen = {"/srv"}, .duration_ms = 1200});
  check_answer<GuestThaw>(ThawReport{.hooks = 2, .was_quiesced = true});
  check_answer<AgentHealth>(GuestHealthReport{.healthy = false, .checks = {HealthCheck{.name = "10-till", .healthy = false, .detail = "closed"}}});
  check_answer<GuestHealth>(GuestHealthReport{.healthy = true, .checks = {HealthCheck{.name = "10-till", .healthy = true, .detail = "open"}}});
  check_answer<GuestRun>(RunReport{.status = 3, .output = "no space"});
}

TEST(Vectors, Error) {
  const std::string text = encode_error(7, Error{Errc::conflict, "cannot remove clone 'x': it is running; stop it first", "/params/name"});
  EXPECT_EQ(text, golden("error", text));
  EXPECT_EQ(decode_response<CloneRemove>(golden("error", text)).error().code, Errc::conflict);
}

}  // namespace
}  // namespace zynclone::protocol
