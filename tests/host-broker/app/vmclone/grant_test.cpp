// What an administrator allows ahead of time.
#include <chrono>

#include "cli/json.hpp"
#include "tests/host-broker/app/vmclone/fixture.hpp"

namespace zynclone::tests {
namespace {

const std::string k_id = sample_operation_id().text();

TEST_F(Vmclone, GrantsUntilATime) {
  will_answer(sample_grant());
  auto run = start({"grant", "pos1", "cutover.*", "--until", "2026-11-22T06:00", "--times", "3"});
  EXPECT_EQ(run.finish(), 0) << run.errors();
  EXPECT_EQ(run.output(), "grant " + k_id + ": cutover.* of pos1, 1 time until 2026-11-21 03:28:59\n");
  EXPECT_EQ(asked().vm->text(), "pos1");
  const auto& call = std::get<protocol::GrantAdd>(asked().method);
  EXPECT_EQ(call.operations, "cutover.*");
  EXPECT_EQ(to_rfc3339(call.until), "2026-11-22T06:00:00.000Z");
  EXPECT_EQ(call.times, 3u);

  will_answer(sample_grant());
  auto moment = start({"grant", "pos1", "volume.switch", "--until", "2026-11-22T06:00:00+01:00", "--json"});
  EXPECT_EQ(moment.finish(), 0) << moment.errors();
  EXPECT_EQ(moment.output(), cli::ascii_json(protocol::encode_view(sample_grant(), 2)) + "\n");
  EXPECT_EQ(to_rfc3339(std::get<protocol::GrantAdd>(asked().method).until), "2026-11-22T05:00:00.000Z");
  EXPECT_EQ(std::get<protocol::GrantAdd>(asked().method).times, 1u) << "once, unless said";
}

TEST_F(Vmclone, ATimeOfDayIsTheNextThatComes) {
  will_answer(sample_grant());
  const auto before = std::chrono::system_clock::now();
  auto run = start({"grant", "pos1", "cutover.*", "--until", "06:00"});
  EXPECT_EQ(run.finish(), 0) << run.errors();
  const auto until = std::get<protocol::GrantAdd>(asked().method).until;
  EXPECT_GT(until, before);
  EXPECT_LE(until, std::chrono::system_clock::now() + std::chrono::hours(24));
  EXPECT_EQ(to_rfc3339(until).substr(10), "T06:00:00.000Z");
}

TEST_F(Vmclone, GrantsAreListedAndRevoked) {
  auto used = sample_grant();
  used.times = 3;
  used.used = 9;
  will_answer(protocol::GrantListing{{sample_grant(), used}});
  auto all = start({"grant", "list"});
  EXPECT_EQ(all.finish(), 0) << all.errors();
  expect_golden("cli", "grants.txt", all.output());
  EXPECT_FALSE(asked().vm);

  will_answer(protocol::GrantListing{});
  auto one = start({"grant", "list", "pos1"});
  EXPECT_EQ(one.finish(), 0) << one.errors();
  EXPECT_EQ(one.output(), "nothing is granted\n");
  EXPECT_EQ(asked().vm->text(), "pos1");

  will_answer(protocol::GrantListing{{sample_grant()}});
  auto json = start({"grant", "list", "--json"});
  EXPECT_EQ(json.finish(), 0);
  EXPECT_EQ(json.output(), cli::ascii_json(protocol::encode_view(protocol::GrantListing{{sample_grant()}}, 2)) + "\n");

  will_answer(sample_grant());
  auto revoke = start({"grant", "revoke", k_id});
  EXPECT_EQ(revoke.finish(), 0) << revoke.errors();
  EXPECT_EQ(revoke.output(), "revoked: grant " + k_id + ": cutover.* of pos1, 1 time until 2026-11-21 03:28:59\n");
  EXPECT_EQ(std::get<protocol::GrantRevoke>(asked().method).id.text(), k_id);
}

TEST_F(Vmclone, AVmMayBeCalledAsACommandIs) {
  will_answer(sample_grant());
  auto run = start({"grant", "--until", "06:00", "--", "list", "cutover.*"});
  EXPECT_EQ(run.finish(), 0) << run.errors();
  EXPECT_EQ(asked().vm->text(), "list");
}

TEST_F(Vmclone, WhatCannotBeGrantedSaysWhatCan) {
  const std::string times = "allowed are HH:MM, the next one that comes, YYYY-MM-DDTHH:MM, local time, and RFC 3339 such as 2026-11-22T06:00:00Z "
                            "(invalid-argument at --until)";
  for (const auto& [arguments, error] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"grant"}, "cannot grant anything without VM: grant VM PATTERN --until TIME, grant list, grant revoke ID (invalid-argument at VM)"},
           {{"grant", "pos1"}, "cannot grant anything without PATTERN"},
           {{"grant", "pos1", "cutover.*"}, "cannot grant anything without --until"},
           {{"grant", "pos1", "cutover.*", "--until", ""}, "cannot grant anything without --until"},
           {{"grant", "p/s", "cutover.*", "--until", "06:00"}, "(invalid-argument at VM)"},
           {{"grant", "pos1", "cutover.*", "--until", "6 o'clock"}, "cannot use time '6 o'clock': " + times},
           {{"grant", "pos1", "cutover.*", "--until", "25:00"}, "cannot use time '25:00': " + times},
           {{"grant", "pos1", "cutover.*", "--until", "2026-11-22"}, times},
           {{"grant", "pos1", "cutover.*", "--until", "06:00", "--times", "-1"}, "expected a whole number, not '-1'"},
           {{"grant", "pos1", "cutover.*", "--until", "06:00", "--times", "often"}, "'often'"},
           {{"grant", "pos1", "list"}, "cannot use 'pos1' before 'list'"},
           {{"grant", "--until", "06:00", "list"}, "cannot use '--until' before 'list'"},
           {{"grant", "pos1", "revoke", k_id}, "cannot use 'pos1' before 'revoke'"},
           {{"grant", "list", "p s"}, "(invalid-argument at VM)"},
           {{"grant", "revoke"}, "ID is required"},
           {{"grant", "revoke", "42"}, "(invalid-argument at ID)"}}) {
    auto run = start(arguments);
    EXPECT_EQ(run.finish(), 2) << run.output();
    EXPECT_NE(run.errors().find(error), std::string::npos) << run.errors();
  }
  EXPECT_EQ(broker.connections(), 0u);
}

TEST_F(Vmclone, WhatTheBrokerRefusesOfAGrantIsShown) {
  broker.add([](Conversation& c) {
    c.fail(c.read_request(), Error{Errc::invalid_argument, "cannot grant something 0 times: 1 to 1000 are allowed", "/params/times"});
    c.wait_closed();
  });
  auto run = start({"grant", "pos1", "cutover.*", "--until", "06:00", "--times", "0"});
  EXPECT_EQ(run.finish(), 2);
  EXPECT_EQ(run.errors(), "vmclone: cannot grant something 0 times: 1 to 1000 are allowed (invalid-argument at /params/times)\n");
}

}  // namespace
}  // namespace zynclone::tests
