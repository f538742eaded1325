#include "host-broker/policy/policy_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::policy {
namespace {

namespace fs = std::filesystem;

const VmName k_vm = VmName::parse("pos1").value();
const Timestamp k_now = parse_rfc3339("2026-03-02T10:00:00.000Z").value();

class PolicyFolderTest : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path() / name) << text;
    ::chmod((folder_.path() / name).c_str(), 0644);
  }
  Verdict decide() { return policy_.decide("clone.create", k_vm, k_now); }

  tests::TemporaryFolder folder_;
  PolicyFolder policy_{folder_.path(), std::chrono::minutes(7)};
};

TEST_F(PolicyFolderTest, ReadsFilesInOrderAndGivesDefaults) {
  write("20-later.policy", "* * deny\n");
  write("10-first.policy", "clone.create pos1 ask\n");
  const Verdict verdict = decide();
  EXPECT_EQ(verdict.decision, Decision::ask);
  EXPECT_EQ(verdict.place, (folder_.path() / "10-first.policy").string() + ":1");
  EXPECT_EQ(verdict.approvers, 1u);
  EXPECT_EQ(verdict.timeout, std::chrono::minutes(7));
}

TEST_F(PolicyFolderTest, AnEmptyFolderDenies) {
  EXPECT_EQ(decide().decision, Decision::deny);
  EXPECT_EQ(decide().place, "no rule");
}

TEST_F(PolicyFolderTest, AChangeCountsAtOnce) {
  write("10-a.policy", "* * allow\n");
  EXPECT_EQ(decide().decision, Decision::allow);
  write("10-a.policy", "* * deny \n");  // the same size
  EXPECT_EQ(decide().decision, Decision::deny);
  write("05-b.policy", "* * ask approvers=2\n");
  EXPECT_EQ(decide().approvers, 2u);
  fs::remove(folder_.path() / "05-b.policy");
  EXPECT_EQ(decide().decision, Decision::deny);
  fs::rename(folder_.path() / "10-a.policy", folder_.path() / "10-a.off");
  EXPECT_EQ(decide().place, "no rule");
}

TEST_F(PolicyFolderTest, OtherFilesDoNotCount) {
  write("10-a.policy", "* * allow\n");
  write("README", "not a rule\n");
  write(".10-b.policy.swp", "not a rule\n");
  write("10-b.policy~", "not a rule\n");
  write("10-b.policy.dpkg-old", "not a rule\n");
  EXPECT_EQ(decide().decision, Decision::allow);
}

TEST_F(PolicyFolderTest, AFileWithAnotherNameIsAnError) {
  write("10-a.policy", "* * allow\n");
  write("pos.policy", "* * allow\n");
  EXPECT_EQ(decide().decision, Decision::deny);
  EXPECT_NE(policy_.current().errors().front().message.find("NN-name.policy"), std::string::npos);
}

TEST_F(PolicyFolderTest, AFileThatOthersMayWriteIsAnError) {
  write("10-a.policy", "* * allow\n");
  ASSERT_EQ(decide().decision, Decision::allow);
  ::chmod((folder_.path() / "10-a.policy").c_str(), 0664);
  EXPECT_EQ(decide().decision, Decision::deny);
  EXPECT_NE(policy_.current().errors().front().message.find("chmod go-w"), std::string::npos);
}

TEST_F(PolicyFolderTest, AFolderThatOthersMayWriteIsAnError) {
  write("10-a.policy", "* * allow\n");
  ::chmod(folder_.path().c_str(), 0777);
  EXPECT_EQ(decide().decision, Decision::deny);
}

TEST_F(PolicyFolderTest, AFileOfSomebodyElseIsAnError) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  write("10-a.policy", "* * allow\n");
  ASSERT_EQ(::chown((folder_.path() / "10-a.policy").c_str(), 4711, 0), 0);
  EXPECT_EQ(decide().decision, Decision::deny);
  EXPECT_NE(policy_.current().errors().front().message.find("4711"), std::string::npos);
}

TEST_F(PolicyFolderTest, APipeInPlaceOfAFileHoldsNobodyUp) {
  ASSERT_EQ(::mkfifo((folder_.path() / "10-a.policy").c_str(), 0644), 0);
  EXPECT_EQ(decide().decision, Decision::deny);
}

TEST_F(PolicyFolderTest, AMistakeInOneFileDeniesAllAndSaysWhere) {
  write("10-a.policy", "* * allow\n");
  write("20-b.policy", "\nclone.* * alow\n");
  const Verdict verdict = decide();
  EXPECT_EQ(verdict.decision, Decision::deny);
  EXPECT_EQ(verdict.place, (folder_.path() / "20-b.policy").string() + ":2:11");
}

TEST(PolicyFolder, AMissingFolderIsAnError) {
  PolicyFolder policy("/nonexistent/policy.d");
  EXPECT_EQ(policy.decide("clone.create", k_vm, k_now).decision, Decision::deny);
  EXPECT_EQ(policy.current().errors().front().code, Errc::configuration);
}

}  // namespace
}  // namespace zynclone::broker::policy
