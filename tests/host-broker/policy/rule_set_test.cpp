#include "host-broker/policy/rule_set.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/messages.hpp"

namespace zynclone::broker::policy {
namespace {

VmName vm(std::string_view name) { return VmName::parse(name).value(); }

LocalTime at(unsigned weekday, unsigned hour, unsigned minute = 0) { return {weekday, hour * 60 + minute}; }

constexpr LocalTime k_monday_noon{0, 12 * 60};

const std::string k_example =
    "# operation     vm            decision  options\n"
    "clone.create    pos-*         allow     clones=2 rate=6/h\n"
    "cutover.*       pos-*         ask       approvers=1 timeout=15m\n"
    "volume.switch   pos-*         allow\n"
    "*               *             deny\n";

TEST(RuleSet, TheExampleOfTheGuideIsRight) {
  const RuleSet rules = RuleSet::parse(k_example);
  ASSERT_TRUE(rules.errors().empty()) << rules.errors().front().message;
  EXPECT_TRUE(rules.warnings().empty());
  ASSERT_EQ(rules.rules().size(), 4u);
  EXPECT_EQ(rules.rules()[0].text, "clone.create pos-* allow clones=2 rate=6/h");
}

TEST(RuleSet, TheFirstRuleThatMatchesDecides) {
  const RuleSet rules = RuleSet::parse(k_example);
  struct Case {
    std::string operation;
    std::string name;
    Decision decision;
    std::string place;
  };
  const std::vector<Case> cases = {
      {"clone.create", "pos-1", Decision::allow, "policy:2"},  {"clone.create", "pos-", Decision::allow, "policy:2"},
      {"clone.create", "pos1", Decision::deny, "policy:5"},    {"cutover.start", "pos-1", Decision::ask, "policy:3"},
      {"cutover.commit", "kds-1", Decision::deny, "policy:5"}, {"volume.switch", "pos-9", Decision::allow, "policy:4"},
      {"clone.remove", "pos-1", Decision::deny, "policy:5"},
  };
  for (const Case& c : cases) {
    const Ruling ruling = rules.evaluate(c.operation, vm(c.name), k_monday_noon);
    EXPECT_EQ(ruling.decision, c.decision) << c.operation << " " << c.name;
    EXPECT_EQ(ruling.place, c.place) << c.operation << " " << c.name;
  }
}

TEST(RuleSet, OptionsComeWithTheDecision) {
  const RuleSet rules = RuleSet::parse(k_example);
  const Ruling allowed = rules.evaluate("clone.create", vm("pos-1"), k_monday_noon);
  EXPECT_EQ(allowed.options.clones, 2u);
  ASSERT_TRUE(allowed.options.rate);
  EXPECT_EQ(to_string(*allowed.options.rate), "6/h");
  const Ruling asked = rules.evaluate("cutover.undo", vm("pos-1"), k_monday_noon);
  EXPECT_EQ(asked.options.approvers, 1u);
  EXPECT_EQ(asked.options.timeout, std::chrono::minutes(15));
}

TEST(RuleSet, NoRuleIsDeny) {
  for (std::string_view text : {"", "# nothing\n", "clone.start * allow\n"}) {
    const Ruling ruling = RuleSet::parse(text).evaluate("clone.create", vm("pos1"), k_monday_noon);
    EXPECT_EQ(ruling.decision, Decision::deny);
    EXPECT_EQ(ruling.place, "no rule");
  }
}

TEST(RuleSet, HoursAndDaysDecideWhetherARuleMatches) {
  struct Case {
    std::string options;
    LocalTime now;
    bool matches;
  };
  const std::vector<Case> cases = {
      {"hours=06:00-22:00", at(0, 6), true},
      {"hours=06:00-22:00", at(0, 5, 59), false},
      {"hours=06:00-22:00", at(0, 21, 59), true},
      {"hours=06:00-22:00", at(0, 22), false},
      {"hours=22:00-06:00", at(0, 23), true},     // over midnight
      {"hours=22:00-06:00", at(0, 0), true},
      {"hours=22:00-06:00", at(0, 6), false},
      {"hours=00:00-24:00", at(0, 23, 59), true},
      {"hours=08:00-09:00,17:00-18:00", at(0, 17, 30), true},
      {"hours=08:00-09:00,17:00-18:00", at(0, 12), false},
      {"days=mon-fri,sun", at(0, 1), true},
      {"days=mon-fri,sun", at(5, 1), false},
      {"days=mon-fri,sun", at(6, 1), true},
      {"days=sat-mon", at(6, 1), true},           // over the week's end
      {"days=sat-mon", at(0, 1), true},
      {"days=sat-mon", at(1, 1), false},
      {"days=wed", at(2, 1), true},
      {"days=wed hours=10:00-11:00", at(2, 10, 30), true},
      {"days=wed hours=10:00-11:00", at(3, 10, 30), false},
      {"days=wed hours=10:00-11:00", at(2, 11), false},
  };
  for (const Case& c : cases) {
    const RuleSet rules = RuleSet::parse("clone.create * allow " + c.options + "\nclone.create * ask\n");
    ASSERT_TRUE(rules.errors().empty()) << rules.errors().front().message;
    const Ruling ruling = rules.evaluate("clone.create", vm("pos1"), c.now);
    EXPECT_EQ(ruling.decision, c.matches ? Decision::allow : Decision::ask) << c.options << " at " << c.now.weekday << " " << c.now.minute;
  }
}

TEST(RuleSet, EachMistakeHasItsPlaceAndSaysWhatIsAllowed) {
  struct Case {
    std::string text;
    std::string place;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"clone.create\n", "policy:1:1", "vm and decision are missing"},
      {"clone.create pos-*\n", "policy:1:14", "the decision is missing"},
      {"\n  clone.craete * allow\n", "policy:2:3", "did you mean 'clone.create'?"},
      {"clonecreate.* * allow\n", "policy:1:1", "allowed are clone.create"},
      {"family.show * allow\n", "policy:1:1", "cannot use operation 'family.show'"},
      {"clone.* pos/1 allow\n", "policy:1:9", "VM pattern 'pos/1'"},
      {"clone.* pos? allow\n", "policy:1:9", "VM pattern 'pos?'"},
      {"clone.* * alow\n", "policy:1:11", "did you mean 'allow'? allowed are allow, ask, deny"},
      {"clone.* * Allow\n", "policy:1:11", "did you mean 'allow'?"},
      {"clone.* * allow clone=2\n", "policy:1:17", "did you mean 'clones'?"},
      {"clone.* * allow clones=2 clones=3\n", "policy:1:26", "twice"},
      {"clone.* * allow clones\n", "policy:1:17", "value is missing"},
      {"clone.* * allow clones=0\n", "policy:1:17", "from 1 to 1000"},
      {"clone.* * allow clones=-1\n", "policy:1:17", "'-1'"},
      {"clone.* * allow clones=4294967297\n", "policy:1:17", "from 1 to 1000"},
      {"clone.* * allow rate=6\n", "policy:1:17", "such as 6/h"},
      {"clone.* * allow rate=6/w\n", "policy:1:17", "/m, /h, /d"},
      {"clone.* * allow rate=0/h\n", "policy:1:17", "from 1 to 10000"},
      {"clone.* * ask approvers=11\n", "policy:1:15", "from 1 to 10"},
      {"clone.* * ask timeout=15\n", "policy:1:15", "such as 15m"},
      {"clone.* * ask timeout=8d\n", "policy:1:15", "from 1s to 7d"},
      {"clone.* * allow hours=6:00-22:00\n", "policy:1:17", "HH:MM"},
      {"clone.* * allow hours=06:00-25:00\n", "policy:1:17", "HH:MM"},
      {"clone.* * allow hours=24:00-25:00\n", "policy:1:17", "HH:MM"},
      {"clone.* * allow hours=06:60-07:00\n", "policy:1:17", "HH:MM"},
      {"clone.* * allow hours=06:00-24:01\n", "policy:1:17", "HH:MM"},
      {"clone.* * allow hours=06:00-06:00\n", "policy:1:17", "must not end where it begins"},
      {"clone.* * allow hours=\n", "policy:1:17", "HH:MM"},
      {"clone.* * allow days=mon-frei\n", "policy:1:17", "mon, tue"},
      {"clone.* * allow days=Mon\n", "policy:1:17", "mon, tue"},
      {"clone.* * allow days=mon,,tue\n", "policy:1:17", "mon, tue"},
      {"clone.* * allow approvers=1\n", "policy:1:17", "with allow: it is allowed with ask"},
      {"clone.* * deny rate=1/h\n", "policy:1:16", "with deny"},
      {"clone.start * allow clones=2\n", "policy:1:21", "where clone.create matches"},
      {"clone.* * allow \x1b[31m=1\n", "policy:1:17", "\\x1b[31m"},
  };
  for (const Case& c : cases) {
    const RuleSet rules = RuleSet::parse(c.text);
    ASSERT_EQ(rules.errors().size(), 1u) << c.text;
    const Error& error = rules.errors().front();
    EXPECT_EQ(error.code, Errc::configuration);
    EXPECT_EQ(error.place, c.place) << c.text;
    EXPECT_NE(error.message.find(c.says), std::string::npos) << c.text << error.message;
    EXPECT_EQ(printable(error.message), error.message);
  }
}

TEST(RuleSet, AnyErrorDeniesAllAndSaysWhere) {
  const RuleSet rules = RuleSet::parse({{"10-a.policy", "* * allow\n"}, {"20-b.policy", "* * allow\nclone.* * alow rat=1/h\n"}});
  EXPECT_EQ(rules.errors().size(), 2u);
  const Ruling ruling = rules.evaluate("clone.create", vm("pos1"), k_monday_noon);
  EXPECT_EQ(ruling.decision, Decision::deny);
  EXPECT_EQ(ruling.place, "20-b.policy:2:11");
  EXPECT_TRUE(rules.explain("clone.create", vm("pos1"), k_monday_noon).empty());
}

TEST(RuleSet, FilesCountInTheirOrder) {
  const RuleSet rules = RuleSet::parse({{"10-a.policy", "clone.create pos1 ask"}, {"20-b.policy", "* * allow"}});
  EXPECT_EQ(rules.evaluate("clone.create", vm("pos1"), k_monday_noon).place, "10-a.policy:1");
  EXPECT_EQ(rules.evaluate("clone.create", vm("pos2"), k_monday_noon).place, "20-b.policy:1");
}

TEST(RuleSet, CommentsAndWindowsLineEndsAreRead) {
  const RuleSet rules = RuleSet::parse("clone.create pos1 allow # note\r\n\t# another\r\n* * deny\r\n");
  ASSERT_TRUE(rules.errors().empty()) << rules.errors().front().message;
  EXPECT_EQ(rules.rules().size(), 2u);
}

TEST(RuleSet, ExplainGivesAReasonForEachRule) {
  const RuleSet rules = RuleSet::parse(
      "cutover.* * allow\n"
      "clone.* kds-* allow\n"
      "clone.* * allow days=sat\n"
      "clone.* * allow hours=20:00-21:00,22:00-23:00\n"
      "clone.create * ask\n"
      "* * deny\n");
  const auto list = rules.explain("clone.create", vm("pos1"), at(1, 23, 10));
  const std::vector<std::string> reasons = {
      "operation clone.create is not cutover.*",
      "vm pos1 is not kds-*",
      "now is Tue 23:10, outside days Sat",
      "now is Tue 23:10, outside hours 20:00-21:00,22:00-23:00",
      "decides",
      "matches, but policy:5 decided before",
  };
  ASSERT_EQ(list.size(), reasons.size());
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    EXPECT_EQ(list[i].reason, reasons[i]);
    EXPECT_EQ(list[i].decides, i == 4);
  }
}

