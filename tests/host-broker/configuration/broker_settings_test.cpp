#include "host-broker/configuration/broker_settings.hpp"

#include <gtest/gtest.h>

#include "system/file.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::configuration {
namespace {

TEST(BrokerSettings, AMissingFileGivesDefaults) {
  auto settings = load_broker_settings("/nonexistent/broker.conf");
  ASSERT_OK(settings);
  EXPECT_EQ(settings.value().journal_file(), "/var/lib/zynclone/journal.db");
  EXPECT_EQ(settings.value().families_dir(), "/var/lib/zynclone/clones");
  EXPECT_EQ(settings.value().toolstack, ToolstackKind::xl);
  EXPECT_TRUE(check_broker_settings("/nonexistent/broker.conf").empty());
}

TEST(BrokerSettings, EveryKeyIsRead) {
  const auto draft = read_broker_settings(
      "state_dir=/a\nrun_dir=/b\npolicy_dir=/c\nclone_dir=/d\nxl_dir=/e\ntoolstack=sandbox\nsandbox_dir=/f\nlink_program=/g\n"
      "reserve_data=5%\nreserve_metadata=0%\nreserve_files=512MiB\nlockdown_timeout=5s\napproval_timeout=1h\n"
      "most_pending_approvals=3\nguest_messages=50\nspice_ports=6100-6103\nhistory=7d\n",
      "broker.conf");
  ASSERT_TRUE(draft.errors.empty()) << draft.errors.front().message;
  const BrokerSettings& settings = draft.settings;
  EXPECT_EQ(settings.state_dir, "/a");
  EXPECT_EQ(settings.run_dir, "/b");
  EXPECT_EQ(settings.policy_dir, "/c");
  EXPECT_EQ(settings.clone_dir, "/d");
  EXPECT_EQ(settings.xl_dir, "/e");
  EXPECT_EQ(settings.toolstack, ToolstackKind::sandbox);
  EXPECT_EQ(settings.sandbox_dir, "/f");
  EXPECT_EQ(settings.link_program, "/g");
  EXPECT_EQ(settings.reserve_data, (Reserve{.percent = 5}));
  EXPECT_EQ(settings.reserve_metadata, (Reserve{.percent = 0}));
  EXPECT_EQ(settings.reserve_files, (Reserve{.bytes = 512u << 20}));
  EXPECT_EQ(settings.lockdown_timeout, std::chrono::seconds(5));
  EXPECT_EQ(settings.approval_timeout, std::chrono::hours(1));
  EXPECT_EQ(settings.most_pending_approvals, 3u);
  EXPECT_EQ(settings.guest_messages, 50u);
  EXPECT_EQ(settings.history, std::chrono::hours(24 * 7));
  ASSERT_EQ(draft.values.size(), 17u);
  for (std::size_t at = 0; at < draft.values.size(); ++at) {
    EXPECT_EQ(draft.values[at].place, "broker.conf:" + std::to_string(at + 1)) << draft.values[at].key;
  }
  EXPECT_EQ(draft.values[10].value, "512MiB");
}

TEST(BrokerSettings, ShownDefaultsCanBeReadAgain) {
  const auto defaults = read_broker_settings("", "broker.conf");
  std::string text;
  for (const ConfigValue& value : defaults.values) {
    EXPECT_EQ(value.place, "default");
    if (value.key != "sandbox_dir") text += value.key + "=" + value.value + "\n";
  }
  const auto again = read_broker_settings(text, "broker.conf");
  ASSERT_TRUE(again.errors.empty()) << again.errors.front().message;
  for (std::size_t at = 0; at < again.values.size(); ++at) EXPECT_EQ(again.values[at].value, defaults.values[at].value);
}

TEST(BrokerSettings, EveryMistakeHasItsPlace) {
  struct Case {
    std::string line;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"statedir=/a", "did you mean 'state_dir'?"},
      {"state_dir=a", "absolute path"},
      {"toolstack=xapi", "allowed are xl, sandbox"},
      {"toolstack=sandbox", "sandbox_dir"},
      {"reserve_data=100%", "0% to 99%"},
      {"reserve_data=10", ""},
      {"reserve_files=1GB", "1GiB"},
      {"reserve_files=1.5GiB", "1GiB"},
      {"reserve_files=99999999999TiB", "1GiB"},
      {"lockdown_timeout=10", "duration"},
      {"lockdown_timeout=1ms", "from 100ms"},
      {"most_pending_approvals=0", "from 1 to 1000"},
      {"history=1h", "from 1d"},
      {"nonsense", "key=value"},
  };
  for (const Case& c : cases) {
    const auto draft = read_broker_settings("# comment\n" + c.line + "\n", "broker.conf");
    if (c.says.empty()) {
      EXPECT_TRUE(draft.errors.empty()) << c.line;  // plain bytes
      continue;
    }
    ASSERT_EQ(draft.errors.size(), 1u) << c.line;
    EXPECT_EQ(draft.errors[0].place, "broker.conf:2");
    EXPECT_NE(draft.errors[0].message.find(c.says), std::string::npos) << draft.errors[0].message;
  }
  EXPECT_EQ(read_broker_settings("a=1\nb=2\ntoolstack=x\n", "broker.conf").errors.size(), 3u);
}

TEST(BrokerSettings, AFileThatOthersMayWriteIsRefused) {
  tests::TemporaryFolder folder;
  ASSERT_OK(write_file_whole(folder.path() / "broker.conf", "run_dir=/b\n", 0646));
  EXPECT_FAILS(load_broker_settings(folder.path() / "broker.conf"), Errc::configuration);
  EXPECT_EQ(check_broker_settings(folder.path() / "broker.conf").size(), 1u);
  ASSERT_OK(write_file_whole(folder.path() / "broker.conf", "run_dir=/b\n", 0644));
  EXPECT_EQ(load_broker_settings(folder.path() / "broker.conf").value().run_dir, "/b");
}

TEST(BrokerSettings, AReserveIsAPartOrBytes) {
  EXPECT_EQ((Reserve{.percent = 10}.of(1000)), 100u);
  EXPECT_EQ((Reserve{.percent = 10}.of(1001)), 101u);
  EXPECT_EQ((Reserve{.percent = 99}.of(~0ull)), ~0ull / 100 * 99 + 15);
  EXPECT_EQ((Reserve{.bytes = 7}.of(1000)), 7u);
  EXPECT_EQ((Reserve{.percent = 0}.of(1000)), 0u);
}

TEST(BrokerSettings, ARangeOfSpicePorts) {
  const auto read = [](const std::string& value) { return read_broker_settings("spice_ports=" + value + "\n", "broker.conf"); };
  EXPECT_EQ(read("6100-6200").settings.first_spice_port, 6100u);
  EXPECT_EQ(read("6100-6200").settings.last_spice_port, 6200u);
  EXPECT_EQ(read("6100").settings.last_spice_port, 6100u);
  for (const char* value : {"", "-", "6200-6100", "80-90", "6000-70000", "a-b", "6000-", "6000-6001-6002"}) {
    ASSERT_EQ(read(value).errors.size(), 1u) << value;
  }
}

}  // namespace
}  // namespace zynclone::broker::configuration
