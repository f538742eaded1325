#include "guest-agent-linux/configuration.hpp"

#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::agent {
namespace {

using tests::TemporaryFolder;

Error error_of(const std::string& text) {
  auto parsed = parse_configuration(text, "agent.conf");
  EXPECT_FAILS(parsed, Errc::configuration) << text;
  return parsed ? Error{Errc::internal, ""} : parsed.error();
}

TEST(AgentConfiguration, EveryKeyHasADefault) {
  const auto parsed = parse_configuration("# nothing\n", "agent.conf");
  ASSERT_OK(parsed);
  const AgentConfiguration& configuration = parsed.value();
  EXPECT_EQ(configuration.socket, "/run/zynclone/agent.sock");
  EXPECT_EQ(configuration.group, "zynclone");
  EXPECT_EQ(configuration.transport, Transport::automatic);
  EXPECT_EQ(configuration.hooks_dir, "/etc/zynclone/hooks.d");
  EXPECT_EQ(configuration.hook_timeout, std::chrono::seconds(10));
  EXPECT_TRUE(configuration.freeze.empty());
  EXPECT_EQ(configuration.freezer, FreezerKind::real);
  EXPECT_EQ(configuration.mounter, MounterKind::real);
  EXPECT_EQ(configuration.devices_dir, "/dev");
  EXPECT_EQ(configuration.volume_timeout, std::chrono::seconds(20));
  EXPECT_EQ(configuration.commands, Commands::allowed);
  EXPECT_TRUE(configuration.shared_volumes.empty());
  EXPECT_EQ(configuration.state_dir, "/run/zynclone");
  EXPECT_EQ(configuration.identity_file, "/var/lib/zynclone-agent/identity");
}

TEST(AgentConfiguration, EveryKeyIsRead) {
  const auto parsed = parse_configuration(
      "socket=/tmp/a.sock\n"
      "group=pos\n"
      "transport=unix\n"
      "unix_channel=/tmp/channel.sock\n"
      "hooks_dir=/tmp/hooks\n"
      "hook_timeout=250ms\n"
      "hooks_timeout=1m\n"
      "freeze=/srv /var/lib/pos/  /srv\n"
      "freeze_timeout=3s\n"
      "freezer=pretended\n"
      "mounter=pretended\n"
      "devices_dir=/tmp/devices\n"
      "volume_timeout=7s\n"
      "commands=no\n"
      "shared_volume.sales = /srv//sales/\n"
      "shared_volume.Till-2.log = /srv/log\n"
      "state_dir=/tmp/state\n",
      "agent.conf");
  ASSERT_OK(parsed);
  const AgentConfiguration& configuration = parsed.value();
  EXPECT_EQ(configuration.socket, "/tmp/a.sock");
  EXPECT_EQ(configuration.group, "pos");
  EXPECT_EQ(configuration.transport, Transport::unix_socket);
  EXPECT_EQ(configuration.unix_channel, "/tmp/channel.sock");
  EXPECT_EQ(configuration.hooks_dir, "/tmp/hooks");
  EXPECT_EQ(configuration.hook_timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(configuration.hooks_timeout, std::chrono::minutes(1));
  EXPECT_EQ(configuration.freeze, (std::vector<std::string>{"/srv", "/var/lib/pos"}));
  EXPECT_EQ(configuration.freeze_timeout, std::chrono::seconds(3));
  EXPECT_EQ(configuration.freezer, FreezerKind::pretended);
  EXPECT_EQ(configuration.mounter, MounterKind::pretended);
  EXPECT_EQ(configuration.devices_dir, "/tmp/devices");
  EXPECT_EQ(configuration.volume_timeout, std::chrono::seconds(7));
  EXPECT_EQ(configuration.commands, Commands::refused);
  EXPECT_EQ(configuration.shared_volumes,
            (MountPoints{{VolumeName::parse("sales").value(), "/srv/sales"}, {VolumeName::parse("Till-2.log").value(), "/srv/log"}}));
  EXPECT_EQ(configuration.state_dir, "/tmp/state");
  EXPECT_EQ(configuration.identity_file, "/tmp/state/identity") << "beside the rest of its state";
}

TEST(AgentConfiguration, AnIdentityFileOfItsOwnCounts) {
  const auto parsed = parse_configuration("identity_file=/srv/identity\nstate_dir=/tmp/state\n", "agent.conf");
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed.value().identity_file, "/srv/identity");
}

TEST(AgentConfiguration, MistakesNameFileAndLine) {
  EXPECT_EQ(error_of("# one\nsokcet=/tmp/x\n").place, "agent.conf:2");
  EXPECT_NE(error_of("sokcet=/tmp/x\n").message.find("did you mean 'socket'?"), std::string::npos);
  EXPECT_NE(error_of("transport=vcham\n").message.find("did you mean 'vchan'?"), std::string::npos);
  EXPECT_EQ(error_of("\n\nno equals sign\n").place, "agent.conf:3");
}

TEST(AgentConfiguration, ValuesAreChecked) {
  error_of("socket=run/agent.sock\n");
  error_of("socket=\n");
  error_of("hooks_dir=/etc/../tmp\n");
  error_of("hook_timeout=10\n");
  error_of("hook_timeout=0s\n");
  error_of("hook_timeout=11m\n");
  error_of("freezer=yes\n");
  error_of("group=a b\n");
  error_of("group=\n");
  error_of("freeze=/srv data\n");
  error_of("freeze=/srv /..\n");
  std::string many = "freeze=";
  for (int i = 0; i < 17; ++i) many += "/mnt/" + std::to_string(i) + " ";
  error_of(many + "\n");
}

TEST(AgentConfiguration, AMountPointIsOneFolderOfOneVolume) {
  error_of("shared_volume.sales=srv\n");
  error_of("shared_volume.sales=/\n");
  error_of("shared_volume.sales=/srv/../etc\n");
  error_of("shared_volume.sales=\n");
  error_of("shared_volume=/srv\n");
  error_of("shared_volume.=/srv\n");
  error_of("hooks_dir.sales=/srv\n");
  const Error twice = error_of("shared_volume.a=/srv/sales\nshared_volume.b=/srv/sales/\n");
  EXPECT_EQ(twice.place, "agent.conf:2");
  EXPECT_NE(twice.message.find("'a' has this one"), std::string::npos) << twice.message;
  std::string many;
  for (int i = 0; i < 17; ++i) many += "shared_volume.v" + std::to_string(i) + "=/srv/" + std::to_string(i) + "\n";
  EXPECT_EQ(error_of(many).place, "agent.conf:17");
}

TEST(AgentConfiguration, UnixNeedsItsPath) { EXPECT_NE(error_of("transport=unix\n").message.find("unix_channel"), std::string::npos); }

TEST(AgentConfiguration, OnlyTheDefaultFileMayBeMissing) {
  const TemporaryFolder folder;
  const std::string file = (folder / "agent.conf").string();
  EXPECT_OK(read_configuration(file, ConfigurationFile::is_default));
  EXPECT_FAILS(read_configuration(file, ConfigurationFile::is_named), Errc::configuration);
  folder.write("agent.conf", "group=pos\n");
  EXPECT_EQ(read_configuration(file, ConfigurationFile::is_default).value().group, "pos");
}

}  // namespace
}  // namespace zynclone::agent
