// What the README tells an administrator to write is right, and allows what its text promises.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "host-broker/policy/rule_set.hpp"

namespace zynclone::broker::policy {
namespace {

TEST(Readme, ItsPolicyLetsItsVmHaveClonesAndEndThem) {
  std::ifstream file(TEST_SOURCE_DIR "/README.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string readme = text.str();
  std::smatch rule;
  ASSERT_TRUE(std::regex_search(readme, rule, std::regex("echo '([^']*)' > /etc/zynclone/policy\\.d/10-shop\\.policy")));
  std::smatch enabled;
  ASSERT_TRUE(std::regex_search(readme, enabled, std::regex("/etc/xen/clone/guest/([a-z0-9-]+)\\.conf")));

  const RuleSet rules = RuleSet::parse(rule[1].str());
  ASSERT_TRUE(rules.errors().empty()) << rules.errors().front().message;
  EXPECT_TRUE(rules.warnings().empty());
  const VmName vm = VmName::parse(enabled[1].str()).value();
  for (const std::string& operation : known_operations()) {
    if (!operation.starts_with("clone.")) continue;
    EXPECT_EQ(rules.evaluate(operation, vm, LocalTime{}).decision, Decision::allow) << operation << " of " << vm.text();
  }
}

}  // namespace
}  // namespace zynclone::broker::policy