TEST(RuleSet, WarnsOfRulesThatNeverDecide) {
  const RuleSet rules = RuleSet::parse("clone.* pos-* allow\nclone.create pos-1* deny\nclone.create kds deny\n");
  ASSERT_TRUE(rules.errors().empty());
  ASSERT_EQ(rules.warnings().size(), 1u);
  EXPECT_EQ(rules.warnings()[0].place, "policy:2:1");
  EXPECT_NE(rules.warnings()[0].message.find("policy:1"), std::string::npos);
  EXPECT_TRUE(RuleSet::parse("clone.* * allow hours=06:00-07:00\nclone.* * deny\n").warnings().empty());
}

// Of every alternative of protocol::Method.
template <class... M>
std::vector<std::string> changes_of_a_guest(const std::variant<M...>*) {
  std::vector<std::string> names;
  const auto add = [&](std::string_view name, protocol::Direction direction, protocol::Effect effect) {
    if (direction == protocol::Direction::to_broker && effect == protocol::Effect::changes) names.emplace_back(name);
  };
  (add(M::method, M::direction, M::effect), ...);
  return names;
}

TEST(RuleSet, WhateverAGuestMayAskToChangeIsKnownAndNothingElse) {
  std::vector<std::string> changes = changes_of_a_guest(static_cast<const protocol::Method*>(nullptr));
  std::vector<std::string> known = known_operations();
  std::sort(changes.begin(), changes.end());
  std::sort(known.begin(), known.end());
  EXPECT_EQ(known, changes);
  for (const std::string& name : changes) {
    EXPECT_TRUE(RuleSet::parse(name + " pos-* ask approvers=2\n").errors().empty()) << name;
    if (name != "clone.create") {
      EXPECT_EQ(RuleSet::parse(name + " pos-* allow clones=2\n").errors().size(), 1u) << name;
    }
  }
}

TEST(RuleSet, TooMuchTextIsRefused) {
  const RuleSet rules = RuleSet::parse(std::string(k_longest_policy_file + 1, '#'));
  EXPECT_EQ(rules.errors().size(), 1u);
}

TEST(RuleSet, LocalTimeFollowsTheHostsTimeZone) {
  ASSERT_EQ(setenv("TZ", "Europe/Berlin", 1), 0);
  tzset();
  const LocalTime winter = to_local_time(parse_rfc3339("2026-01-05T23:30:00.000Z").value());  // a Monday in UTC
  EXPECT_EQ(winter.weekday, 1u);
  EXPECT_EQ(winter.minute, 30u);
  const LocalTime summer = to_local_time(parse_rfc3339("2026-07-05T12:00:00.000Z").value());  // a Sunday
  EXPECT_EQ(summer.weekday, 6u);
  EXPECT_EQ(summer.minute, 14u * 60);
  unsetenv("TZ");
  tzset();
}

}  // namespace
}  // namespace zynclone::broker::policy
