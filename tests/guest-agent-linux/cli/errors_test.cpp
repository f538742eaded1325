#include <atomic>

#include "tests/guest-agent-linux/cli/fixture.hpp"

namespace zynclone::tests {
namespace {

TEST_F(Zynclone, EachErrorHasItsExitStatusAndSaysCodeAndPlace) {
  const std::vector<std::pair<Errc, int>> table = {
      {Errc::refused, 3},      {Errc::denied, 3},         {Errc::invalid_argument, 2}, {Errc::unavailable, 4}, {Errc::unsupported_version, 4},
      {Errc::timed_out, 5},    {Errc::not_found, 6},      {Errc::already_exists, 6},   {Errc::conflict, 6},    {Errc::busy, 6},
      {Errc::rate_limited, 6}, {Errc::limit_exceeded, 6}, {Errc::moved, 8},            {Errc::no_space, 6},    {Errc::internal, 1},
  };
  for (const auto& [code, status] : table) {
    will_fail(Error{code, "cannot create clone 'upgrade-1': because", "/params/name"});
    auto run = start(k_create);
    EXPECT_EQ(run.finish(), status) << to_string(code);
    EXPECT_TRUE(run.errors().starts_with("zynclone: cannot create clone 'upgrade-1': because")) << run.errors();
    EXPECT_TRUE(run.errors().ends_with("(" + std::string(to_string(code)) + " at /params/name)\n")) << run.errors();
    EXPECT_EQ(run.output(), "");
  }
}

TEST_F(Zynclone, WhatTheHostSaysIsNeverShownUnescaped) {
  will_fail(Error{Errc::internal, "cannot \x1b[2J\x1b]0;owned\x07", "\x1b[31m"});
  auto run = start(k_create);
  EXPECT_EQ(run.finish(), 1);
  EXPECT_EQ(run.errors().find('\x1b'), std::string::npos);
  EXPECT_EQ(run.errors().find('\x07'), std::string::npos);
  EXPECT_NE(run.errors().find("\\x1b[2J"), std::string::npos) << run.errors();
}

TEST_F(Zynclone, NoAgent) {
  agent.go_away();
  auto run = start({"clone", "list"});
  EXPECT_EQ(run.finish(), 4);
  EXPECT_EQ(run.errors(),
            "zynclone: cannot reach the agent at '" + agent.path() + "': No such file or directory (unavailable)\n");
}

TEST_F(Zynclone, SocketOption) {
  auto run = start({"clone", "list", "--socket", "/nowhere/agent.sock"});
  EXPECT_EQ(run.finish(), 4);
  EXPECT_NE(run.errors().find("/nowhere/agent.sock"), std::string::npos);
}

TEST_F(Zynclone, WrongValuesNeverReachTheAgent) {
  for (const auto& [arguments, place] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"clone", "create", "--name", "../x"}, "--name"},
           {{"clone", "create", "--name", ""}, "--name"},
           {{"clone", "create", "--name", "x", "--mode", "warm"}, "--mode"},
           {{"clone", "create", "--name", "x", "--plan", "--wait"}, "--wait"},
           {{"clone", "create", "--name", "x", "--request-id", "a b"}, "--request-id"},
           {{"clone", "list", "--timeout", "soon"}, "--timeout"},
           {{"clone", "start", "a\nb"}, "CLONE"},
           {{"clone", "rename", "a", "-"}, "NEW-NAME"},
           {{"clone", "list", "--timeout", "0s"}, "--timeout"},
           {{"operation", "list", "--limit", "5", "--all"}, "--limit"},
           {{"operation", "show", "x/y"}, "ID"},
           {{"operation", "show", "42"}, "ID"},
           {{"operation", "cancel", "01jd0000000000000000000001"}, "ID"},
           {{"operation", "watch", std::string(27, '0')}, "ID"},
       }) {
    auto run = start(arguments);
    EXPECT_EQ(run.finish(), 2) << run.errors();
    EXPECT_NE(run.errors().find("(invalid-argument at " + place + ")\n"), std::string::npos) << run.errors();
  }
  EXPECT_EQ(agent.connections(), 0u);
}

TEST_F(Zynclone, AnEmptyOptionIsNotOneThatWasLeftOut) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"clone", "create", "--name", "x", "--request-id", ""}, {"clone", "create", "--name", "x", "--timeout", " "}}) {
    auto run = start(arguments);
    EXPECT_EQ(run.finish(), 2);
    EXPECT_NE(run.errors().find("its value is empty; see zynclone clone create --help\n"), std::string::npos) << run.errors();
  }
  EXPECT_EQ(agent.connections(), 0u);
}

TEST_F(Zynclone, GarbageFromTheAgent) {
  agent.add([](Conversation& c) {
    c.read_line();
    c.send_line("<html>\x1b[2J</html>");
    c.wait_closed();
  });
  auto run = start({"clone", "list"});
  EXPECT_EQ(run.finish(), 4);
  EXPECT_NE(run.errors().find("(malformed"), std::string::npos) << run.errors();
  EXPECT_EQ(run.errors().find('\x1b'), std::string::npos);
}

TEST_F(Zynclone, ALineThatIsTooLong) {
  agent.add([](Conversation& c) {
    c.read_line();
    c.send_line(std::string(200'000, ' '));
    c.wait_closed();
  });
  auto run = start({"clone", "list"});
  EXPECT_EQ(run.finish(), 4);
  EXPECT_NE(run.errors().find("(too-large)"), std::string::npos) << run.errors();
}

TEST_F(Zynclone, AnAgentThatNeverAnswers) {
  agent.add([](Conversation& c) { c.wait_closed(); });
  auto run = start(create_with({"--timeout", "200ms", "--request-id", "mine"}));
  EXPECT_EQ(run.finish(), 5);
  EXPECT_NE(run.errors().find("repeat it with --request-id mine to see (timed-out)"), std::string::npos) << run.errors();
}

TEST_F(Zynclone, AnAnswerWithoutAnOperation) {
  will_answer(protocol::Accepted{});
  auto run = start(k_create);
  EXPECT_EQ(run.finish(), 4);
}

TEST_F(Zynclone, CtrlCWhileTheAnswerIsAwaited) {
  std::atomic<bool> is_asked = false;
  agent.add([&](Conversation& c) {
    c.read_line();
    is_asked = true;
    is_asked.notify_all();
    c.wait_closed();
  });
  auto run = start(create_with({"--request-id", "mine"}), Output::terminal);
  is_asked.wait(false);
  run.type("\x03");
  EXPECT_EQ(run.finish(), 130);
  EXPECT_NE(run.output().find("repeat it with --request-id mine to see"), std::string::npos) << run.output();
}

}  // namespace
}  // namespace zynclone::tests
